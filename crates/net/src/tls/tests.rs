use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use sha2::{Digest, Sha256};

use super::{Alpn, Bindings, Certified, Files, Tls, TlsSetup};

fn setup(folder: &Path, hosts: &[&str]) -> TlsSetup {
    TlsSetup {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        folder: folder.to_owned(),
        files: None,
        by_host: BTreeMap::new(),
        alpn: vec![b"xmpp-client".to_vec()],
    }
}

/// Files of a certificate from another CA, for `host`.
fn foreign(folder: &Path, host: &str) -> Files {
    Tls::load(setup(folder, &[host])).unwrap();
    Files { certificate: folder.join("server.pem"), key: folder.join("server.pem") }
}

struct Seen {
    bindings: Bindings,
    exporter: [u8; 32],
    leaf: CertificateDer<'static>,
}

/// Shakes hands as a client that trusts `ca`.
async fn connect(
    tls: &Tls,
    ca: &Path,
    name: &str,
    alpn: (Alpn, &[&str]),
    version: &'static SupportedProtocolVersion,
) -> Result<Seen, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.1.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let (ours, theirs) = tokio::io::duplex(65_536);
    let acceptor = tls.acceptor(alpn.0);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (server, client) = tokio::join!(acceptor.accept(ours), connector.connect(name, theirs));
    let client = client.map_err(|error| error.to_string())?;
    let (_server, bindings) = server.map_err(|error| error.to_string())?;
    let exporter = client.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
    Ok(Seen {
        bindings,
        exporter: exporter.unwrap(),
        leaf: client.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned(),
    })
}

const V13: &SupportedProtocolVersion = &rustls::version::TLS13;
const V12: &SupportedProtocolVersion = &rustls::version::TLS12;

#[tokio::test]
async fn a_client_that_trusts_our_ca_connects_to_every_host() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::load(setup(folder.path(), &["localhost", "bücher.example", "127.0.0.1"])).unwrap();
    let ca = tls.own_ca().unwrap();
    for name in ["localhost", "xn--bcher-kva.example", "127.0.0.1"] {
        let seen = connect(&tls, &ca, name, (Alpn::None, &[]), V13).await.unwrap();
        assert_eq!(seen.bindings.exporter, Some(seen.exporter));
        assert_eq!(seen.bindings.end_point.unwrap(), Sha256::digest(&seen.leaf).to_vec());
        let old = connect(&tls, &ca, name, (Alpn::None, &[]), V12).await.unwrap();
        assert_eq!(old.bindings.exporter, None);
    }
    let error = connect(&tls, &ca, "other.example", (Alpn::None, &[]), V13).await.err().unwrap();
    assert!(error.contains("not valid for name"), "{error}");
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("ca.key"), mode("server.pem")), (0o600, 0o600));
}

#[tokio::test]
async fn application_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::load(setup(folder.path(), &["localhost"])).unwrap();
    let ca = tls.own_ca().unwrap();
    let attempt =
        async |alpn, offered: &[&str]| connect(&tls, &ca, "localhost", (alpn, offered), V13).await.is_ok();
    assert!(attempt(Alpn::Offered, &["xmpp-client"]).await);
    assert!(attempt(Alpn::Offered, &[]).await);
    assert!(!attempt(Alpn::Offered, &["h2"]).await);
    assert!(attempt(Alpn::None, &["h2"]).await);
}

#[test]
fn the_leaf_has_what_clients_ask_for_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let leaf = |hosts: &[&str]| {
        let tls = Tls::load(setup(folder.path(), hosts)).unwrap();
        tls.certified(None).key.cert[0].clone()
    };
    let first = leaf(&["a.example"]);
    let (_, parsed) = x509_parser::parse_x509_certificate(&first).unwrap();
    let purpose = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(purpose.server_auth && !purpose.client_auth);
    let life = parsed.validity().not_after.timestamp() - parsed.validity().not_before.timestamp();
    assert!(life <= 398 * 86_400);
    assert_eq!(leaf(&["a.example"]), first);
    let ca = fs::read(folder.path().join("ca.pem")).unwrap();
    let second = leaf(&["a.example", "b.example"]);
    assert_ne!(second, first);
    assert_eq!(leaf(&["b.example"]), second);
    assert_eq!(fs::read(folder.path().join("ca.pem")).unwrap(), ca);
}

#[tokio::test]
async fn hosts_with_files_of_their_own_are_chosen_by_name() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut setup = setup(folder.path(), &["a.example", "b.example"]);
    setup.by_host.insert("b.example".into(), foreign(other.path(), "b.example"));
    let tls = Tls::load(setup).unwrap();
    let (ours, theirs) = (tls.own_ca().unwrap(), other.path().join("ca.pem"));
    let a = connect(&tls, &ours, "a.example", (Alpn::None, &[]), V13).await.unwrap();
    let b = connect(&tls, &theirs, "b.example", (Alpn::None, &[]), V13).await.unwrap();
    assert_eq!(b.bindings.end_point.unwrap(), Sha256::digest(&b.leaf).to_vec());
    assert_ne!(a.leaf, b.leaf);
    assert!(connect(&tls, &ours, "b.example", (Alpn::None, &[]), V13).await.is_err());
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut setup = setup(folder.path(), &["a.example"]);
    setup.files = Some(foreign(other.path(), "a.example"));
    let tls = Tls::load(setup).unwrap();
    assert_eq!(tls.own_ca(), None);
    let before = tls.certified(None).key.cert[0].clone();
    let file = other.path().join("server.pem");
    let good = fs::read(&file).unwrap();
    fs::write(&file, "nothing").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert_eq!(error, format!("{}: holds no certificate in PEM form", file.display()));
    assert_eq!(tls.certified(None).key.cert[0], before);
    fs::write(&file, good).unwrap();
    tls.reload().unwrap();
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_noticed() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut setup = setup(folder.path(), &["a.example"]);
    setup.files = Some(foreign(folder.path(), "a.example"));
    let tls = Tls::load(setup).unwrap();
    let before = tls.certified(None).key.cert[0].clone();
    let watch = tls.clone().watch();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let new = foreign(other.path(), "a.example");
    fs::copy(new.certificate, folder.path().join("server.pem")).unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    for _ in 0..1000 {
        if tls.certified(None).key.cert[0] != before {
            watch.abort();
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the new certificate was not taken");
}

#[test]
fn faults_are_one_line() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fault = |setup: TlsSetup| {
        let error = Tls::load(setup).unwrap_err().to_string();
        assert!(!error.contains('\n'));
        error
    };
    let mut mixed = setup(folder.path(), &["a.example"]);
    let (first, second) = (foreign(folder.path(), "a.example"), foreign(other.path(), "a.example"));
    mixed.files = Some(Files { certificate: first.certificate.clone(), key: second.key.clone() });
    assert!(fault(mixed.clone()).contains("is not the key of the certificate in"));
    mixed.files = Some(Files { certificate: "/nowhere".into(), key: "/nowhere".into() });
    assert_eq!(fault(mixed), "/nowhere: cannot be read: No such file or directory (os error 2)");
    fs::write(&first.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(fault(setup(folder.path(), &["a.example"])).contains("the certificate is damaged"));
    fs::copy(other.path().join("ca.key"), folder.path().join("ca.key")).unwrap();
    assert!(
        fault(setup(folder.path(), &["a.example"])).contains("is not the key of the certificate in ca.pem")
    );
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    assert!(fault(setup(folder.path(), &["a.example"])).contains("ca.key: cannot be read"));
    assert!(fault(setup(Path::new("/proc/x"), &["a.example"])).contains("cannot be written"));
}

#[test]
fn the_end_point_is_hashed_as_the_certificate_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let end_point = |algorithm| {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let leaf =
            rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let file = folder.path().join("pair.pem");
        fs::write(&file, format!("{}{}", key.serialize_pem(), leaf.pem())).unwrap();
        let certified = Certified::read(&file, &file, &ring::default_provider()).unwrap();
        (certified.end_point().map(<[u8]>::to_vec), leaf.der().to_vec())
    };
    let (sha256, leaf) = end_point(&rcgen::PKCS_ECDSA_P256_SHA256);
    assert_eq!(sha256.unwrap(), Sha256::digest(leaf).to_vec());
    let (sha384, leaf) = end_point(&rcgen::PKCS_ECDSA_P384_SHA384);
    assert_eq!(sha384.unwrap(), sha2::Sha384::digest(leaf).to_vec());
    assert_eq!(end_point(&rcgen::PKCS_ED25519).0, None);
}
