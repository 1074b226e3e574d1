//! Certificates that we make ourselves: a CA that is kept, and one leaf for all domains, renewed from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certified::{Certified, read};
use crate::NetError;

const DAY: Duration = Duration::from_secs(86_400);

/// Clients refuse leaves that are valid for more than 398 days.
const LEAF_LIFE: Duration = Duration::from_secs(397 * 86_400);

/// The leaf is made anew this long before it ends.
pub(super) const RENEW_BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// A CA made by us is trusted by hand, so it lasts.
const CA_LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);

/// Clocks of clients may be behind ours.
const SKEW: Duration = Duration::from_secs(3600);

/// The files in the folder of our own certificates.
#[derive(Debug, Clone)]
pub(super) struct Own {
    folder: PathBuf,
}

impl Own {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn ca_key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// Leaf and key in one file, so that no crash can leave a certificate with another's key.
    pub fn leaf(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The leaf for `names`, made or renewed from the kept CA where needed; the CA is made the first time.
    pub fn certified(&self, names: &[String], provider: &CryptoProvider) -> Result<Certified, NetError> {
        let (ca, ca_text) = self.certificate_authority()?;
        let path = self.leaf();
        if path.exists() {
            let leaf = Certified::read(&path, &path, provider)?;
            let current = leaf.ends > SystemTime::now() + RENEW_BEFORE;
            if current && leaf.issuer == subject(&ca_text) && names.iter().all(|name| leaf.covers(name)) {
                return Ok(leaf);
            }
        }
        self.make_leaf(names, &ca, LEAF_LIFE)?;
        tracing::info!(file = %path.display(), names = names.join(" "), "made a certificate");
        Certified::read(&path, &path, provider)
    }

    fn certificate_authority(&self) -> Result<(Issuer<'static, KeyPair>, Vec<u8>), NetError> {
        let (path, key_path) = (self.ca(), self.ca_key());
        if !path.exists() {
            self.make_ca()?;
        }
        let fault = |path: &Path, what: &str| NetError(format!("{}: {what}", path.display()));
        let text = read(&path)?;
        let damaged = || fault(&path, "is no CA certificate that we made, or damaged");
        let pem = std::str::from_utf8(&text).map_err(|_| damaged())?;
        let key_text = read(&key_path)?;
        let key = std::str::from_utf8(&key_text)
            .ok()
            .and_then(|text| KeyPair::from_pem(text).ok())
            .ok_or_else(|| fault(&key_path, "holds no private key in PEM form, or a damaged one"))?;
        if public_key(&text).ok_or_else(damaged)? != key.public_key_raw() {
            return Err(fault(&key_path, "is not the key of the certificate in ca.pem beside it"));
        }
        let issuer = Issuer::from_ca_cert_pem(pem, key).map_err(|_| damaged())?;
        Ok((issuer, text))
    }

    fn make_ca(&self) -> Result<(), NetError> {
        let cannot = |error: rcgen::Error| NetError(format!("cannot make a CA: {error}"));
        // The name tells one server's CA from another's in a list of trusted ones.
        let mut mark = [0; 4];
        getrandom::fill(&mut mark)
            .map_err(|error| NetError(format!("cannot make a CA: no randomness: {error}")))?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, format!("Waxwing CA {:08x}", u32::from_be_bytes(mark)));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.not_before = OffsetDateTime::now_utc() - SKEW;
        parameters.not_after = parameters.not_before + CA_LIFE;
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = parameters.self_signed(&key).map_err(cannot)?;
        // The key first: a CA without its key would be trusted and of no use.
        write(&self.ca_key(), &key.serialize_pem(), 0o600)?;
        write(&self.ca(), &certificate.pem(), 0o644)
    }

    fn make_leaf(&self, names: &[String], ca: &Issuer<'_, KeyPair>, life: Duration) -> Result<(), NetError> {
        let cannot = |error: rcgen::Error| NetError(format!("cannot make a certificate: {error}"));
        let mut parameters = CertificateParams::new(names).map_err(cannot)?;
        parameters.distinguished_name = DistinguishedName::new();
        // RFC 9525 §2: only the alternative names count; common names are at most 64 characters long.
        if let Some(short) = names.iter().find(|name| name.len() <= 64) {
            parameters.distinguished_name.push(DnType::CommonName, short.as_str());
        }
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before = OffsetDateTime::now_utc() - SKEW;
        parameters.not_after = parameters.not_before + life;
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = parameters.signed_by(&key, ca).map_err(cannot)?;
        write(&self.leaf(), &format!("{}{}", certificate.pem(), key.serialize_pem()), 0o600)
    }
}

/// When a leaf that ends at `ends` is due, and at least a day from now: a failed renewal is not tried all the time.
pub(super) fn due(ends: SystemTime) -> SystemTime {
    (ends - RENEW_BEFORE).max(SystemTime::now() + DAY)
}

fn subject(pem: &[u8]) -> Vec<u8> {
    with_parsed(pem, |ca| ca.subject().as_raw().to_vec()).unwrap_or_default()
}

fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    with_parsed(pem, |ca| ca.public_key().subject_public_key.data.to_vec())
}

fn with_parsed<T>(pem: &[u8], take: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    Some(take(&parsed))
}

/// Writes a file whole or not at all, readable as `mode` says from its first byte on.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), NetError> {
    let attempt = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let draft = path.with_extension("new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    attempt().map_err(|error| NetError(format!("{}: cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_that_ends_soon_is_made_anew_from_the_same_ca() {
        let folder = tempfile::tempdir().unwrap();
        let (own, provider) = (Own::new(folder.path()), rustls::crypto::ring::default_provider());
        let names = ["a.example".to_owned()];
        let (ca, ca_text) = own.certificate_authority().unwrap();
        own.make_leaf(&names, &ca, RENEW_BEFORE - DAY).unwrap();
        let short = fs::read(own.leaf()).unwrap();
        let leaf = own.certified(&names, &provider).unwrap();
        assert_ne!(fs::read(own.leaf()).unwrap(), short);
        assert!(leaf.ends > SystemTime::now() + LEAF_LIFE - DAY);
        assert_eq!(leaf.issuer, subject(&ca_text));
        assert_eq!(own.certificate_authority().unwrap().1, ca_text);
    }
}
