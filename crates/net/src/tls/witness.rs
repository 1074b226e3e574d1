//! What a handshake shows that a connection without buffers does not tell afterwards.

use std::sync::{Arc, OnceLock};

use rustls::crypto::tls13::OkmBlock;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{KeyLog, SupportedCipherSuite, Tls13CipherSuite};

use super::bindings::Bindings;
use super::certified::Certified;
use super::state::Resolver;

/// The name that rustls gives the one secret that is kept: RFC 8446 §7.1, `exporter_master_secret`.
const EXPORTER: &str = "EXPORTER_SECRET";

/// One connection's: chooses the certificate that it shows and remembers which, and keeps the secret from which
/// bindings are exported, in this process's memory only, until the handshake is over.
#[derive(Debug)]
pub(super) struct Witness {
    resolver: Arc<Resolver>,
    shown: OnceLock<Arc<Certified>>,
    secret: OnceLock<Secret>,
}

/// Overwritten when it is dropped.
struct Secret(OkmBlock);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Witness {
    pub fn new(resolver: Arc<Resolver>) -> Witness {
        Witness { resolver, shown: OnceLock::new(), secret: OnceLock::new() }
    }

    /// The bindings of the connection that was watched and uses this suite.
    pub fn bindings(&self, suite: Option<SupportedCipherSuite>) -> Bindings {
        let exporter = match (suite, self.secret.get()) {
            (Some(SupportedCipherSuite::Tls13(suite)), Some(secret)) => {
                export(suite, &secret.0, b"EXPORTER-Channel-Binding")
            }
            _ => None,
        };
        let end_point = self.shown.get().and_then(|shown| shown.end_point()).map(<[u8]>::to_vec);
        Bindings { exporter, end_point }
    }
}

impl ResolvesServerCert for Witness {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.get_or_init(|| self.resolver.certified(hello.server_name()).clone());
        Some(shown.key.clone())
    }
}

impl KeyLog for Witness {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if label == EXPORTER && secret.len() <= OkmBlock::MAX_LEN {
            let _ = self.secret.set(Secret(OkmBlock::new(secret)));
        }
    }

    fn will_log(&self, label: &str) -> bool {
        label == EXPORTER
    }
}

/// Keying material for `label` with an empty context (RFC 8446 §7.5).
fn export(suite: &Tls13CipherSuite, secret: &OkmBlock, label: &[u8]) -> Option<[u8; 32]> {
    let empty = suite.common.hash_provider.hash(b"");
    let empty = empty.as_ref();
    let derived = suite.hkdf_provider.expander_for_okm(secret);
    let derived = derived.expand_block(&[&hkdf_label(empty.len(), label, empty)?]);
    let mut material = [0; 32];
    let info = hkdf_label(material.len(), b"exporter", empty)?;
    suite.hkdf_provider.expander_for_okm(&derived).expand_slice(&[&info], &mut material).ok()?;
    Some(material)
}

/// The structure `HkdfLabel` (RFC 8446 §7.1).
fn hkdf_label(length: usize, label: &[u8], context: &[u8]) -> Option<Vec<u8>> {
    let label = [b"tls13 ", label].concat();
    let mut info = u16::try_from(length).ok()?.to_be_bytes().to_vec();
    for part in [&*label, context] {
        info.push(u8::try_from(part.len()).ok()?);
        info.extend_from_slice(part);
    }
    Some(info)
}
