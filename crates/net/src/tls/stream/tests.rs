use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

use super::TlsStream;
use crate::tls::{Alpn, Bindings, Tls, TlsSetup};

type Client = tokio_rustls::client::TlsStream<DuplexStream>;
type Server = TlsStream<DuplexStream>;

const V13: &SupportedProtocolVersion = &rustls::version::TLS13;
const V12: &SupportedProtocolVersion = &rustls::version::TLS12;

struct Pair {
    client: Client,
    server: Server,
    bindings: Bindings,
}

/// A server with a certificate, and a client that trusts it.
struct World {
    _folder: TempDir,
    tls: Arc<Tls>,
    config: Arc<ClientConfig>,
}

impl World {
    fn new(version: &'static SupportedProtocolVersion) -> World {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::load(TlsSetup {
            hosts: vec!["localhost".to_owned()],
            folder: folder.path().to_owned(),
            files: None,
            by_host: Default::default(),
            alpn: Vec::new(),
        })
        .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(tls.own_ca().unwrap()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        World { _folder: folder, tls, config: Arc::new(config) }
    }

    async fn accept(&self, io: DuplexStream) -> io::Result<(Server, Bindings)> {
        self.tls.acceptor(Alpn::None).accept(io).await
    }

    async fn connect(&self, io: DuplexStream) -> Client {
        let connector = tokio_rustls::TlsConnector::from(self.config.clone());
        connector.connect(ServerName::try_from("localhost").unwrap(), io).await.unwrap()
    }

    async fn pair(&self) -> Pair {
        let (ours, theirs) = duplex(65_536);
        let (server, client) = tokio::join!(self.accept(ours), self.connect(theirs));
        let (server, bindings) = server.unwrap();
        Pair { client, server, bindings }
    }
}

async fn read(server: &mut Server) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    poll_fn(|cx| server.poll_read(cx, &mut plain)).await?;
    Ok(plain)
}

async fn write(server: &mut Server, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let taken = poll_fn(|cx| server.poll_write(cx, bytes)).await.unwrap();
        bytes = &bytes[taken..];
    }
    poll_fn(|cx| server.poll_flush(cx)).await.unwrap();
}

fn exporter(client: &Client) -> [u8; 32] {
    let connection = client.get_ref().1;
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap()
}

#[tokio::test]
async fn everything_arrives_over_a_narrow_line_and_no_buffer_is_kept() {
    for version in [V12, V13] {
        let world = World::new(version);
        let (ours, theirs) = duplex(100);
        let sent: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let talk = async {
            let mut client = world.connect(theirs).await;
            client.write_all(&sent).await.unwrap();
            client.flush().await.unwrap();
            let mut back = vec![0; sent.len()];
            client.read_exact(&mut back).await.unwrap();
            back
        };
        let answer = async {
            let (mut server, _) = world.accept(ours).await.unwrap();
            let mut there = Vec::new();
            while there.len() < sent.len() {
                there.extend(read(&mut server).await.unwrap());
            }
            write(&mut server, &there).await;
            (server, there)
        };
        let (back, (server, there)) = tokio::join!(talk, answer);
        assert!(there == sent && back == sent);
        assert_eq!(server.incoming.capacity() + server.early.capacity() + server.outgoing.capacity(), 0);
    }
}

/// Notes the length of each write.
struct Noting(DuplexStream, Vec<usize>);

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Noting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.1.push(bytes.len());
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_is_written_costs_one_write() {
    let world = World::new(V13);
    let (ours, theirs) = duplex(65_536);
    let acceptor = world.tls.acceptor(Alpn::None);
    let (server, mut client) = tokio::join!(acceptor.accept(Noting(ours, Vec::new())), world.connect(theirs));
    let (mut server, _) = server.unwrap();
    server.io.1.clear();
    for (word, _with_the_ticket) in [(b"wherefore", true), (b"therefore", false)] {
        let taken = poll_fn(|cx| server.poll_write(cx, word)).await.unwrap();
        poll_fn(|cx| server.poll_flush(cx)).await.unwrap();
        assert_eq!(taken, 9);
        assert_eq!(server.io.1.len(), 1, "{:?}", server.io.1);
        client.read_exact(&mut [0; 9]).await.unwrap();
        server.io.1.clear();
    }
}

#[tokio::test]
async fn a_resumed_connection_has_bindings_of_its_own() {
    let world = World::new(V13);
    let Pair { mut client, mut server, bindings: first } = world.pair().await;
    // The ticket comes with what the client reads first.
    write(&mut server, b"x").await;
    client.read_u8().await.unwrap();
    let Pair { client, bindings: second, .. } = world.pair().await;
    assert_eq!(client.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    assert_eq!(second.exporter, Some(exporter(&client)));
    assert_ne!(second.exporter, first.exporter);
    assert_eq!(second.end_point, first.end_point);
}

#[tokio::test]
async fn new_keys_are_taken_and_answered() {
    let Pair { mut client, mut server, .. } = World::new(V13).pair().await;
    for round in 0..3 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(&[round]).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), [round]);
        write(&mut server, &[round]).await;
        assert_eq!(client.read_u8().await.unwrap(), round);
    }
}

#[tokio::test]
async fn the_end_of_what_a_client_sends_is_told_from_a_broken_connection() {
    for version in [V12, V13] {
        let Pair { mut client, mut server, .. } = World::new(version).pair().await;
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), b"bye");
        assert_eq!(read(&mut server).await.unwrap(), b"");
        // Our side is open until we close it.
        write(&mut server, b"bye").await;
        poll_fn(|cx| server.poll_shutdown(cx)).await.unwrap();
        let mut last = Vec::new();
        client.read_to_end(&mut last).await.unwrap();
        assert_eq!(last, b"bye");

        let Pair { client, mut server, .. } = World::new(version).pair().await;
        drop(client);
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn a_record_that_is_none_is_answered_with_an_alert() {
    for version in [V12, V13] {
        let Pair { mut client, mut server, .. } = World::new(version).pair().await;
        client
            .get_mut()
            .0
            .write_all(b"\x17\x03\x03\x00\x20 this was not encrypted with the key")
            .await
            .unwrap();
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let error = client.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("BadRecordMac"), "{error}");
    }
}

#[tokio::test]
async fn a_handshake_message_without_end_is_cut() {
    let world = World::new(V13);
    let (ours, mut theirs) = duplex(1 << 20);
    // A ClientHello of 16 MiB less one byte, in records of 16 KiB.
    let mut flood = vec![1, 0xff, 0xff, 0xff];
    flood.resize(16_384, 0);
    let flood = [&[22, 3, 1, 0x40, 0], &*flood].concat().repeat(3);
    theirs.write_all(&flood).await.unwrap();
    let error = world.accept(ours).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
