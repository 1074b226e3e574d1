//! A certificate chain with its key.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

use crate::NetError;

/// A PEM file is at most this long.
const MAX_FILE: u64 = 1024 * 1024;

/// The signature algorithm that names its hash among its parameters (RFC 4055 §3.1).
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

/// A certificate as it is presented, and what is known of it.
#[derive(Debug)]
pub struct Certified {
    pub(super) key: Arc<CertifiedKey>,
    end_point: Option<Vec<u8>>,
    /// DNS names in lower case and addresses, as text.
    pub(super) names: Vec<String>,
    pub(super) issuer: Vec<u8>,
    pub(super) ends: SystemTime,
}

impl Certified {
    /// Reads a chain and its key from PEM files; they may be one.
    pub(super) fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Self, NetError> {
        let fault = |path: &Path, what: &str| NetError(format!("{}: {what}", path.display()));
        let text = read(certificate)?;
        let chain = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| fault(certificate, "the PEM text is damaged"))?;
        let Some(leaf) = chain.first() else {
            return Err(fault(certificate, "holds no certificate in PEM form"));
        };
        let about = About::of(leaf).ok_or_else(|| fault(certificate, "the certificate is damaged"))?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| fault(key, "holds no private key in PEM form, or a damaged one"))?;
        let secret = provider
            .key_provider
            .load_private_key(secret)
            .map_err(|_| fault(key, "the private key is of a kind that is not supported, or damaged"))?;
        let pair = CertifiedKey::new(chain, secret);
        pair.keys_match().map_err(|_| {
            NetError(format!(
                "{}: is not the key of the certificate in {}",
                key.display(),
                certificate.display()
            ))
        })?;
        let About { end_point, names, issuer, ends } = about;
        Ok(Self { key: Arc::new(pair), end_point, names, issuer, ends })
    }

    /// The binding data of `tls-server-end-point` (RFC 5929 §4.1): the leaf's hash. None for signature algorithms for
    /// which it is undefined.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// Whether the certificate names `host`, given as a DNS name in ASCII or an address.
    pub(super) fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

struct About {
    end_point: Option<Vec<u8>>,
    names: Vec<String>,
    issuer: Vec<u8>,
    ends: SystemTime,
}

impl About {
    fn of(leaf: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
        let mut names = Vec::new();
        if let Ok(Some(extension)) = parsed.subject_alternative_name() {
            for name in &extension.value.general_names {
                match name {
                    GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        let ends = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        Some(Self {
            end_point: end_point(&parsed, leaf),
            names,
            issuer: parsed.issuer().as_raw().to_vec(),
            ends: SystemTime::UNIX_EPOCH + Duration::from_secs(ends),
        })
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|v4| std::net::Ipv4Addr::from(v4).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
        _ => None,
    }
}

/// RFC 5929 §4.1: the hash of the certificate's signature algorithm, SHA-256 in place of MD5 and SHA-1; undefined
/// where the algorithm uses no hash function of its own choice (Ed25519).
fn end_point(parsed: &X509Certificate<'_>, leaf: &[u8]) -> Option<Vec<u8>> {
    let algorithm = &parsed.signature_algorithm;
    let mut oid = algorithm.algorithm.to_id_string();
    if oid == RSASSA_PSS {
        let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm) else {
            return None;
        };
        oid = parameters.hash_algorithm_oid().to_id_string();
    }
    match oid.as_str() {
        // md5WithRSA, sha1WithRSA, sha256WithRSA, ecdsa-with-SHA1, ecdsa-with-SHA256; of PSS: sha1, sha256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2"
        | "1.3.14.3.2.26"
        | "2.16.840.1.101.3.4.2.1" => Some(Sha256::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            Some(Sha384::digest(leaf).to_vec())
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            Some(Sha512::digest(leaf).to_vec())
        }
        _ => None,
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, NetError> {
    let cannot = |error| NetError(format!("{}: cannot be read: {error}", path.display()));
    if std::fs::metadata(path).map_err(cannot)?.len() > MAX_FILE {
        return Err(NetError(format!("{}: is longer than {MAX_FILE} bytes", path.display())));
    }
    std::fs::read(path).map_err(cannot)
}
