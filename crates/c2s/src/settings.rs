//! What the operator decides about client streams.

use std::time::Duration;

use waxwing_net::ThrottleLimits;
use waxwing_sasl::Mechanism;
use waxwing_xml::Limits;

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Mechanisms offered and accepted.
    pub mechanisms: Vec<Mechanism>,
    /// PBKDF2 rounds for keys of accounts registered in band.
    pub iterations: u32,
    /// How long a device can log in with a token; zero: there are none.
    pub token_lifetime: Duration,
    /// Whether accounts can be registered in band (XEP-0077).
    pub registration: bool,
    /// Registrations from one address in an hour.
    pub registrations_per_hour: u32,
    pub failed_logins: ThrottleLimits,
    /// From the connection to the bound resource.
    pub login_timeout: Duration,
    /// What one element may be before authentication.
    pub limits_before_auth: Limits,
    /// What one element may be afterwards.
    pub limits: Limits,
    /// Stanzas of one session; faster ones are read slower.
    pub stanzas: Pace,
    /// Bytes of one session.
    pub bytes: Pace,
    /// Stanzas of one session that may be without durable effect before no more is read.
    pub uncommitted: usize,
    /// Without a byte for this long, a client is asked for a sign of life.
    pub idle: Duration,
    /// How long it has for the answer.
    pub answer: Duration,
    /// How long a session can be resumed at most; zero: never.
    pub resume: Duration,
    /// Where to resume (XEP-0198 §3), host and port.
    pub location: Option<String>,
    /// Sessions of one account that wait to be resumed.
    pub hibernated_per_account: usize,
    /// Sessions of the server that wait to be resumed.
    pub hibernated: usize,
    /// Bytes that these hold.
    pub hibernated_bytes: usize,
}

/// So many a second on average, so many at once.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub rate: u32,
    pub burst: u32,
}
