//! An external component (XEP-0114).

use std::collections::VecDeque;

use minidom::Element;
use sha1::{Digest, Sha1};

use crate::{Event, Server, StanzaExt, Stream, ns};

/// A component that has proven itself. Stanzas that came while something else was awaited wait in order.
pub struct Component {
    pub stream: Stream,
    domain: String,
    inbox: VecDeque<Element>,
    next_id: u32,
}

impl Component {
    pub async fn connect(server: &Server, domain: &str, secret: &str) -> Component {
        let mut stream = Stream::component(server).await;
        let id = Component::open(&mut stream, domain).await;
        stream.send(Component::handshake(&id, secret)).await;
        let answer = stream.child().await;
        assert!(answer.is("handshake", ns::COMPONENT) && answer.text().is_empty(), "{}", answer.show());
        Component { stream, domain: domain.to_owned(), inbox: VecDeque::new(), next_id: 0 }
    }

    /// Opens the stream; the id that the server gave it.
    pub async fn open(stream: &mut Stream, domain: &str) -> String {
        stream.send(Component::header(domain)).await;
        let header = stream.opened().await;
        assert_eq!(header.from(), Some(domain));
        header.id().expect("a stream id").to_owned()
    }

    pub fn header(domain: &str) -> String {
        format!("<stream:stream xmlns='{}' xmlns:stream='{}' to='{domain}'>", ns::COMPONENT, ns::STREAM)
    }

    /// What proves the secret (XEP-0114 §3).
    pub fn handshake(id: &str, secret: &str) -> String {
        let digest = Sha1::digest(format!("{id}{secret}"));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("<handshake>{hex}</handshake>")
    }

    pub fn domain(&self) -> &str {
        &self.domain
    }

    pub async fn send(&mut self, stanzas: impl AsRef<str>) {
        self.stream.send(stanzas.as_ref()).await;
    }

    /// The next stanza.
    pub async fn next(&mut self) -> Element {
        match self.inbox.pop_front() {
            Some(stanza) => stanza,
            None => self.read().await,
        }
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

    /// Sends an IQ request from its domain and returns the response.
    pub async fn request(&mut self, kind: &str, to: &str, payload: &str) -> Element {
        self.next_id += 1;
        let (id, from) = (format!("c{}", self.next_id), self.domain.clone());
        self.send(format!("<iq type='{kind}' id='{id}' from='{from}' to='{to}'>{payload}</iq>")).await;
        self.find(|it| {
            it.name() == "iq" && it.id() == Some(&id) && matches!(it.kind(), Some("result" | "error"))
        })
        .await
    }

    /// Every stanza sent so far has taken its effect when this returns.
    pub async fn sync(&mut self) {
        self.request("get", "localhost", &format!("<ping xmlns='{}'/>", ns::PING)).await;
    }

    /// Nothing waits to be read and nothing comes before the answer of a ping.
    pub async fn nothing(&mut self) {
        self.sync().await;
        if let Some(stanza) = self.inbox.front() {
            panic!("{}: nothing was due, not {}", self.domain, stanza.show());
        }
    }

    /// The stream ends with a stream error; returns its condition.
    pub async fn failed(&mut self) -> String {
        self.stream.failed().await
    }

    /// As clients see it: in `jabber:client`.
    async fn read(&mut self) -> Element {
        match self.stream.event().await {
            Event::Child(child) if child.has_ns(ns::COMPONENT) => {
                let text = String::from(&child).replace(ns::COMPONENT, ns::CLIENT);
                text.parse().expect("the same element")
            }
            other => panic!("{}: a stanza was due, not {other:?}", self.domain),
        }
    }
}
