//! One XML stream to the server, below any session.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use minidom::Element;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::{
    Account, Binding, Hash, Scram, Server, StanzaExt, ns, tls,
    xml::{Item, Reader},
};

/// How long the server may take to say what it must say. Generous: the machine may be busy, and a test
/// that passes never waits for it.
const DEADLINE: Duration = Duration::from_secs(15);

/// What the stream brought.
#[derive(Debug)]
pub enum Event {
    /// The server's stream header; `declared` when an XML declaration stood before it.
    Header { declared: bool, header: Element },
    /// A child of the stream.
    Child(Element),
    /// `</stream:stream>`
    End,
    /// The connection is closed.
    Eof,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two.
    Handshake,
}

/// A connection and the stream on it.
pub struct Stream {
    socket: Socket,
    reader: Reader,
    domain: String,
    tls: Arc<rustls::ClientConfig>,
    declared: bool,
    /// Channel bindings of the TLS layer, [`Binding::No`] without TLS.
    pub exporter: Binding,
    pub end_point: Binding,
    /// The server's leaf certificate in DER.
    pub certificate: Vec<u8>,
    pub alpn: Option<Vec<u8>>,
    /// TLS went on with a session of an earlier connection.
    pub resumed: bool,
    said: Transcript,
}

impl Stream {
    /// A TCP connection to the STARTTLS port.
    pub async fn plain(server: &Server) -> Stream {
        Stream::to(server, server.c2s(), server.domain()).await
    }

    /// A TCP connection to where components connect.
    pub async fn component(server: &Server) -> Stream {
        Stream::to(server, server.components(), server.domain()).await
    }

    /// A TLS connection to the direct TLS port (XEP-0368).
    pub async fn direct(server: &Server) -> Stream {
        Stream::direct_to(server, server.domain()).await
    }

    /// A TLS connection to the direct TLS port, for this domain.
    pub async fn direct_to(server: &Server, domain: &str) -> Stream {
        Stream::trusting(server, domain, server.trust()).await
    }

    /// Another connection of the same program: it has the TLS tickets that this one got.
    pub async fn again(&self, server: &Server) -> Stream {
        Stream::trusting(server, &self.domain, self.tls.clone()).await
    }

    async fn trusting(server: &Server, domain: &str, tls: Arc<rustls::ClientConfig>) -> Stream {
        let mut stream = Stream::to(server, server.c2s_tls(), domain).await;
        stream.tls = tls;
        stream.handshake().await.expect("a TLS handshake");
        stream
    }

    /// A TCP connection to this address.
    pub async fn to(server: &Server, address: SocketAddr, domain: &str) -> Stream {
        let socket = TcpStream::connect(address).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        Stream {
            socket: Socket::Plain(socket),
            reader: Reader::default(),
            domain: domain.to_owned(),
            tls: server.trust(),
            declared: false,
            exporter: Binding::No,
            end_point: Binding::No,
            certificate: Vec::new(),
            alpn: None,
            resumed: false,
            said: Transcript::default(),
        }
    }

    /// Encrypted by STARTTLS, features read: ready to authenticate.
    pub async fn starttls(server: &Server) -> (Stream, Element) {
        let mut stream = Stream::plain(server).await;
        stream.open().await;
        stream.encrypt().await.expect("a TLS handshake");
        let features = stream.open().await;
        (stream, features)
    }

    /// STARTTLS on the open stream, up to where it is to be opened anew.
    pub async fn encrypt(&mut self) -> std::io::Result<()> {
        self.send(format!("<starttls xmlns='{}'/>", ns::TLS)).await;
        assert!(self.child().await.is("proceed", ns::TLS));
        self.handshake().await
    }

    /// Certificates by the CA of this server are believed, and no others.
    pub fn trust(&mut self, server: &Server) {
        self.tls = server.trust();
    }

    /// TLS on the open connection. What the server sent beyond `<proceed/>` would be a fault.
    pub async fn handshake(&mut self) -> std::io::Result<()> {
        assert_eq!(self.reader.unparsed(), b"", "nothing may follow <proceed/> in the clear");
        let Socket::Plain(socket) = std::mem::replace(&mut self.socket, Socket::Handshake) else {
            panic!("TLS twice");
        };
        let secured = timeout(DEADLINE, tls::connect(self.tls.clone(), &self.domain, socket))
            .await
            .expect("a TLS handshake in time")?;
        self.socket = Socket::Tls(Box::new(secured.socket));
        self.exporter = secured.exporter;
        self.end_point = secured.end_point;
        self.certificate = secured.certificate;
        self.alpn = secured.alpn;
        self.resumed = secured.resumed;
        self.restart();
        Ok(())
    }

    /// A fresh parser, as after TLS and SASL.
    pub fn restart(&mut self) {
        self.reader = Reader::default();
    }

    /// Sends bytes as they are. That the server has closed already is seen when reading, not here.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.said.note('>', &String::from_utf8_lossy(bytes));
        let _ = match &mut self.socket {
            Socket::Plain(socket) => socket.write_all(bytes).await,
            Socket::Tls(socket) => match socket.write_all(bytes).await {
                Ok(()) => socket.flush().await,
                Err(error) => Err(error),
            },
            Socket::Handshake => panic!("sending during the handshake"),
        };
    }

    /// Sends our stream header to the server's domain.
    pub async fn header(&mut self) {
        let header = header(&self.domain);
        self.send(header).await;
    }

    /// Opens the stream and returns the features. Panics when the server does otherwise.
    pub async fn open(&mut self) -> Element {
        self.header().await;
        self.opened().await;
        self.features().await
    }

    /// The server's stream header.
    pub async fn opened(&mut self) -> Element {
        match self.event().await {
            Event::Header { header, .. } => {
                assert!(header.is("stream", ns::STREAM), "not a stream header: {}", header.show());
                header
            }
            other => panic!("no stream header but {other:?}"),
        }
    }

    /// The stream features.
    pub async fn features(&mut self) -> Element {
        let features = self.child().await;
        assert!(features.is("features", ns::STREAM), "not stream features: {}", features.show());
        features
    }

    /// The next child of the stream. Panics when the stream ends instead.
    pub async fn child(&mut self) -> Element {
        match self.event().await {
            Event::Child(child) => child,
            other => panic!("a child of the stream was due, not {other:?}"),
        }
    }

    /// A stream error, the stream's end and the connection's end, in this order (RFC 6120 §4.9.1.1).
    /// Returns the condition. Stanzas and a header before the error are passed over.
    pub async fn failed(&mut self) -> String {
        loop {
            match self.event().await {
                Event::Child(child) if child.is("error", ns::STREAM) => {
                    let condition = child
                        .children()
                        .find(|child| child.ns() == ns::STREAMS && child.name() != "text")
                        .unwrap_or_else(|| panic!("no condition in {}", child.show()));
                    let condition = condition.name().to_owned();
                    self.ended().await;
                    return condition;
                }
                Event::Child(_) | Event::Header { .. } => {}
                other => panic!("a stream error was due, not {other:?}"),
            }
        }
    }

    /// The stream's end and then the connection's.
    pub async fn ended(&mut self) {
        match self.event().await {
            Event::End => {}
            other => panic!("</stream:stream> was due, not {other:?}"),
        }
        // The server may wait for our side (RFC 6120 §4.4): give it.
        self.send("</stream:stream>").await;
        assert!(matches!(self.event().await, Event::Eof), "the connection stays open");
    }

    /// What comes next.
    pub async fn event(&mut self) -> Event {
        match timeout(DEADLINE, self.read()).await {
            Ok(event) => event,
            Err(_) => panic!("nothing came within {DEADLINE:?}"),
        }
    }

    /// As [`Stream::event`], with no deadline of its own.
    pub async fn read(&mut self) -> Event {
        loop {
            match self.reader.next() {
                Some(Item::Declaration) => self.declared = true,
                Some(Item::Header(header)) => {
                    let declared = std::mem::take(&mut self.declared);
                    return Event::Header { declared, header };
                }
                Some(Item::Child(child)) => return Event::Child(child),
                Some(Item::End) => return Event::End,
                None => {
                    let mut bytes = [0u8; 4096];
                    let read = match &mut self.socket {
                        Socket::Plain(socket) => socket.read(&mut bytes).await,
                        Socket::Tls(socket) => socket.read(&mut bytes).await,
                        Socket::Handshake => panic!("reading during the handshake"),
                    };
                    match read {
                        // A reset and a TLS end without close_notify are ends too.
                        Ok(0) | Err(_) => {
                            self.said.note('<', "(end of the connection)");
                            return Event::Eof;
                        }
                        Ok(n) => {
                            self.said.note('<', &String::from_utf8_lossy(&bytes[..n]));
                            self.reader.feed(&bytes[..n]);
                        }
                    }
                }
            }
        }
    }

    /// SCRAM over this stream with the named mechanism; the stream is restarted and its features returned.
    /// On failure the condition of `<failure/>`.
    pub async fn scram(&mut self, mechanism: &str, mut scram: Scram) -> Result<Element, String> {
        self.send(format!(
            "<auth xmlns='{}' mechanism='{mechanism}'>{}</auth>",
            ns::SASL,
            STANDARD.encode(scram.first())
        ))
        .await;
        let challenge = self.child().await;
        if challenge.is("failure", ns::SASL) {
            return Err(failure(&challenge));
        }
        assert!(challenge.is("challenge", ns::SASL), "no challenge: {}", challenge.show());
        let response = scram.last(&decoded(&challenge));
        self.send(format!("<response xmlns='{}'>{}</response>", ns::SASL, STANDARD.encode(response))).await;
        let outcome = self.child().await;
        if outcome.is("failure", ns::SASL) {
            return Err(failure(&outcome));
        }
        assert!(outcome.is("success", ns::SASL), "neither success nor failure: {}", outcome.show());
        assert!(scram.verify(&decoded(&outcome)), "the server's signature is wrong");
        self.restart();
        Ok(self.open().await)
    }

    /// PLAIN (RFC 4616) with these three fields.
    pub async fn plain_auth(&mut self, authzid: &str, user: &str, password: &str) -> Result<Element, String> {
        let message = STANDARD.encode(format!("{authzid}\0{user}\0{password}"));
        self.send(format!("<auth xmlns='{}' mechanism='PLAIN'>{message}</auth>", ns::SASL)).await;
        let outcome = self.child().await;
        if outcome.is("failure", ns::SASL) {
            return Err(failure(&outcome));
        }
        assert!(outcome.is("success", ns::SASL), "neither success nor failure: {}", outcome.show());
        self.restart();
        Ok(self.open().await)
    }

    /// Logs in with SCRAM-SHA-256 and no channel binding.
    pub async fn login(&mut self, account: &Account) -> Element {
        let scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &Binding::No);
        match self.scram("SCRAM-SHA-256", scram).await {
            Ok(features) => features,
            Err(condition) => panic!("login of {}: {condition}", account.jid),
        }
    }

    /// Binds a resource, of the server's making when none is given; returns the full JID.
    pub async fn bind(&mut self, resource: Option<&str>) -> String {
        let wish = resource.map(|name| format!("<resource>{name}</resource>")).unwrap_or_default();
        self.send(format!("<iq type='set' id='bind'><bind xmlns='{}'>{wish}</bind></iq>", ns::BIND)).await;
        let answer = self.child().await;
        assert_eq!((answer.kind(), answer.id()), (Some("result"), Some("bind")), "{}", answer.show());
        answer.must("bind", ns::BIND).must("jid", ns::BIND).text()
    }
}

/// Our stream header to `domain`.
fn header(domain: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' \
         xmlns='jabber:client' xmlns:stream='{}'>",
        ns::STREAM
    )
}

/// The condition of a SASL failure (RFC 6120 §6.5).
pub(crate) fn failure(element: &Element) -> String {
    element.children().find(|child| child.name() != "text").expect("a condition").name().to_owned()
}

pub(crate) fn decoded(element: &Element) -> String {
    String::from_utf8(STANDARD.decode(element.text().trim()).expect("base64")).expect("UTF-8")
}

/// What was said, printed when the test fails. Bounded: the newest 64 KiB.
#[derive(Default)]
struct Transcript(String);

impl Transcript {
    const MOST: usize = 64 * 1024;

    fn note(&mut self, direction: char, text: &str) {
        let text = if text.len() > 2000 { "(long)" } else { text };
        self.0.push(direction);
        self.0.push(' ');
        self.0.push_str(text);
        self.0.push('\n');
        if self.0.len() > Self::MOST {
            let cut = self.0.len() - Self::MOST / 2;
            let cut = self.0.char_indices().map(|(at, _)| at).find(|at| *at >= cut).unwrap_or(0);
            self.0.drain(..cut);
        }
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.0.is_empty() {
            eprintln!("--- a stream of the failed scene\n{}", self.0);
        }
    }
}
