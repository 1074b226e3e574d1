//! What was sent, what was acknowledged, and what arrived.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use harness::{StanzaExt, ns};
use minidom::Element;

use crate::judge::{self, Counts};

/// A message: its sender, and the sender's number for it.
pub type Id = (usize, u32);

/// A device: its account, and its number there.
pub type Device = (usize, usize);

/// A session: a stream and its resumptions.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    pub device: Device,
    pub number: u64,
    /// The life of the server.
    pub life: u32,
    /// Not yet available: chat for its full JID comes at once (RFC 6121 §8.5.3.1), what the log holds only at
    /// initial presence.
    pub early: bool,
}

#[derive(Default)]
pub struct Ledger(Mutex<Books>);

/// All that was noted.
#[derive(Default)]
pub struct Books {
    pub messages: BTreeMap<Id, Message>,
    pub arrivals: Vec<Arrival>,
    pub acknowledged: usize,
    /// Arrivals after everything was acknowledged by somebody.
    pub leftover: u64,
    /// Errors that came back.
    pub bounced: u64,
    pub resumed: u64,
}

#[derive(Debug)]
pub struct Message {
    pub recipient: usize,
    pub acknowledged: bool,
    /// The life of the server in which it was sent last.
    pub life: u32,
    pub resends: u32,
    /// Sent again in a later life of the server than before.
    pub after_crash: bool,
}

#[derive(Debug)]
pub struct Arrival {
    pub id: Id,
    pub at: Session,
    pub delayed: bool,
    pub stanza_id: Option<String>,
}

impl Ledger {
    fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A message goes out, for the first time or again.
    pub fn sent(&self, id: Id, recipient: usize, life: u32) {
        self.books(|books| match books.messages.get_mut(&id) {
            None => {
                let message =
                    Message { recipient, acknowledged: false, life, resends: 0, after_crash: false };
                books.messages.insert(id, message);
            }
            Some(message) => {
                message.resends += 1;
                message.after_crash |= message.life != life;
                message.life = life;
            }
        });
    }

    pub fn acknowledged(&self, id: Id) {
        self.books(|books| {
            books.messages.get_mut(&id).expect("acknowledged is what was sent").acknowledged = true;
            books.acknowledged += 1;
        });
    }

    pub fn bounced(&self) {
        self.books(|books| books.bounced += 1);
    }

    pub fn resumed(&self) {
        self.books(|books| books.resumed += 1);
    }

    /// Notes a message, or a carbon of one, that a device of the account `owner` received.
    pub fn arrived(&self, at: Session, owner: &str, stanza: &Element) {
        let carbon = stanza
            .child("received", ns::CARBONS)
            .and_then(|carbon| carbon.child("forwarded", ns::FORWARD)?.child("message", ns::CLIENT));
        let message = carbon.unwrap_or(stanza);
        let Some(id) = message.id().and_then(parse) else { panic!("whose is {}", stanza.show()) };
        assert_eq!(message.kind(), Some("chat"), "{}", stanza.show());
        let stanza_id = message.child("stanza-id", ns::STANZA_ID).filter(|it| it.attr("by") == Some(owner));
        let arrival = Arrival {
            id,
            at,
            delayed: message
                .children()
                .any(|it| it.is("delay", ns::DELAY) && it.attr("from") == Some("localhost")),
            stanza_id: stanza_id.map(|it| it.id().expect("an id").to_owned()),
        };
        self.books(|books| books.arrivals.push(arrival));
    }

    /// Something came that was not due any more.
    pub fn leftover(&self) {
        self.books(|books| books.leftover += 1);
    }

    /// How many are acknowledged.
    pub fn count(&self) -> usize {
        self.books(|books| books.acknowledged)
    }

    /// Whether everything that was acknowledged has arrived.
    pub fn complete(&self) -> bool {
        self.books(|books| judge::lost(books).count() == 0)
    }

    /// The counts; what must not be is described in `faults`.
    pub fn judge(&self, archived: bool, faults: &mut Vec<String>) -> Counts {
        self.books(|books| judge::judge(books, archived, faults))
    }
}

/// The `id` that a message goes out with.
pub fn id_attribute((sender, number): Id) -> String {
    format!("m{sender}-{number}")
}

fn parse(id: &str) -> Option<Id> {
    let (sender, number) = id.strip_prefix('m')?.split_once('-')?;
    Some((sender.parse().ok()?, number.parse().ok()?))
}
