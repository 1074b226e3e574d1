//! What the operator decides about components.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use waxwing_net::ThrottleLimits;
use waxwing_xml::Limits;

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The secret of each component, by its prepared domain.
    pub secrets: BTreeMap<String, Secret>,
    pub failed_logins: ThrottleLimits,
    /// From the connection to the handshake.
    pub login_timeout: Duration,
    /// What one element may be before the handshake.
    pub limits_before_auth: Limits,
    /// What one element may be afterwards.
    pub limits: Limits,
    /// Stanzas of one component: so many a second on average, so many at once. Faster ones are read slower.
    pub stanzas: (u32, u32),
    /// Its bytes likewise.
    pub bytes: (u32, u32),
    /// Without a byte for this long, a component is asked for a sign of life.
    pub idle: Duration,
    /// How long it has for the answer.
    pub answer: Duration,
}

/// What a component shares with the server; never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
