//! A bound resource, as its account sees it. All of this lives under the account's lock.

use std::collections::VecDeque;
use std::sync::Arc;

use waxwing_stanza::{Addr, PresenceType, Stanza};
use waxwing_store::Seq;

use crate::{Entry, Session};

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

/// One session of an account.
pub struct Resource {
    pub session: Arc<Session>,
    pub presence: Presence,
    /// It asked for the roster, so it gets roster pushes (RFC 6121 §2.1.6).
    pub interested: bool,
    /// Whom it sent available presence directly (RFC 6121 §4.6).
    pub directed: Vec<Addr>,
    pub(crate) mode: Mode,
    /// While behind: what is in no log, each with the position that must be written before it.
    pub(crate) held: VecDeque<(Seq, Entry)>,
    pub(crate) held_weight: usize,
}

impl Resource {
    pub(crate) fn new(session: Arc<Session>) -> Resource {
        Resource {
            session,
            presence: Presence::default(),
            interested: false,
            directed: Vec::new(),
            mode: Mode::Live,
            held: VecDeque::new(),
            held_weight: 0,
        }
    }

    pub fn is_available(&self) -> bool {
        self.presence.stanza.is_some()
    }

    /// Whether messages to the bare JID reach it (RFC 6121 §8.5.2.1.1).
    pub fn takes_messages(&self) -> bool {
        self.is_available() && self.presence.priority >= 0
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
