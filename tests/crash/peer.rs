//! A client under XEP-0198 that is driven step by step, and sends again what was not acknowledged.

use std::{collections::VecDeque, sync::Arc};

use harness::{Account, Server, StanzaExt, agent, ns};
use minidom::Element;
use tokio::time::timeout;

use crate::wire::{DEADLINE, Gone, Wire};

/// How a session begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// RFC 6120 §7, then carbons.
    Classic,
    /// XEP-0386 with carbons.
    Bind2,
}

pub struct Peer {
    pub account: Account,
    resource: &'static str,
    agent: String,
    wire: Option<Wire>,
    previd: Option<String>,
    received: u32,
    h: u32,
    /// What is not acknowledged, oldest first: the first is number `h + 1` of the stream. A message has its id.
    open: VecDeque<(Option<String>, String)>,
    asked: u32,
    /// What came and was not looked at.
    pub inbox: Vec<Element>,
    /// The ids of messages that were acknowledged.
    pub acknowledged: Vec<String>,
}

impl Peer {
    pub fn new(account: Account, number: usize) -> Peer {
        Peer {
            account,
            resource: ["one", "two", "three"][number % 3],
            agent: agent(&format!("{number:08}-0000-4000-8000-000000000000")),
            wire: None,
            previd: None,
            received: 0,
            h: 0,
            open: VecDeque::new(),
            asked: 0,
            inbox: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    pub fn is_connected(&self) -> bool {
        self.wire.is_some()
    }

    /// Whether messages of its own are not acknowledged.
    pub fn owes(&self) -> bool {
        self.open.iter().any(|(id, _)| id.is_some())
    }

    /// Connects: resumes if there is something to resume and `resume` says so, else begins a session. What was not
    /// acknowledged is sent again. Says whether the session is new.
    pub async fn connect(&mut self, server: &Server, entry: Entry, resume: bool) -> Result<bool, Gone> {
        let previd = self.previd.take().filter(|_| resume);
        let (address, trust) = (server.c2s_tls(), server.trust());
        let (wire, new) = match entry {
            Entry::Classic => self.classic(address, &trust, previd).await?,
            Entry::Bind2 => self.bind2(address, &trust, previd).await?,
        };
        self.wire = Some(wire);
        if new {
            (self.received, self.h) = (0, 0);
            self.open.retain(|(id, _)| id.is_some());
        }
        let again: String = self.open.iter().map(|(_, stanza)| stanza.as_str()).collect();
        self.write(&again).await;
        if new && entry == Entry::Classic {
            self.send(None, format!("<iq type='set' id='c'><enable xmlns='{}'/></iq>", ns::CARBONS)).await;
        }
        Ok(new)
    }

    async fn classic(
        &mut self,
        address: std::net::SocketAddr,
        trust: &Arc<rustls::ClientConfig>,
        previd: Option<String>,
    ) -> Result<(Wire, bool), Gone> {
        let mut wire = Wire::login(address, trust, &self.account).await?;
        if let Some(previd) = previd {
            let answer = wire.resume(&previd, self.received).await?;
            self.hear(*answer.as_ref().unwrap_or_else(|h| h.as_ref().unwrap_or(&self.h)));
            if answer.is_ok() {
                self.previd = Some(previd);
                return Ok((wire, false));
            }
        }
        wire.bind(self.resource).await?;
        let inbox = &mut self.inbox;
        self.previd = Some(wire.enable(|child| inbox.push(child.clone())).await?);
        Ok((wire, true))
    }

    async fn bind2(
        &mut self,
        address: std::net::SocketAddr,
        trust: &Arc<rustls::ClientConfig>,
        previd: Option<String>,
    ) -> Result<(Wire, bool), Gone> {
        let resume = previd.as_ref().map_or_else(String::new, |previd| {
            format!("<resume xmlns='{}' previd='{previd}' h='{}'/>", ns::SM, self.received)
        });
        let wishes = format!(
            "{}{resume}<bind xmlns='{}'><enable xmlns='{}'/><enable xmlns='{}' resume='true'/></bind>",
            self.agent,
            ns::BIND2,
            ns::CARBONS,
            ns::SM
        );
        let (mut wire, success) = Wire::login_with(address, trust, &self.account, &wishes).await?;
        let h = |answer: &Element| answer.attr("h").map(|h| h.parse().expect("a number"));
        if let Some(resumed) = success.child("resumed", ns::SM) {
            self.hear(h(resumed).expect("an h"));
            self.previd = previd;
            return Ok((wire, false));
        }
        if let Some(h) = success.child("failed", ns::SM).and_then(h) {
            self.hear(h);
        }
        wire.expect("features").await?;
        let enabled = success.must("bound", ns::BIND2).must("enabled", ns::SM);
        self.previd = enabled.id().map(str::to_owned);
        Ok((wire, true))
    }

    fn hear(&mut self, h: u32) {
        for _ in self.h..h {
            let (id, _) = self.open.pop_front().expect("no more is acknowledged than was sent");
            self.acknowledged.extend(id);
        }
        self.h = h;
    }

    fn take(&mut self, child: Element) {
        match child.name() {
            "a" => self.hear(child.attr("h").expect("an h").parse().expect("a number")),
            "r" => {}
            "error" => panic!("{}: {}", self.account.jid, child.show()),
            _ => {
                self.received += 1;
                self.inbox.push(child);
            }
        }
    }

    async fn write(&mut self, text: &str) {
        if let Some(wire) = &mut self.wire {
            wire.send(text).await;
        }
    }

    /// Sends a stanza; a message that must arrive with its id.
    pub async fn send(&mut self, id: Option<String>, stanza: String) {
        self.write(&stanza).await;
        self.open.push_back((id, stanza));
    }

    /// Takes everything that comes before the answer of a request.
    pub async fn ask(&mut self, kind: &str, payload: &str) -> Result<Element, Gone> {
        self.asked += 1;
        let id = format!("q{}", self.asked);
        self.send(None, format!("<iq type='{kind}' id='{id}'>{payload}</iq>")).await;
        loop {
            self.read().await?;
            if let Some(answer) = self.inbox.pop_if(|it| it.name() == "iq" && it.id() == Some(&id)) {
                return Ok(answer);
            }
        }
    }

    /// Takes one child; the connection is forgotten where it has ended.
    async fn read(&mut self) -> Result<(), Gone> {
        let Some(wire) = &mut self.wire else { return Err(Gone) };
        match timeout(DEADLINE, wire.child()).await.expect("what a server that runs owes") {
            Ok(child) => self.take(child),
            Err(Gone) => {
                self.wire = None;
                return Err(Gone);
            }
        }
        Ok(())
    }

    /// Acknowledges what came.
    pub async fn acknowledge(&mut self) {
        let answer = format!("<a xmlns='{}' h='{}'/>", ns::SM, self.received);
        self.write(&answer).await;
    }

    /// Waits until all of its messages are acknowledged.
    pub async fn settle(&mut self) -> Result<(), Gone> {
        self.write(&format!("<r xmlns='{}'/>", ns::SM)).await;
        while self.owes() {
            self.read().await?;
        }
        Ok(())
    }

    /// Loses the connection. What was on its way is read: a client that was told of an acknowledgement sends no more.
    pub async fn drop_connection(&mut self) {
        let Some(wire) = self.wire.take() else { return };
        let mut rest = Vec::new();
        wire.drop_connection(|child| rest.push(child)).await;
        rest.into_iter().for_each(|child| self.take(child));
    }

    /// Closes the stream: what came is acknowledged.
    pub async fn close(&mut self) -> Result<(), Gone> {
        self.settle().await?;
        self.acknowledge().await;
        let Some(wire) = self.wire.take() else { return Ok(()) };
        let mut rest = Vec::new();
        wire.close(|child| rest.push(child)).await;
        rest.into_iter().for_each(|child| self.take(child));
        self.previd = None;
        Ok(())
    }

    /// The server was killed.
    pub fn cut_off(&mut self) {
        self.wire = None;
    }
}
