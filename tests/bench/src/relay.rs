//! The null relay: tokio-rustls on tokio, set up as the server sets up its TLS, and no XML. The first line of a connection names a pair; the
//! second connection that names it gets what the first one sends, and the other way round. A connection that sends
//! nothing is held. What no server on tokio and rustls can be below.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Fault;

/// Longer than any name of a pair.
const LINE: usize = 32;

type Socket = TlsStream<TcpStream>;

/// Those that wait for their partner.
type Waiting = Arc<Mutex<HashMap<Vec<u8>, Socket>>>;

/// Serves until it is killed.
pub async fn run(certificate: &Path, address: &str) -> Result<(), Fault> {
    let acceptor = TlsAcceptor::from(Arc::new(config(certificate)?));
    let waiting = Waiting::default();
    let listener = TcpListener::bind(address).await?;
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        tokio::spawn(serve(acceptor.clone(), tcp, waiting.clone()));
    }
}

fn config(certificate: &Path) -> Result<ServerConfig, Fault> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(certificate)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, waiting: Waiting) {
    // Futures of their own: the handshake and the copying need more memory than a connection that rests.
    let accepting = Box::pin(acceptor.accept(tcp));
    let Ok(mut socket) = accepting.await else { return };
    let Some(pair) = line(&mut socket).await else { return };
    let partner = {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.remove(&pair) {
            Some(partner) => partner,
            None => {
                waiting.insert(pair, socket);
                return;
            }
        }
    };
    let mut pair = Box::new((socket, partner));
    let (one, other) = &mut *pair;
    // Either end closes both.
    let _ = Box::pin(copy_bidirectional(one, other)).await;
}

/// The first line; `None` where there is none.
async fn line(socket: &mut Socket) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LINE {
        match socket.read(&mut byte).await {
            Ok(1) if byte == *b"\n" => return Some(line),
            Ok(1) => line.push(byte[0]),
            _ => return None,
        }
    }
    None
}
