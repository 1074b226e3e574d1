//! The floor: accepts TLS connections and holds them, each in a task of its own, and knows nothing of XMPP.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Fault;

/// Serves until it is killed.
pub async fn run(certificate: &Path, address: &str) -> Result<(), Fault> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(certificate)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.send_tls13_tickets = 1;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(address).await?;
    loop {
        let (tcp, _) = listener.accept().await?;
        tokio::spawn(hold(acceptor.clone(), tcp));
    }
}

async fn hold(acceptor: TlsAcceptor, tcp: TcpStream) {
    // A future of its own: the handshake needs more memory than a connection.
    let accepting = Box::pin(acceptor.accept(tcp));
    if let Ok(mut socket) = accepting.await {
        // Ends when the client closes.
        let _ = socket.read(&mut [0]).await;
    }
}
