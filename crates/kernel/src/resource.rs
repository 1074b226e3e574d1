//! A bound resource, as its account sees it. All of this lives under the account's lock.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;
use waxwing_stanza::{Addr, PresenceType, Stanza};
use waxwing_store::Seq;

use crate::{Entry, Session, Unread};

/// What a resource told of itself.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    /// The last available presence it broadcast; `None` before the first and after unavailable.
    pub stanza: Option<Arc<Stanza>>,
    pub priority: i8,
}

/// How a session gets what is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What comes is handed to it.
    Live,
    /// It reads the log from after this position; what comes only wakes it.
    Behind(Seq),
}

/// Bytes of a resource's name that need no memory of their own: as many as most names have that clients choose.
const NAME: usize = 24;

/// One session of an account.
pub struct Resource {
    pub session: Arc<Session>,
    /// Its name, here once more: every stanza to a full JID is compared with it.
    name: SmallVec<[u8; NAME]>,
    pub presence: Presence,
    /// It asked for the roster, so it gets roster pushes (RFC 6121 §2.1.6).
    pub interested: bool,
    /// Whom it sent available presence directly (RFC 6121 §4.6).
    pub directed: Vec<Addr>,
    /// The position up to which everything was committed when it was bound: what came up to there is not for it, unless
    /// it reads the log or the archive.
    pub(crate) joined: Seq,
    pub(crate) mode: Mode,
    /// While behind: what is in no log, each with the position that must be written before it.
    pub(crate) held: VecDeque<(Seq, Entry)>,
    pub(crate) held_weight: usize,
    /// Pending entries that it acknowledged while it did not take messages.
    pub(crate) acknowledged: Vec<Seq>,
    /// While a page of its log is being read: what is settled meanwhile.
    pub(crate) reading: Option<Vec<Seq>>,
    /// The same while it reads a page of the archive.
    pub(crate) paging: Option<Vec<Seq>>,
}

impl Resource {
    pub(crate) fn new(session: Arc<Session>, joined: Seq) -> Resource {
        Resource {
            name: SmallVec::from_slice(session.resource().as_bytes()),
            session,
            presence: Presence::default(),
            interested: false,
            directed: Vec::new(),
            joined,
            mode: Mode::Live,
            held: VecDeque::new(),
            held_weight: 0,
            acknowledged: Vec::new(),
            reading: None,
            paging: None,
        }
    }

    /// How it gets what is in the log from here on.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        self.session.set_behind(mode != Mode::Live);
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.as_slice() == name.as_bytes()
    }

    pub fn is_available(&self) -> bool {
        self.presence.stanza.is_some()
    }

    /// Whether messages to the bare JID reach it (RFC 6121 §8.5.2.1.1).
    pub fn takes_messages(&self) -> bool {
        self.is_available() && self.presence.priority >= 0
    }

    /// Whether it gets this entry of the log when it reads it: what waits for the account, or is its own.
    pub(crate) fn reads(&self, stanza: &Stanza) -> bool {
        self.takes_messages() || stanza.to.as_ref().is_some_and(|to| **to == *self.session.jid)
    }

    /// Puts what it does not read from the log behind what it has yet to read. `Err`: it does not fit.
    pub(crate) fn hold(&mut self, after: Seq, entry: Entry, limit: usize) -> Result<(), Entry> {
        if self.held_weight + entry.weight() > limit {
            return Err(entry);
        }
        self.held_weight += entry.weight();
        // Only what is read from the log is settled.
        self.held.push_back((after, Entry { log: None, ..entry }));
        Ok(())
    }

    /// Whether it has a message that it has not acknowledged, or is given it later.
    pub(crate) fn holds(&self, message: &Unread) -> bool {
        let held = |entry: &Entry| match message.seq {
            Some(seq) => entry.log.is_some_and(|log| log.seq == seq),
            None => Arc::ptr_eq(&entry.stanza, &message.stanza),
        };
        let behind = self.mode != Mode::Live && message.seq.is_some();
        behind
            || self.held.iter().any(|(_, entry)| held(entry))
            || self.session.outbox(|outbox| outbox.holds(held))
    }

    /// The bytes that its session holds on to, as the limits count them.
    pub fn weight(&self) -> usize {
        self.held_weight + self.session.outbox(|outbox| outbox.weight())
    }

    pub fn name(&self) -> &str {
        self.session.resource()
    }

    /// Takes in a presence broadcast of its own.
    pub fn set_presence(&mut self, kind: PresenceType, stanza: Arc<Stanza>, priority: i8) {
        self.presence = match kind {
            PresenceType::Available => Presence { stanza: Some(stanza), priority },
            _ => Presence::default(),
        };
    }
}
