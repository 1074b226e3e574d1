//! What waits in an outbox: a stanza, and what is particular to this recipient of it.

use std::sync::Arc;

use waxwing_stanza::{Addr, IqType, Kind, PresenceType, Stanza, ns};
use waxwing_store::{Seq, UnixMillis};
use waxwing_xml::Tag;

use crate::Account;

/// One stanza for one session.
#[derive(Debug, Clone)]
pub struct Entry {
    pub stanza: Arc<Stanza>,
    /// Whom it is written to, where that is not the stanza's own addressee.
    pub to: Option<Addr>,
    /// The entry of the account's log that an acknowledgement of this one settles.
    pub log: Option<LogRef>,
    /// Whether it comes late and says so (XEP-0203).
    pub late: bool,
    /// The lone chat state that it is a copy of.
    pub state: Option<Arc<Stanza>>,
}

/// An entry of the log, as an outbox knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRef {
    pub seq: Seq,
    /// When the server received it.
    pub at: UnixMillis,
    /// Whether it is archived, so that it is shown with its stanza id (XEP-0359).
    pub identified: bool,
}

impl Entry {
    pub fn new(stanza: Arc<Stanza>) -> Entry {
        Entry { stanza, to: None, log: None, late: false, state: None }
    }

    pub fn to(mut self, to: Addr) -> Entry {
        self.to = Some(to);
        self
    }

    /// The memory it holds on to, in bytes, as the limits count it.
    pub fn weight(&self) -> usize {
        self.stanza.weight() + size_of::<Entry>() + size_of::<Stanza>()
    }

    /// Whether a newer one of the same sender makes it worthless: an available presence of a contact.
    /// Room presence carries a payload of its own and is never shed.
    pub(crate) fn replaces(&self, older: &Entry) -> bool {
        let available = |entry: &Entry| {
            entry.is_availability() && entry.stanza.kind == Kind::Presence(PresenceType::Available)
        };
        available(self) && available(older) && self.stanza.from == older.stanza.from
    }

    /// Whether somebody is there, but for what rooms say.
    fn is_availability(&self) -> bool {
        matches!(self.stanza.kind, Kind::Presence(PresenceType::Available | PresenceType::Unavailable))
            && !self.stanza.has_ns("http://jabber.org/protocol/muc#user")
    }

    /// The chat state and nothing else that it is, or is a copy of: worth nothing to a reader that is slow.
    fn lone_chat_state(&self) -> Option<&Stanza> {
        self.state
            .as_deref()
            .or_else(|| (self.log.is_none() && is_lone_chat_state(&self.stanza)).then_some(&*self.stanza))
    }

    pub(crate) fn is_lone_chat_state(&self) -> bool {
        self.lone_chat_state().is_some()
    }

    /// Whether it may wait while nobody looks at the client.
    pub(crate) fn can_rest(&self) -> bool {
        self.is_availability() || self.is_lone_chat_state()
    }

    /// Whether only the newer of two that can rest matters: the presence of one resource, or the chat states of one in
    /// one chat.
    pub(crate) fn outdates(&self, older: &Entry) -> bool {
        match (self.lone_chat_state(), older.lone_chat_state()) {
            (Some(newer), Some(older)) => newer.from == older.from && newer.to == older.to,
            (None, None) => self.stanza.from == older.stanza.from,
            _ => false,
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        matches!(self.stanza.kind, Kind::Iq(IqType::Get | IqType::Set))
    }

    /// Writes it as `account` gets it.
    pub fn write(&self, account: &Account, out: &mut Vec<u8>) {
        self.stanza.write(out, self.to.as_deref(), |out| self.stamp(account, out));
    }

    /// What the server adds: the stanza id of an archived entry, the delay of a late one.
    pub(crate) fn stamp(&self, account: &Account, out: &mut Vec<u8>) {
        let Some(log) = self.log else { return };
        if log.identified {
            let id = account.core().ids.stanza_id(account.id, log.seq);
            Tag::new(out, "stanza-id")
                .attr("xmlns", ns::SID)
                .attr("by", account.jid.as_str())
                .attr("id", &id)
                .end_empty();
        }
        if self.late {
            Tag::new(out, "delay")
                .attr("xmlns", ns::DELAY)
                .attr("from", account.jid.domain().as_str())
                .attr("stamp", &crate::core::stamp(log.at))
                .end_empty();
        }
    }
}

/// A chat state and nothing else.
pub(crate) fn is_lone_chat_state(stanza: &Stanza) -> bool {
    matches!(stanza.kind, Kind::Message(_))
        && stanza.has_ns(ns::CHAT_STATES)
        && stanza.children().all(|child| {
            let ns = child.ns(stanza.element());
            ns == ns::CHAT_STATES
                || ns == ns::HINTS
                || ns == ns::SID
                || child.name(stanza.element()) == "thread"
        })
}
