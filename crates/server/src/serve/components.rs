//! What the configuration says about components.

use std::sync::Arc;

use jid::Jid;
use waxwing_component::{Secret, Settings};
use waxwing_config::Config;
use waxwing_kernel::Component;

use super::clients;

pub fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    let secrets = config.components.secrets.iter();
    Settings {
        secrets: secrets
            .map(|(domain, secret)| (domain.as_str().to_owned(), Secret(secret.0.clone())))
            .collect(),
        failed_logins: clients::failed_logins(config),
        login_timeout: limits.login_timeout,
        limits_before_auth: clients::frame(config, limits.stanza_before_auth),
        limits: clients::frame(config, limits.stanza),
        stanzas: (limits.stanzas_per_second, limits.stanza_burst),
        bytes: (limits.bytes_per_second, limits.byte_burst),
        idle: config.keepalive.idle,
        answer: config.keepalive.answer,
    }
}

/// The components that the configuration names.
pub fn all(config: &Config) -> Result<Vec<Arc<Component>>, String> {
    let component = |domain: &jid::DomainPart| {
        let domain = Jid::new(domain.as_str()).map_err(|error| format!("component {domain}: {error}"))?;
        Ok(Component::new(Arc::new(domain), config.limits.component_outbox_bytes))
    };
    config.components.secrets.keys().map(component).collect()
}
