//! One set of certificates and the rustls configurations made of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;

use super::certified::Certified;
use super::own::{Own, due};
use super::provider::provider;
use super::witness::Witness;
use super::{Alpn, Files, TlsSetup};
use crate::NetError;

#[derive(Debug)]
pub(super) struct State {
    pub resolver: Arc<Resolver>,
    plain: ServerConfig,
    with_alpn: ServerConfig,
    pub own_ca: Option<PathBuf>,
    /// When our own leaf is to be made anew.
    pub renew_at: Option<SystemTime>,
}

/// Certificates by DNS name in ASCII.
#[derive(Debug)]
pub(super) struct Resolver {
    by_name: HashMap<String, Arc<Certified>>,
    fallback: Arc<Certified>,
}

impl State {
    pub fn load(setup: &TlsSetup) -> Result<Self, NetError> {
        let provider = Arc::new(provider());
        let own = Own::new(&setup.folder);
        let names = setup.hosts.iter().map(|host| ascii(host)).collect::<Result<Vec<_>, _>>()?;
        let read = |files: &Files| Certified::read(&files.certificate, &files.key, &provider).map(Arc::new);

        let need_own =
            setup.files.is_none() && setup.hosts.iter().any(|host| !setup.by_host.contains_key(host));
        let common = match &setup.files {
            Some(files) => Some(read(files)?),
            None if need_own => Some(Arc::new(own.certified(&names, &provider)?)),
            None => None,
        };
        let mut by_name = HashMap::new();
        let mut first = None;
        for (host, name) in setup.hosts.iter().zip(&names) {
            let certified = match (setup.by_host.get(host), &common) {
                (Some(files), _) => read(files)?,
                (None, Some(common)) => common.clone(),
                (None, None) => continue, // not possible: then there would be a common one
            };
            judge(name, &certified);
            first.get_or_insert_with(|| certified.clone());
            by_name.insert(name.clone(), certified);
        }
        let fallback = first.ok_or_else(|| NetError("no host to make a certificate for".into()))?;
        let resolver = Arc::new(Resolver { by_name, fallback });
        // Tickets are bound to this state: after a reload they are not taken, and no connection is bound to a
        // certificate that it was not shown.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NetError(format!("TLS: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Witness::new(resolver.clone())));
        config.ticketer = ring::Ticketer::new().map_err(|error| NetError(format!("TLS: {error}")))?;
        config.send_tls13_tickets = 1;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let plain = config.clone();
        config.alpn_protocols.clone_from(&setup.alpn);
        let renew_at = if need_own { common.map(|leaf| due(leaf.ends)) } else { None };
        Ok(Self { resolver, plain, with_alpn: config, own_ca: need_own.then(|| own.ca()), renew_at })
    }

    /// The configuration of one connection.
    pub fn config(&self, alpn: Alpn, witness: &Arc<Witness>) -> ServerConfig {
        let mut config = match alpn {
            Alpn::None => self.plain.clone(),
            Alpn::Offered => self.with_alpn.clone(),
        };
        config.cert_resolver = witness.clone();
        config.key_log = witness.clone();
        config
    }
}

impl Resolver {
    /// The certificate for a client that asks for `name`, or for none.
    pub fn certified(&self, name: Option<&str>) -> &Arc<Certified> {
        let found = name.and_then(|name| self.by_name.get(name.to_ascii_lowercase().as_str()));
        found.unwrap_or(&self.fallback)
    }
}

/// The files that a setup reads, to see whether they changed.
pub(super) fn files(setup: &TlsSetup) -> Vec<PathBuf> {
    let given = setup.files.iter().chain(setup.by_host.values());
    let given = given.flat_map(|files| [files.certificate.clone(), files.key.clone()]);
    given.chain([Own::new(&setup.folder).leaf()]).collect()
}

/// A host as certificates and clients name it: a DNS name in ASCII, or an address without brackets.
fn ascii(host: &str) -> Result<String, NetError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<std::net::IpAddr>() {
        return Ok(address.to_string());
    }
    idna::domain_to_ascii(bare).map_err(|_| NetError(format!("{host} cannot be written as a DNS name")))
}

/// Says what clients will complain about.
fn judge(name: &str, certified: &Certified) {
    if !certified.covers(name) {
        tracing::warn!(
            host = name,
            names = certified.names.join(" "),
            "the certificate does not name the host"
        );
    }
    if certified.ends <= SystemTime::now() {
        tracing::warn!(host = name, "the certificate has expired");
    }
}

/// What tells a file's new content from its old one.
pub(super) fn print(path: &Path) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len(), data.ino()))
}
