//! Where modules take part in the way of a stanza.
//!
//! Guards are asked first, then amends, then copies, each in the order of the module list. All are plain
//! functions: they run where a stanza takes effect and must not wait.

use std::pin::Pin;
use std::sync::Arc;

use waxwing_stanza::{Kind, Stanza, StanzaError};
use waxwing_store::{Seq, StoreError};

use crate::entry::{LogRef, is_lone_chat_state};
use crate::{Account, Entry, Resource, Session};

/// A named point on the way of a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A client of the account sent it; it has not gone anywhere yet.
    FromClient,
    /// It came from outside, of a component, and is for the account; it has not gone anywhere yet.
    FromRemote,
    /// It is about to reach the account, or to reach a session from the account's log.
    ToAccount,
}

/// Which stanzas a function is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const MESSAGE: Kinds = Kinds(1);
    pub const PRESENCE: Kinds = Kinds(2);
    pub const IQ: Kinds = Kinds(4);
    pub const ALL: Kinds = Kinds(7);

    pub fn includes(self, kind: Kind) -> bool {
        let bit = match kind {
            Kind::Message(_) => Kinds::MESSAGE,
            Kind::Presence(_) => Kinds::PRESENCE,
            Kind::Iq(_) => Kinds::IQ,
        };
        self.0 & bit.0 != 0
    }
}

/// What a guard looks at.
pub struct Passing<'a> {
    pub point: Point,
    pub stanza: &'a Stanza,
    /// The account whose point it is: the sender's at `FromClient`, the recipient's at `ToAccount`.
    pub account: &'a Arc<Account>,
    /// At `FromClient`: the sending session.
    pub session: Option<&'a Arc<Session>>,
}

/// Brings into memory what a guard needs. A failed load refuses the stanza.
pub type Load = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// What a guard says.
pub enum Verdict {
    Pass,
    /// It goes no further, and nobody is told.
    Drop,
    /// It goes no further, and the sender is told.
    Refuse(StanzaError),
    /// What the guard needs is not in memory: it is asked again after the load, once.
    AskAgain(Load),
}

/// A stanza that a module may change before it takes effect.
pub struct Amending<'a> {
    pub stanza: &'a mut Stanza,
    /// The account whose point it is: the sender's at `FromClient`, the recipient's at `FromRemote`.
    pub account: &'a Arc<Account>,
}

/// A message that nobody has acknowledged yet, once whoever has a session was handed it.
#[derive(Clone)]
pub struct Unread {
    pub account: Arc<Account>,
    pub stanza: Arc<Stanza>,
    /// Its place in the log; `None` where no log keeps it, as what rooms say: only sessions have it then.
    pub seq: Option<Seq>,
    /// It stays in the log when it was acknowledged.
    pub archived: bool,
    /// A connected session has it.
    pub held: bool,
}

/// A stanza that has just been handed to some of an account's sessions, and the chance to give the others a
/// copy. Runs under the account's lock.
pub struct Copying<'a> {
    pub account: &'a Account,
    pub stanza: &'a Arc<Stanza>,
    resources: &'a [Resource],
    reached: &'a [usize],
    log: Option<LogRef>,
    copies: Vec<(usize, Arc<Stanza>)>,
}

impl<'a> Copying<'a> {
    pub(crate) fn new(
        account: &'a Account,
        stanza: &'a Arc<Stanza>,
        resources: &'a [Resource],
        reached: &'a [usize],
        log: Option<LogRef>,
    ) -> Copying<'a> {
        Copying { account, stanza, resources, reached, log, copies: Vec::new() }
    }

    /// The sessions that the stanza did not reach and did not come from, with the number to [`Copying::give`].
    pub fn others(&self) -> impl Iterator<Item = (usize, &'a Arc<Session>)> {
        let sender = self.stanza.from.clone();
        let reached = self.reached;
        self.resources.iter().enumerate().map(|(index, resource)| (index, &resource.session)).filter(
            move |(index, session)| {
                !reached.contains(index) && sender.as_ref().is_none_or(|sender| **sender != *session.jid)
            },
        )
    }

    /// The stanza as the account's own sessions are shown it: with its stanza id, where it is archived.
    pub fn write_original(&self, out: &mut Vec<u8>, xmlns: &str) {
        let entry = Entry { log: self.log, ..Entry::new(self.stanza.clone()) };
        self.stanza.write_in(out, Some(xmlns), None, |out| entry.stamp(self.account, out));
    }

    /// Gives a session a copy. It is addressed to the session's full JID.
    pub fn give(&mut self, index: usize, copy: Arc<Stanza>) {
        self.copies.push((index, copy));
    }

    pub(crate) fn into_entries(self) -> Vec<(usize, Entry)> {
        let Copying { stanza: original, copies, resources, log, .. } = self;
        if copies.is_empty() {
            return Vec::new();
        }
        // The id stands inside the copy, on the stanza that it is of; the copy itself carries none.
        let log = log.map(|log| LogRef { identified: false, ..log });
        let state = (log.is_none() && is_lone_chat_state(original)).then(|| original.clone());
        let entry = |(index, stanza): (usize, Arc<Stanza>)| {
            let to = resources.get(index).map(|resource: &Resource| resource.session.jid.clone());
            (index, Entry { stanza, to, log, late: false, state: state.clone() })
        };
        copies.into_iter().map(entry).collect()
    }
}
