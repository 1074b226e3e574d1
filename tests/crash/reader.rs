//! A device of the account that everything is about: what comes by itself and what it fetches from the archive.

use std::collections::HashMap;

use harness::{Account, Server, StanzaExt, ns};
use minidom::Element;

use crate::{
    dice::Dice,
    peer::{Entry, Peer},
    wire::Gone,
};

const MAM: &str = "urn:xmpp:mam:2";

pub struct Reader {
    pub peer: Peer,
    pub number: usize,
    /// Stanza id to message id, of everything that it has seen.
    pub seen: HashMap<String, String>,
    /// Of each session, the stanza ids that came by themselves; and which of them came late.
    pub sessions: Vec<Vec<(String, bool)>>,
    /// Up to here it knows the archive.
    cursor: Option<String>,
    /// What comes by itself follows on what it has fetched.
    follows: bool,
    pub sent: u32,
    pub faults: Vec<String>,
}

impl Reader {
    pub fn new(account: Account, number: usize) -> Reader {
        Reader {
            peer: Peer::new(account, number),
            number,
            seen: HashMap::new(),
            sessions: Vec::new(),
            cursor: None,
            follows: false,
            sent: 0,
            faults: Vec::new(),
        }
    }

    /// Does one thing, whichever. `to`: somebody to write to.
    pub async fn step(&mut self, server: &Server, to: &str, dice: &mut Dice) -> Result<(), Gone> {
        if !self.peer.is_connected() {
            let entry = if dice.percent(60) { Entry::Bind2 } else { Entry::Classic };
            return self.connect(server, entry, dice.percent(50)).await;
        }
        match dice.within(0..100) {
            0..20 => self.fetch().await?,
            20..35 => {
                self.follows = false;
                self.peer.send(None, "<presence/>".to_owned()).await;
            }
            35..40 => self.peer.send(None, "<presence type='unavailable'/>".to_owned()).await,
            40..55 => self.write(to).await,
            55..65 => self.peer.acknowledge().await,
            65..75 => self.peer.drop_connection().await,
            75..80 => self.peer.close().await?,
            _ => drop(self.peer.ask("get", "<ping xmlns='urn:xmpp:ping'/>").await?),
        }
        self.look();
        Ok(())
    }

    async fn connect(&mut self, server: &Server, entry: Entry, resume: bool) -> Result<(), Gone> {
        self.look();
        if self.peer.connect(server, entry, resume).await? {
            self.sessions.push(Vec::new());
            self.follows = false;
        }
        self.look();
        Ok(())
    }

    async fn write(&mut self, to: &str) {
        self.sent += 1;
        let id = format!("d{}-{}", self.number, self.sent);
        let stanza = format!("<message to='{to}' type='chat' id='{id}'><body>{id}</body></message>");
        self.peer.send(Some(id), stanza).await;
    }

    /// Fetches what it does not know from the archive, in pages.
    async fn fetch(&mut self) -> Result<(), Gone> {
        loop {
            // A server holds only so much for a client that does not say what it has.
            self.peer.acknowledge().await;
            let after = self.cursor.as_ref().map_or_else(String::new, |id| format!("<after>{id}</after>"));
            let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>20</max>{after}</set>");
            let answer = self.peer.ask("set", &format!("<query xmlns='{MAM}'>{set}</query>")).await?;
            self.look();
            if answer.must("fin", MAM).attr("complete") == Some("true") {
                // Carbons are on since the session began.
                self.follows = true;
                return Ok(());
            }
        }
    }

    /// Looks at what came.
    fn look(&mut self) {
        for stanza in std::mem::take(&mut self.peer.inbox) {
            if let Some(result) = stanza.child("result", MAM) {
                let message = result.must("forwarded", ns::FORWARD).must("message", ns::CLIENT);
                let id = result.id().expect("an id").to_owned();
                self.cursor = Some(id.clone());
                self.note(id, message);
            } else if stanza.name() == "message" {
                self.arrived(&stanza);
            }
        }
    }

    fn arrived(&mut self, stanza: &Element) {
        let carbon = ["received", "sent"].iter().find_map(|it| stanza.child(it, ns::CARBONS));
        let copy = carbon.map(|it| it.must("forwarded", ns::FORWARD).must("message", ns::CLIENT));
        let message = copy.unwrap_or(stanza);
        let Some(id) = message.child("stanza-id", ns::STANZA_ID).and_then(StanzaExt::id) else {
            return self.faults.push(format!("device {}: no id: {}", self.number, stanza.show()));
        };
        let late = message.child("delay", ns::DELAY).is_some();
        if self.follows && !late {
            self.cursor = Some(id.to_owned());
        }
        self.sessions.last_mut().expect("a session").push((id.to_owned(), late));
        self.note(id.to_owned(), message);
    }

    fn note(&mut self, id: String, message: &Element) {
        let about = message.id().expect("an id").to_owned();
        let before = self.seen.insert(id.clone(), about.clone());
        if before.as_ref().is_some_and(|before| *before != about) {
            self.faults.push(format!("device {}: {id} is {before:?} and {about}", self.number));
        }
    }

    /// Everything of its own is acknowledged, and what it does not know is fetched.
    pub async fn end(&mut self, server: &Server) -> Result<(), Gone> {
        if !self.peer.is_connected() {
            self.connect(server, Entry::Bind2, true).await?;
        }
        self.peer.settle().await?;
        self.fetch().await
    }

    /// The whole archive, in its order.
    pub async fn archive(&mut self) -> Result<Vec<String>, Gone> {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            self.peer.acknowledge().await;
            let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>{after}</set>");
            let answer = self.peer.ask("set", &format!("<query xmlns='{MAM}'>{set}</query>")).await?;
            let results = self.peer.inbox.iter().filter_map(|it| it.child("result", MAM)?.id());
            ids.extend(results.map(str::to_owned));
            self.look();
            if answer.must("fin", MAM).attr("complete") == Some("true") {
                return Ok(ids);
            }
            after = format!("<after>{}</after>", ids.last().expect("a result"));
        }
    }
}
