//! A client whose server may die at any moment: that the connection ends is a value here, not a failed test.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use harness::{Account, Binding, Hash, Item, Reader, Scram, StanzaExt, ns};
use minidom::Element;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A server that says nothing for so long hangs; one that was killed closes its connections.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The connection has ended.
#[derive(Debug)]
pub struct Gone;

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Gone {
        Gone
    }
}

/// An authenticated stream.
pub struct Wire {
    socket: TlsStream<TcpStream>,
    reader: Reader,
}

impl Wire {
    /// Connects to the direct TLS port and logs in.
    pub async fn login(
        address: SocketAddr,
        trust: &Arc<ClientConfig>,
        account: &Account,
    ) -> Result<Wire, Gone> {
        let mut wire = Wire::connect(address, trust).await?;
        let mut scram = Scram::new(Hash::Sha256, &account.user, &account.password, "", &Binding::No);
        let first = STANDARD.encode(scram.first());
        wire.send(&format!("<auth xmlns='{}' mechanism='SCRAM-SHA-256'>{first}</auth>", ns::SASL)).await;
        let challenge = wire.expect("challenge").await?;
        let last = STANDARD.encode(scram.last(&decoded(&challenge)));
        wire.send(&format!("<response xmlns='{}'>{last}</response>", ns::SASL)).await;
        wire.expect("success").await?;
        wire.reader = Reader::default();
        wire.open().await?;
        Ok(wire)
    }

    /// Connects, and logs in with SASL2 (XEP-0388) and these wishes; `<success/>` is returned too.
    pub async fn login_with(
        address: SocketAddr,
        trust: &Arc<ClientConfig>,
        account: &Account,
        wishes: &str,
    ) -> Result<(Wire, Element), Gone> {
        let mut wire = Wire::connect(address, trust).await?;
        let plain = format!("\0{}\0{}", account.user, account.password);
        wire.send(&harness::authenticate("PLAIN", plain, wishes)).await;
        let success = wire.expect("success").await?;
        Ok((wire, success))
    }

    async fn connect(address: SocketAddr, trust: &Arc<ClientConfig>) -> Result<Wire, Gone> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a server name");
        let socket = TlsConnector::from(trust.clone()).connect(name, socket).await?;
        let mut wire = Wire { socket, reader: Reader::default() };
        wire.open().await?;
        Ok(wire)
    }

    async fn open(&mut self) -> Result<(), Gone> {
        let open = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams'>";
        self.send(open).await;
        self.expect("features").await.map(drop)
    }

    /// That the server is gone is seen when reading, behind what it has sent before.
    pub async fn send(&mut self, text: &str) {
        if self.socket.write_all(text.as_bytes()).await.is_ok() {
            let _ = self.socket.flush().await;
        }
    }

    /// The next child of the stream; the stream's end is an end. May be dropped unfinished.
    pub async fn child(&mut self) -> Result<Element, Gone> {
        loop {
            match self.reader.next() {
                Some(Item::Child(child)) => return Ok(child),
                Some(Item::End) => return Err(Gone),
                Some(Item::Header(_) | Item::Declaration) => {}
                None => {
                    let mut bytes = [0u8; 8192];
                    match self.socket.read(&mut bytes).await? {
                        0 => return Err(Gone),
                        n => self.reader.feed(&bytes[..n]),
                    }
                }
            }
        }
    }

    /// The next child, which must have this name.
    pub async fn expect(&mut self, name: &str) -> Result<Element, Gone> {
        let child = self.answer().await?;
        assert_eq!(child.name(), name, "{}", child.show());
        Ok(child)
    }

    async fn answer(&mut self) -> Result<Element, Gone> {
        timeout(DEADLINE, self.child()).await.expect("an answer of a server that runs")
    }

    pub async fn bind(&mut self, resource: &str) -> Result<(), Gone> {
        self.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='{}'><resource>{resource}</resource></bind></iq>",
            ns::BIND
        ))
        .await;
        let answer = self.expect("iq").await?;
        assert_eq!(answer.kind(), Some("result"), "{}", answer.show());
        Ok(())
    }

    /// Enables stream management; the id to resume with. What comes before the answer is not counted, and handed
    /// to `take`: chat for the full JID comes before initial presence (RFC 6121 §8.5.3.1).
    pub async fn enable(&mut self, mut take: impl FnMut(&Element)) -> Result<String, Gone> {
        self.send(&format!("<enable xmlns='{}' resume='true'/>", ns::SM)).await;
        loop {
            let child = self.answer().await?;
            if child.is("enabled", ns::SM) {
                return Ok(child.id().expect("resumption is granted").to_owned());
            }
            take(&child);
        }
    }

    /// Asks to resume. `Ok` with `h` where it is granted, else `Err` with the `h` that the refusal told.
    pub async fn resume(&mut self, previd: &str, received: u32) -> Result<Result<u32, Option<u32>>, Gone> {
        self.send(&format!("<resume xmlns='{}' previd='{previd}' h='{received}'/>", ns::SM)).await;
        let answer = self.answer().await?;
        let h = answer.attr("h").map(|h| h.parse().expect("a number"));
        match answer.name() {
            "resumed" => Ok(Ok(h.expect("an h"))),
            "failed" => Ok(Err(h)),
            _ => panic!("neither resumed nor failed: {}", answer.show()),
        }
    }

    pub async fn acknowledge(&mut self, received: u32) {
        self.send(&format!("<a xmlns='{}' h='{received}'/>", ns::SM)).await;
    }

    /// Closes the stream as RFC 6120 §4.4 says, and hands what still comes to `take`.
    pub async fn close(mut self, take: impl FnMut(Element)) {
        self.send("</stream:stream>").await;
        self.drain(take).await;
    }

    /// Ends the connection and leaves the stream open; what the server has sent until it noticed goes to `take`.
    pub async fn drop_connection(mut self, take: impl FnMut(Element)) {
        let _ = self.socket.shutdown().await;
        self.drain(take).await;
    }

    async fn drain(mut self, mut take: impl FnMut(Element)) {
        while let Ok(child) = timeout(DEADLINE, self.child()).await.expect("the server closes too") {
            take(child);
        }
    }
}

fn decoded(element: &Element) -> String {
    String::from_utf8(STANDARD.decode(element.text().trim()).expect("base64")).expect("UTF-8")
}
