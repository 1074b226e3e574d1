//! What was sent, what was acknowledged, and what arrived.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use harness::{StanzaExt, ns};
use minidom::Element;

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

#[derive(Default)]
struct Books {
    messages: BTreeMap<Id, Message>,
    arrivals: Vec<Arrival>,
    acknowledged: usize,
    /// Arrivals after everything was acknowledged by somebody.
    leftover: u64,
    /// Errors that came back.
    bounced: u64,
    resumed: u64,
}

#[derive(Debug)]
struct Message {
    recipient: usize,
    acknowledged: bool,
    /// The life of the server in which it was sent last.
    life: u32,
    resends: u32,
    /// Sent again in a later life of the server than before.
    after_crash: bool,
}

#[derive(Debug)]
struct Arrival {
    id: Id,
    at: Session,
    delayed: bool,
    stanza_id: Option<String>,
}

/// The counts. Those below `resumed` must be zero, but for `seen_again` where nothing is archived.
#[derive(Default, Clone, Copy)]
pub struct Counts {
    pub sent: u64,
    pub acknowledged: u64,
    pub resent: u64,
    pub arrivals: u64,
    pub delayed: u64,
    pub resumed: u64,
    /// Seen before a crash, not acknowledged to the sender, sent again, and seen again.
    pub seen_again: u64,
    pub lost: u64,
    pub out_of_order: u64,
    pub two_ids: u64,
    /// Without the account's stanza id where archived, with one where not.
    pub wrong_id: u64,
    pub twice: u64,
    pub leftover: u64,
    pub bounced: u64,
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
        self.books(|books| books.lost().count() == 0)
    }

    /// The counts; what must not be is described in `faults`.
    pub fn judge(&self, archived: bool, faults: &mut Vec<String>) -> Counts {
        self.books(|books| books.judge(archived, faults))
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

impl Books {
    fn lost(&self) -> impl Iterator<Item = (&Id, &Message)> {
        let arrived: HashSet<(Id, usize)> =
            self.arrivals.iter().map(|arrival| (arrival.id, arrival.at.device.0)).collect();
        self.messages.iter().filter(move |(id, message)| {
            message.acknowledged && !arrived.contains(&(**id, message.recipient))
        })
    }

    fn judge(&self, archived: bool, faults: &mut Vec<String>) -> Counts {
        let messages = self.messages.values();
        let mut counts = Counts {
            sent: messages.len() as u64,
            acknowledged: self.acknowledged as u64,
            resent: messages.clone().map(|it| u64::from(it.resends)).sum(),
            arrivals: self.arrivals.len() as u64,
            delayed: self.arrivals.iter().filter(|it| it.delayed).count() as u64,
            resumed: self.resumed,
            leftover: self.leftover,
            bounced: self.bounced,
            ..Counts::default()
        };
        if self.leftover > 0 {
            faults.push(format!("{} came after everything was acknowledged", self.leftover));
        }
        if self.bounced > 0 {
            faults.push(format!("{} were refused", self.bounced));
        }
        for (id, message) in self.lost() {
            counts.lost += 1;
            faults.push(format!("{id:?} to {} is lost", message.recipient));
        }
        let mut ids: HashMap<(Id, usize), &str> = HashMap::new();
        let mut fresh: HashMap<(Id, Device), u32> = HashMap::new();
        let mut order = Order::default();
        for arrival in &self.arrivals {
            let Arrival { id, at: Session { device, .. }, stanza_id, .. } = arrival;
            let message = self.messages.get(id).filter(|it| it.recipient == device.0);
            let Some(message) = message else { panic!("{device:?} got {id:?} of somebody else") };
            if stanza_id.is_some() != archived {
                counts.wrong_id += 1;
                faults.push(format!("{arrival:?}: an id where there is an archive, and only there"));
            }
            if let Some(stanza_id) = stanza_id
                && *ids.entry((*id, device.0)).or_insert(stanza_id) != stanza_id
            {
                counts.two_ids += 1;
                faults.push(format!("{arrival:?}: its second stanza id"));
            }
            // Without an archive, what was seen and acknowledged to nobody may be gone with the crash.
            let excused = !archived && message.after_crash;
            if !arrival.delayed {
                let times = fresh.entry((*id, *device)).or_default();
                *times += 1;
                match *times {
                    1 => {}
                    _ if excused => counts.seen_again += 1,
                    _ => {
                        counts.twice += 1;
                        faults.push(format!("{arrival:?}: without <delay/> before; {message:?}"));
                    }
                }
            }
            if !order.holds(arrival, excused) {
                counts.out_of_order += 1;
                faults.push(format!("{arrival:?}: out of order; {message:?}"));
            }
        }
        counts
    }
}

/// The order of first arrivals, and that of what the log brings.
#[derive(Default)]
struct Order {
    /// The life in which a message was first seen by its account.
    seen: HashMap<Id, u32>,
    by_device: HashSet<(Id, Device)>,
    /// The newest of each sender that a device has seen: fresh, and of all but the early.
    fresh: HashMap<(usize, Device), u32>,
    newest: HashMap<(usize, Device), u32>,
    /// The newest of each sender that the log brought to a session.
    flushed: HashMap<(usize, u64), u32>,
}

impl Order {
    /// Whether an arrival is in order. `excused`: one that was seen in an earlier life and has been sent again since
    /// is a new message to the server, behind what others got a place before it.
    fn holds(&mut self, arrival: &Arrival, excused: bool) -> bool {
        let Arrival { id: id @ (sender, number), at, delayed, .. } = arrival;
        let first = *self.seen.entry(*id).or_insert(at.life);
        let first_here = self.by_device.insert((*id, at.device));
        if excused && first < at.life {
            return true;
        }
        let mut holds = true;
        let mut follows = |newest: &mut u32| {
            holds &= *newest < *number;
            *newest = (*newest).max(*number);
        };
        if first_here && !*delayed {
            follows(self.fresh.entry((*sender, at.device)).or_default());
        }
        if first_here && !at.early {
            follows(self.newest.entry((*sender, at.device)).or_default());
        }
        if *delayed {
            follows(self.flushed.entry((*sender, at.number)).or_default());
        }
        holds
    }
}
