//! What the configuration says about client streams.

use waxwing_c2s::{Pace, Settings};
use waxwing_config::{Config, Registration};
use waxwing_net::ThrottleLimits;
use waxwing_sasl::Mechanism;
use waxwing_xml::Limits;

pub fn settings(config: &Config) -> Result<Settings, String> {
    let limits = &config.limits;
    let mechanism = |name: &String| {
        Mechanism::from_name(name).ok_or_else(|| format!("sasl.mechanisms: {name} is not implemented"))
    };
    Ok(Settings {
        mechanisms: config.sasl.mechanisms.iter().map(mechanism).collect::<Result<_, _>>()?,
        iterations: config.sasl.iterations,
        token_lifetime: config.sasl.token_lifetime,
        registration: config.registration == Registration::Open,
        registrations_per_hour: limits.registrations_per_hour,
        failed_logins: failed_logins(config),
        login_timeout: limits.login_timeout,
        limits_before_auth: frame(config, limits.stanza_before_auth),
        limits: frame(config, limits.stanza),
        stanzas: Pace { rate: limits.stanzas_per_second, burst: limits.stanza_burst },
        bytes: Pace { rate: limits.bytes_per_second, burst: limits.byte_burst },
        uncommitted: limits.uncommitted_messages,
        idle: config.keepalive.idle,
        answer: config.keepalive.answer,
        resume: config.sm.resume,
        location: config.sm.location.clone(),
        hibernated_per_account: config.sm.hibernated_per_account,
        hibernated: config.sm.hibernated,
        hibernated_bytes: config.sm.hibernated_bytes,
    })
}

/// Bounds for what one element may be, of so many bytes.
pub fn frame(config: &Config, frame: usize) -> Limits {
    Limits { frame, depth: config.limits.depth, attributes: config.limits.attributes }
}

pub fn failed_logins(config: &Config) -> ThrottleLimits {
    ThrottleLimits {
        per_account: config.limits.failed_logins_per_account,
        per_address: config.limits.failed_logins_per_address,
        window: config.limits.failed_login_window,
    }
}
