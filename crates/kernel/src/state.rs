//! What is under an account's lock.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;
use waxwing_stanza::Stanza;
use waxwing_store::{OwnerId, Permit, Seq, UnixMillis};

use crate::order::{Arriving, Targets};
use crate::resend::Orphans;
use crate::{ResendKey, Resource, Session, SessionId, Ticket, now};

/// Everything under the account's lock.
pub(crate) struct State {
    pub resources: Vec<Resource>,
    /// The next position of the log.
    pub next: Seq,
    /// Up to here everything is in the database, or settled, or refused.
    pub committed: Seq,
    /// Entries with the pending mark.
    pub pending: u64,
    /// Archived entries, counted from the last trim.
    pub archived: u64,
    /// Entries not at rest, by position: not written yet, or written and in some session's outbox.
    pub open: VecDeque<Open>,
    /// What must not be shown before a commit, and everything behind it, in order. The first is an entry of the
    /// log, not committed yet, and so is every other entry of the log here.
    pub waiting: VecDeque<Arriving>,
    /// The weight of what waits and is in no log; entries of the log are bounded by the writer's permits.
    pub waiting_weight: usize,
    pub orphans: Orphans,
    /// The linger timer runs.
    pub armed: bool,
    /// A mark was taken off since the directory last looked: the database may not know yet.
    pub settled_lately: bool,
    /// The greatest position that was settled and that the database may still show as pending.
    pub unsynced: Seq,
    /// Removed or disabled: binds nothing more.
    pub closed: bool,
    /// Whether anybody wants to hear of unread messages; `None`: that is not known yet.
    pub watched: Option<bool>,
}

/// A log entry that is not at rest.
pub(crate) struct Open {
    pub seq: Seq,
    pub place: Place,
    pub pending: bool,
    /// Sessions in whose outbox it is.
    pub holders: SmallVec<[SessionId; 2]>,
}

/// How far an open entry has come.
pub(crate) enum Place {
    /// In memory only, in the hope that it is acknowledged before it must be written.
    Lingering(Unwritten),
    /// Handed to the writer.
    Writing(Option<Ticket>, Arc<Stanza>, UnixMillis),
    Stored,
}

/// What an append will need.
pub(crate) struct Unwritten {
    pub since: Instant,
    pub at: UnixMillis,
    pub stanza: Arc<Stanza>,
    pub permit: Permit,
    pub ticket: Option<Ticket>,
    /// The sender and the key that its message is known by.
    pub key: Option<(OwnerId, ResendKey)>,
}

impl State {
    /// The message of that key which an earlier stream sent and was not told about, with its session and number
    /// where these are known.
    pub fn origin(&mut self, key: ResendKey) -> Option<Option<(Arc<Session>, u64)>> {
        if self.orphans.any()
            && let Some(orphan) = self.orphans.take(key, now())
        {
            return Some(orphan.origin);
        }
        // A session that waits to be resumed: its stream has ended.
        self.resources.iter().map(|resource| &resource.session).find_map(|session| {
            let n = session.is_hibernated().then(|| session.inbound(|inbound| inbound.take_key(key)))??;
            Some(Some((session.clone(), n)))
        })
    }

    /// Where an open entry is, or would be.
    pub fn find(&self, seq: Seq) -> Result<usize, usize> {
        // Mostly the newest is handed out, and the oldest is settled: no look at those between, which nobody touched lately.
        let is = |open: Option<&Open>| open.is_some_and(|open| open.seq == seq);
        if is(self.open.front()) {
            return Ok(0);
        }
        if is(self.open.back()) {
            return Ok(self.open.len() - 1);
        }
        self.open.binary_search_by_key(&seq, |open| open.seq)
    }

    pub fn resource_of(&mut self, session: SessionId) -> Option<&mut Resource> {
        self.resources.iter_mut().find(|resource| resource.session.id == session)
    }

    /// The sessions that a stanza goes to.
    pub fn resolve(&self, targets: &Targets, stanza: &Stanza) -> SmallVec<[usize; 4]> {
        let full = || stanza.to.as_ref().and_then(|to| to.resource()).map(|resource| resource.as_str());
        let all = self.resources.iter().enumerate();
        match targets {
            Targets::Nobody => SmallVec::new(),
            Targets::Full => {
                let Some(name) = full() else { return SmallVec::new() };
                all.filter(|(_, resource)| resource.is_named(name)).map(|(index, _)| index).collect()
            }
            Targets::FullElseMessages => {
                let exact = self.resolve(&Targets::Full, stanza);
                if exact.is_empty() { self.resolve(&Targets::Messages, stanza) } else { exact }
            }
            Targets::Messages => all.filter(|(_, r)| r.takes_messages()).map(|(index, _)| index).collect(),
            Targets::Available => all.filter(|(_, r)| r.is_available()).map(|(index, _)| index).collect(),
            Targets::Interested => all.filter(|(_, r)| r.interested).map(|(index, _)| index).collect(),
            Targets::Session(id) => {
                all.filter(|(_, r)| r.session.id == *id).map(|(index, _)| index).collect()
            }
        }
    }

    /// The pending mark is off.
    pub fn settle(&mut self, seq: Seq) {
        self.pending = self.pending.saturating_sub(1);
        self.settled_lately = true;
        self.unsynced = self.unsynced.max(seq);
        for resource in &mut self.resources {
            // Settled by another: nothing is left for it to settle later.
            resource.acknowledged.retain(|acknowledged| *acknowledged != seq);
            for settled in [&mut resource.reading, &mut resource.paging].into_iter().flatten() {
                settled.push(seq);
            }
        }
    }

    /// An entry that is written and in no outbox is at rest.
    pub fn rest(&mut self, index: usize) {
        let open = &self.open[index];
        if open.holders.is_empty() && matches!(open.place, Place::Stored) {
            self.open.remove(index);
        }
    }
}
