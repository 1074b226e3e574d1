//! A client that costs little, so that the machine is left to the server: no tree, no check that a scenario does not
//! need. Direct TLS, SCRAM-SHA-1, XEP-0198.

mod fast;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::scram::Scram;
use crate::wire::{self, Cutter, Event};
use crate::{DOMAIN, Fault};

/// Longer than any server needs for anything here, unless it has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Connections from one address, which has some 28,000 ports.
const PORTS: usize = 20_000;

/// Where a server is, and whom to trust.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    /// Connections so far.
    opened: Arc<AtomicUsize>,
}

impl Target {
    pub fn new(address: SocketAddr, tls: Arc<ClientConfig>) -> Target {
        Target { address, tls, opened: Arc::default() }
    }

    /// A connection from an address that has ports left.
    async fn tcp(&self) -> Result<TcpStream, Fault> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed) / PORTS;
        let socket = TcpSocket::new_v4()?;
        if number > 0 {
            let [_, _, _, last] = (number as u32 + 1).to_be_bytes();
            socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
        }
        Ok(socket.connect(self.address).await?)
    }

    /// A TCP connection with TLS on it.
    pub async fn connect(&self) -> Result<TlsStream<TcpStream>, Fault> {
        let tcp = self.tcp().await?;
        tcp.set_nodelay(true)?;
        Ok(TlsConnector::from(self.tls.clone()).connect(ServerName::try_from(DOMAIN)?, tcp).await?)
    }
}

/// See the module.
pub struct Client {
    socket: TlsStream<TcpStream>,
    cutter: Cutter,
    /// Stanzas received since XEP-0198 was enabled.
    received: u32,
}

/// The name of account `number`.
pub fn user(number: usize) -> String {
    format!("user{number}")
}

/// Its bare JID.
pub fn jid(number: usize) -> String {
    format!("user{number}@{DOMAIN}")
}

impl Client {
    /// Connects up to the stream's features.
    pub async fn connect(target: &Target) -> Result<Client, Fault> {
        let mut client = Client::over(target.connect().await?);
        client.open().await?;
        Ok(client)
    }

    fn over(socket: TlsStream<TcpStream>) -> Client {
        Client { socket, cutter: Cutter::default(), received: 0 }
    }

    /// A connection over the null relay to whoever names the same pair.
    pub async fn paired(target: &Target, pair: usize) -> Result<Client, Fault> {
        let mut client = Client::over(target.connect().await?);
        client.send(format!("{pair}\n").as_bytes()).await?;
        Ok(client)
    }

    async fn open(&mut self) -> Result<(), Fault> {
        self.cutter.restart();
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        self.ask(&header, "<stream:features").await.map(drop)
    }

    /// From the features to the bound resource.
    pub async fn login(&mut self, number: usize, resource: &str) -> Result<(), Fault> {
        let name = user(number);
        let scram = Scram::new(&name);
        let auth = format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{}</auth>",
            scram.first()
        );
        let challenge = self.ask(&auth, "<challenge").await?;
        let last = scram.last(wire::text(challenge.as_bytes()).unwrap_or(""))?;
        let response = format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{last}</response>");
        self.ask(&response, "<success").await?;
        self.open().await?;
        let bind = format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>{resource}</resource></bind></iq>"
        );
        self.result(&bind).await
    }

    /// Fetches the roster and becomes available; waits until its own presence comes back.
    pub async fn appear(&mut self) -> Result<(), Fault> {
        self.roster().await?;
        self.ask("<presence/>", "<presence").await.map(drop)
    }

    /// Fetches the roster.
    pub async fn roster(&mut self) -> Result<(), Fault> {
        self.result("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>").await
    }

    /// Everything above, as an ordinary client does it.
    pub async fn ready(target: &Target, number: usize) -> Result<Client, Fault> {
        let mut client = Client::connect(target).await?;
        client.login(number, "bench").await?;
        client.appear().await?;
        Ok(client)
    }

    /// Switches XEP-0198 on.
    pub async fn enable(&mut self) -> Result<(), Fault> {
        self.ask("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", "<enabled").await?;
        self.received = 0;
        Ok(())
    }

    /// Sends a request and waits for its result.
    async fn result(&mut self, request: &str) -> Result<(), Fault> {
        let answer = self.ask(request, "<iq").await?;
        match wire::attribute(answer.as_bytes(), "type") {
            Some("result") => Ok(()),
            _ => Err(Fault::new(format!("refused: {answer}"))),
        }
    }

    /// Sends, and waits for the element that begins as `wanted`; others before it are passed over.
    async fn ask(&mut self, text: &str, wanted: &str) -> Result<String, Fault> {
        self.send(text.as_bytes()).await?;
        loop {
            if let Some(element) = self.cutter.next() {
                if element.starts_with(wanted.as_bytes()) {
                    return Ok(String::from_utf8_lossy(element).into_owned());
                }
                let refused = [&b"<failure"[..], b"<stream:error", b"<failed", b"</stream"];
                if refused.iter().any(|refused| element.starts_with(refused)) {
                    return Err(Fault::new(format!("refused: {}", String::from_utf8_lossy(element))));
                }
                continue;
            }
            self.read().await?;
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await?;
        Ok(())
    }

    /// Waits until something has come.
    pub async fn read(&mut self) -> Result<(), Fault> {
        let input = self.cutter.input();
        input.reserve(4096);
        match timeout(PATIENCE, self.socket.read_buf(input)).await {
            Ok(Ok(0)) => Err(Fault::new("the server closed the connection")),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Fault::new("nothing came for three minutes")),
        }
    }

    /// The next thing that has come, without waiting. What answers `<r/>` is appended to `out`.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Option<Event> {
        let event = Event::of(self.cutter.next()?);
        match event {
            Event::Message(_) | Event::Stray | Event::Stanza => self.received += 1,
            Event::Asked => {
                let answer = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.received);
                out.extend_from_slice(answer.as_bytes());
            }
            _ => {}
        }
        Some(event)
    }

    /// The next element that has come, without waiting and uncounted. A stream error is one here too.
    pub fn element(&mut self) -> Result<Option<&[u8]>, Fault> {
        match self.cutter.next() {
            Some(element) if element.starts_with(b"<stream:error") => {
                Err(Fault::new(format!("the server ended it: {}", String::from_utf8_lossy(element))))
            }
            element => Ok(element),
        }
    }

    /// Closes the stream and waits until the server has.
    pub async fn close(mut self) -> Result<(), Fault> {
        self.send(b"</stream:stream>").await?;
        let mut rest = Vec::new();
        // A server that ends the connection without a TLS farewell has ended it all the same.
        let _ = timeout(PATIENCE, self.socket.read_to_end(&mut rest)).await;
        Ok(())
    }
}

/// XEP-0198 `<r/>`.
pub const REQUEST: &[u8] = b"<r xmlns='urn:xmpp:sm:3'/>";
