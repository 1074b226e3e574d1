//! What the server does for who has proven nothing yet: no more than to look up the account's keys, so that how long
//! it takes tells nobody how much belongs to an account, or whether there is one.

use std::sync::Arc;

use jid::Jid;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use waxwing_net::Gate;
use waxwing_sasl::Keys;
use waxwing_store::NewAccount;

use super::World;

/// `n,,n=juliet,r=fyko`; for PLAIN her name and a wrong password, and her name and the right one.
const SCRAM: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj1meWtv</auth>";
const PLAIN: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAB3cm9uZw==</auth>";
const PROOF: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>";

#[tokio::test]
async fn an_account_is_read_when_its_client_has_proven_it_and_not_when_it_says_so() {
    let world = World::start().await;
    let keys = Keys::derive("secret", 4096).unwrap().to_bytes();
    let new = NewAccount { jid: "juliet@localhost".to_owned(), keys, admin: false, created: 0 };
    world.clients.core.store.create_accounts(&[new]).await.unwrap();
    for (attempt, answer, is_read) in
        [(SCRAM, "</challenge>", false), (PLAIN, "</failure>", false), (PROOF, "/>", true)]
    {
        let mut stream = world.client().await;
        let header = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
        ask(&mut stream, header, "</stream:features>").await;
        ask(&mut stream, attempt, answer).await;
        let juliet = Jid::new("juliet@localhost").unwrap();
        assert_eq!(world.clients.core.directory.present(&juliet).is_some(), is_read, "{attempt}");
    }
}

impl World {
    /// A client on direct TLS.
    async fn client(&self) -> TlsStream<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        let pass = Gate::new(10, 10).enter(peer.ip()).ok().unwrap();
        self.clients.serve(accepted, peer, true, pass);
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(self.folder.path().join("tls/ca.pem")).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }
}

/// Sends, and reads up to the end of the element that answers.
async fn ask(stream: &mut TlsStream<TcpStream>, text: &str, end: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    while !came.ends_with(end.as_bytes()) {
        assert!(stream.read_buf(&mut came).await.unwrap() > 0, "{}", String::from_utf8_lossy(&came));
    }
}
