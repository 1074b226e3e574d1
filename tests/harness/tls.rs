//! TLS as a client that trusts the server's own CA and nothing else.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, HandshakeKind, RootCertStore, pki_types::CertificateDer, pki_types::ServerName};
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Binding, Hash};

/// What the TLS connection offers for channel binding.
pub struct Secured {
    pub socket: TlsStream<TcpStream>,
    /// RFC 9266.
    pub exporter: Binding,
    /// RFC 5929 §4, for certificates signed with SHA-256, as those that the server makes itself are.
    pub end_point: Binding,
    pub certificate: Vec<u8>,
    pub alpn: Option<Vec<u8>>,
    /// A session of an earlier connection went on (RFC 8446 §2.2).
    pub resumed: bool,
}

/// A configuration that trusts the certificates in the PEM file `ca`.
pub fn trust(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(ca).unwrap_or_else(|error| panic!("{}: {error}", ca.display()))
    {
        roots.add(certificate.expect("PEM")).expect("a CA certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"xmpp-client".to_vec()];
    Arc::new(config)
}

/// The handshake, and the certificate verified for `domain`.
pub async fn connect(config: Arc<ClientConfig>, domain: &str, socket: TcpStream) -> std::io::Result<Secured> {
    let name = ServerName::try_from(domain.to_owned()).expect("a server name");
    let socket = TlsConnector::from(config).connect(name, socket).await?;
    let (_, session) = socket.get_ref();
    let exporter = session
        .export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", Some(b""))
        .expect("keying material")
        .to_vec();
    let certificate =
        session.peer_certificates().and_then(|chain| chain.first()).expect("a certificate").to_vec();
    let alpn = session.alpn_protocol().map(<[u8]>::to_vec);
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Secured {
        exporter: Binding::Bound("tls-exporter", exporter),
        end_point: Binding::Bound("tls-server-end-point", Hash::Sha256.digest(&certificate)),
        certificate,
        alpn,
        resumed,
        socket,
    })
}
