//! A logged-in session.

use std::collections::VecDeque;

use minidom::Element;

use crate::{
    Account, Binding, Event, Hash, Scram, Server, StanzaExt, Stream, ns,
    sm::Sm,
    xml::{Item, Reader},
};

/// How a client logs in.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// Direct TLS instead of STARTTLS.
    pub direct: bool,
    pub hash: Hash,
    /// The `-PLUS` form with this channel binding.
    pub plus: Option<Plus>,
}

#[derive(Clone, Copy, Debug)]
pub enum Plus {
    Exporter,
    EndPoint,
}

impl Default for Login {
    fn default() -> Self {
        Login { direct: true, hash: Hash::Sha256, plus: None }
    }
}

impl Account {
    /// Whether the server lets it in with its password.
    pub async fn can_log_in(&self, server: &Server) -> bool {
        let mut stream = Stream::direct(server).await;
        stream.open().await;
        let scram = Scram::new(Hash::Sha256, &self.user, &self.password, "", &Binding::No);
        stream.scram("SCRAM-SHA-256", scram).await.is_ok()
    }
}

impl Login {
    /// The mechanism's registered name.
    pub fn mechanism(&self) -> String {
        let hash = match self.hash {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
            Hash::Sha512 => "SCRAM-SHA-512",
        };
        format!("{hash}{}", if self.plus.is_some() { "-PLUS" } else { "" })
    }

    /// A stream that is authenticated and has no resource yet.
    pub async fn stream(&self, server: &Server, account: &Account) -> Stream {
        let mut stream = if self.direct {
            let mut stream = Stream::direct(server).await;
            stream.open().await;
            stream
        } else {
            Stream::starttls(server).await.0
        };
        let binding = match self.plus {
            None => Binding::No,
            Some(Plus::Exporter) => stream.exporter.clone(),
            Some(Plus::EndPoint) => stream.end_point.clone(),
        };
        let scram = Scram::new(self.hash, &account.user, &account.password, "", &binding);
        if let Err(condition) = stream.scram(&self.mechanism(), scram).await {
            panic!("login of {} with {self:?}: {condition}", account.jid);
        }
        stream
    }
}

/// A session with a bound resource. Stanzas that came while something else was awaited wait in order.
pub struct Client {
    pub(crate) stream: Stream,
    pub(crate) jid: String,
    pub(crate) sm: Sm,
    inbox: VecDeque<Element>,
    next_id: u32,
}

impl Client {
    pub async fn login(server: &Server, account: &Account, resource: &str) -> Client {
        let mut stream = Login::default().stream(server, account).await;
        let jid = stream.bind(Some(resource)).await;
        Client::over(stream, jid)
    }

    /// A client over a stream that has this resource bound.
    pub fn over(stream: Stream, jid: String) -> Client {
        Client { stream, jid, sm: Sm::default(), inbox: VecDeque::new(), next_id: 0 }
    }

    /// The full JID.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// The bare JID.
    pub fn bare(&self) -> &str {
        self.jid.split('/').next().unwrap_or(&self.jid)
    }

    pub fn domain(&self) -> &str {
        self.bare().split('@').next_back().unwrap_or_default()
    }

    /// Sends whole stanzas.
    pub async fn send(&mut self, stanzas: impl AsRef<str>) {
        self.sm.sent += stanzas_in(stanzas.as_ref());
        self.stream.send(stanzas.as_ref()).await;
    }

    /// Sends bytes as they are, counted by nobody.
    pub async fn send_raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.send(bytes).await;
    }

    /// Sends a chat message.
    pub async fn say(&mut self, to: &str, body: &str) {
        self.send(format!("<message to='{to}' type='chat'><body>{body}</body></message>")).await;
    }

    /// Initial presence with a priority; its echo (RFC 6121 §4.2.2) is awaited, and what came before it
    /// stays to be read.
    pub async fn available(&mut self, priority: i8) {
        self.send(format!("<presence><priority>{priority}</priority></presence>")).await;
        let me = self.jid.clone();
        self.find(|it| it.name() == "presence" && it.kind().is_none() && it.from() == Some(&me)).await;
    }

    /// The next stanza.
    pub async fn next(&mut self) -> Element {
        match self.inbox.pop_front() {
            Some(stanza) => stanza,
            None => self.read().await,
        }
    }

    /// The next stanza, which must be a message.
    pub async fn message(&mut self) -> Element {
        self.named("message").await
    }

    /// The next stanza, which must be a presence.
    pub async fn presence(&mut self) -> Element {
        self.named("presence").await
    }

    /// The next stanza, which must be an IQ.
    pub async fn iq(&mut self) -> Element {
        self.named("iq").await
    }

    async fn named(&mut self, name: &str) -> Element {
        let stanza = self.next().await;
        assert!(stanza.is(name, ns::CLIENT), "{}: {name} was due, not {}", self.jid, stanza.show());
        stanza
    }

    /// The first stanza that is as wanted; all others stay to be read, in order.
    pub async fn find(&mut self, wanted: impl Fn(&Element) -> bool) -> Element {
        if let Some(at) = self.inbox.iter().position(&wanted) {
            return self.inbox.remove(at).expect("the position just found");
        }
        loop {
            let stanza = self.read().await;
            if wanted(&stanza) {
                return stanza;
            }
            self.inbox.push_back(stanza);
        }
    }

    /// Sends an IQ request and returns its response.
    pub async fn request(&mut self, kind: &str, to: Option<&str>, payload: &str) -> Element {
        let id = self.ask(kind, to, payload).await;
        self.find(|it| {
            it.name() == "iq" && it.id() == Some(&id) && matches!(it.kind(), Some("result" | "error"))
        })
        .await
    }

    /// Sends an IQ request and returns its id.
    pub async fn ask(&mut self, kind: &str, to: Option<&str>, payload: &str) -> String {
        self.next_id += 1;
        let id = format!("q{}", self.next_id);
        let to = to.map(|to| format!(" to='{to}'")).unwrap_or_default();
        self.send(format!("<iq type='{kind}' id='{id}'{to}>{payload}</iq>")).await;
        id
    }

    pub async fn get(&mut self, to: &str, payload: &str) -> Element {
        self.request("get", Some(to), payload).await
    }

    pub async fn set(&mut self, to: &str, payload: &str) -> Element {
        self.request("set", Some(to), payload).await
    }

    /// Every stanza sent so far has taken its effect when this returns: a ping went behind it.
    pub async fn sync(&mut self) {
        let domain = self.domain().to_owned();
        self.get(&domain, &format!("<ping xmlns='{}'/>", ns::PING)).await;
    }

    /// Everything that the server had for this session has come when this returns: a message to oneself went behind
    /// it, which waits for what has to be stored before it is shown (a ping would not).
    async fn settled(&mut self) {
        self.next_id += 1;
        let id = format!("settled{}", self.next_id);
        self.send(format!("<message to='{}' type='headline' id='{id}'/>", self.jid)).await;
        self.find(|it| it.name() == "message" && it.id() == Some(&id)).await;
    }

    /// Nothing waits to be read and nothing comes before a message to oneself.
    pub async fn nothing(&mut self) {
        self.settled().await;
        if let Some(stanza) = self.inbox.front() {
            panic!("{}: nothing was due, not {}", self.jid, stanza.show());
        }
    }

    /// All that came so far, up to a message to oneself.
    pub async fn drain(&mut self) -> Vec<Element> {
        self.settled().await;
        self.inbox.drain(..).collect()
    }

    /// Bodies of the messages that came so far; other stanzas are dropped.
    pub async fn bodies(&mut self) -> Vec<String> {
        self.drain().await.iter().filter(|it| it.name() == "message").filter_map(StanzaExt::body).collect()
    }

    /// The stream ends with a stream error; returns its condition.
    pub async fn failed(&mut self) -> String {
        self.stream.failed().await
    }

    /// Closes the stream as RFC 6120 §4.4 says.
    pub async fn close(mut self) {
        self.stream.send("</stream:stream>").await;
        loop {
            match self.stream.event().await {
                Event::End | Event::Eof => return,
                Event::Child(_) | Event::Header { .. } => {}
            }
        }
    }

    /// The next stanza from the wire. Acknowledgements are taken note of on the way, and what the server
    /// itself asks (roster pushes, pings) is answered as RFC 6120 §8.2.3 wants.
    async fn read(&mut self) -> Element {
        loop {
            let child = match self.stream.event().await {
                Event::Child(child) => child,
                other => panic!("{}: a stanza was due, not {other:?}", self.jid),
            };
            if child.has_ns(ns::SM) {
                if let Some(answer) = self.sm.heard(&child) {
                    self.stream.send(answer).await;
                }
                continue;
            }
            assert!(
                matches!(child.name(), "message" | "presence" | "iq") && child.has_ns(ns::CLIENT),
                "{}: a stanza was due, not {}",
                self.jid,
                child.show()
            );
            self.sm.received += 1;
            let ours = child.from().is_none_or(|from| from == self.bare() || from == self.domain());
            if child.name() == "iq" && matches!(child.kind(), Some("get" | "set")) && ours {
                let to = child.from().map(|from| format!(" to='{from}'")).unwrap_or_default();
                let id = child.id().expect("an id (RFC 6120 §8.2.3)").to_owned();
                self.send(format!("<iq type='result' id='{id}'{to}/>")).await;
            }
            return child;
        }
    }

    /// Reads acknowledgements until `enough` says so; stanzas stay to be read.
    pub(crate) async fn read_until(&mut self, enough: impl Fn(&Sm) -> bool) {
        while !enough(&self.sm) {
            match self.stream.event().await {
                Event::Child(child) if child.has_ns(ns::SM) => {
                    if let Some(answer) = self.sm.heard(&child) {
                        self.stream.send(answer).await;
                    }
                }
                Event::Child(child) => {
                    self.sm.received += 1;
                    self.inbox.push_back(child);
                }
                other => panic!("{}: an acknowledgement was due, not {other:?}", self.jid),
            }
        }
    }
}

/// How many stanzas these are, as XEP-0198 counts.
fn stanzas_in(text: &str) -> u32 {
    let mut reader = Reader::default();
    reader.feed(format!("<stream:stream xmlns='jabber:client' xmlns:stream='{}'>", ns::STREAM).as_bytes());
    reader.feed(text.as_bytes());
    let stanza = |item: &Item| matches!(item, Item::Child(child) if matches!(child.name(), "message" | "presence" | "iq"));
    reader.filter(stanza).count() as u32
}
