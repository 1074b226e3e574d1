//! The order point: where a stanza gets its place in an account's log and in its sessions' outboxes.
//!
//! Everything that awaits (a load, a permit of the writer) came before. From taking the account's lock to
//! leaving it nothing awaits, and no other account is locked.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use tokio::time::Instant;
use waxwing_stanza::{Addr, Condition, Stanza, bare_str};
use waxwing_store::{Done, LogRow, Marks, OwnerId, Permit, ResendRow, Seq, Write};

use crate::account::{Open, Place, State, Unwritten, Waiting};
use crate::commit::After;
use crate::entry::LogRef;
use crate::resource::Mode;
use crate::{Account, Copying, Entry, Point, ResendKey, SessionId, Ticket, now};

/// Which of an account's sessions a stanza goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// None: the sender's own entry.
    Nobody,
    /// The resource that it is addressed to.
    Full,
    /// The resource that it is addressed to, else as to the bare JID (RFC 6121 §8.5.3.2.1).
    FullElseMessages,
    /// Every available resource with a priority of 0 or more.
    Messages,
    /// Every available resource.
    Available,
    /// Every resource that asked for the roster.
    Interested,
    /// One session.
    Session(SessionId),
}

/// What the log is to keep of a message.
pub struct Keep {
    pub archived: bool,
    pub pending: bool,
    /// Got from the writer beforehand.
    pub permit: Permit,
    /// The bare JID of the other side.
    pub peer: Arc<str>,
    /// The sender and the key that its message is known by.
    pub key: Option<(OwnerId, ResendKey)>,
}

/// A stanza at its order point.
pub struct Delivery {
    pub stanza: Arc<Stanza>,
    /// Whom it is written to, if not to the stanza's own addressee.
    pub to: Option<Addr>,
    pub targets: Targets,
    pub keep: Option<Keep>,
    /// Completed when the effect is durable.
    pub ticket: Option<Ticket>,
    /// Whether what the log keeps waits for a session where there is none.
    pub waits: bool,
    /// At which point its copies are made.
    pub point: Point,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    Taken,
    /// No session, and it does not wait for one.
    NoSession,
    /// As much waits for this account as may.
    Full,
}

impl Delivery {
    /// Something that no log keeps.
    pub fn plain(stanza: Stanza, targets: Targets) -> Delivery {
        Delivery::shared(Arc::new(stanza), targets)
    }

    /// Something that no log keeps, and that others may get too.
    pub fn shared(stanza: Arc<Stanza>, targets: Targets) -> Delivery {
        Delivery {
            stanza,
            to: None,
            targets,
            keep: None,
            ticket: None,
            waits: false,
            point: Point::ToAccount,
        }
    }
}

/// Where copies of a stanza and the stanza itself come from: the log, or nowhere.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub log: Option<LogRef>,
    pub point: Point,
}

impl Account {
    /// The order point.
    pub fn accept(self: &Arc<Self>, delivery: Delivery) -> Accepted {
        let mut after = After::new(self);
        let accepted = self.accept_locked(&mut self.lock(), delivery, &mut after);
        after.run();
        accepted
    }

    fn accept_locked(
        self: &Arc<Self>,
        state: &mut State,
        delivery: Delivery,
        after: &mut After<'_>,
    ) -> Accepted {
        let Delivery { stanza, to, targets, keep, ticket, waits, point } = delivery;
        let reaches = !state.resolve(&targets, &stanza).is_empty();
        if !reaches && !waits && targets != Targets::Nobody {
            // The caller answers at once: the ticket is for what lasts longer.
            after.drop_ticket(ticket);
            return Accepted::NoSession;
        }
        let Some(keep) = keep else {
            if !reaches && targets != Targets::Nobody {
                return Accepted::NoSession;
            }
            if state.waiting.is_empty() {
                self.hand(state, &stanza, to, targets, Source { log: None, point }, after);
            } else {
                state.waiting.push_back(Waiting::Plain(stanza, to, targets));
            }
            return Accepted::Taken;
        };
        if keep.pending && state.pending >= self.core().settings.pending_messages {
            after.drop_ticket(ticket);
            return Accepted::Full;
        }
        let (seq, at) = (state.next, now());
        state.next += 1;
        state.pending += u64::from(keep.pending);
        let unwritten = Unwritten {
            since: Instant::now(),
            at,
            stanza: stanza.clone(),
            permit: keep.permit,
            ticket,
            key: keep.key,
        };
        if keep.archived {
            // Shown when it is committed: nobody ever sees an id that is not in the archive.
            state.archived += 1;
            self.trim_if_full(state);
            let marks = Marks { archived: true, pending: keep.pending };
            let place = self.submit(seq, marks, keep.peer, unwritten);
            state.open.push_back(Open { seq, place, pending: keep.pending, holders: SmallVec::new() });
            state.waiting.push_back(Waiting::Entry { seq, at, stanza, targets, archived: true });
            return Accepted::Taken;
        }
        let place = Place::Lingering(unwritten);
        state.open.push_back(Open { seq, place, pending: true, holders: SmallVec::new() });
        if state.waiting.is_empty() {
            let log = LogRef { seq, at, identified: false };
            self.hand(state, &stanza, to, targets, Source { log: Some(log), point }, after);
        } else {
            state.waiting.push_back(Waiting::Entry { seq, at, stanza, targets, archived: false });
            self.commit_up_to(state, seq);
        }
        Accepted::Taken
    }

    /// Puts a stanza and its copies into outboxes. For an entry of the log, notes who holds it, and has it
    /// committed if nobody connected does.
    pub(crate) fn hand(
        self: &Arc<Self>,
        state: &mut State,
        stanza: &Arc<Stanza>,
        to: Option<Addr>,
        targets: Targets,
        source: Source,
        after: &mut After<'_>,
    ) {
        let reached = state.resolve(&targets, stanza);
        let mut holders: SmallVec<[SessionId; 2]> = SmallVec::new();
        let mut connected = false;
        let copies = self.copies(state, stanza, &reached, source);
        let original =
            |&index| (index, Entry { stanza: stanza.clone(), to: to.clone(), log: source.log, late: false });
        let originals = reached.iter().map(original);
        let entries: SmallVec<[(usize, Entry); 4]> = originals.chain(copies).collect();
        for (index, entry) in entries {
            if let Some(holder) = self.hand_one(state, index, entry, after) {
                connected |= !state.resources[index].session.is_hibernated();
                holders.push(holder);
            }
        }
        let Some(log) = source.log else { return };
        let Ok(at) = state.find(log.seq) else { return };
        let nobody = holders.is_empty();
        state.open[at].holders = holders;
        if !connected {
            self.commit_up_to(state, log.seq);
        } else if matches!(state.open[at].place, Place::Lingering(_)) && !state.armed {
            state.armed = true;
            self.core().linger.arm(Instant::now() + self.core().settings.linger, self.clone());
        }
        if nobody
            && let Ok(at) = state.find(log.seq)
            && matches!(state.open[at].place, Place::Stored)
        {
            state.open.remove(at);
        }
    }

    /// Copies that modules make for sessions which the stanza itself does not reach.
    fn copies(
        &self,
        state: &State,
        stanza: &Arc<Stanza>,
        reached: &[usize],
        source: Source,
    ) -> SmallVec<[(usize, Entry); 4]> {
        let table = self.host.table();
        if !table.makes_copies(source.point, stanza) || state.resources.len() == reached.len() {
            return SmallVec::new();
        }
        let mut copying = Copying::new(self, stanza, &state.resources, reached, source.log);
        table.copy(source.point, &mut copying);
        copying.into_entries()
    }

    /// One entry into one outbox; says which session holds it now.
    pub(crate) fn hand_one(
        &self,
        state: &mut State,
        index: usize,
        entry: Entry,
        after: &mut After<'_>,
    ) -> Option<SessionId> {
        let limit = self.core().settings.outbox_bytes;
        let resource = &mut state.resources[index];
        let session = resource.session.clone();
        let rejected = match resource.mode {
            Mode::Live => match session.push(entry) {
                Ok(()) => return Some(session.id),
                Err(entry) => entry,
            },
            Mode::Behind(_) if entry.log.is_some() => {
                session.wake();
                return None;
            }
            Mode::Behind(_) => match state.hold(index, entry, limit) {
                Ok(()) => {
                    session.wake();
                    return None;
                }
                Err(entry) => entry,
            },
        };
        if let Some(log) = rejected.log {
            // It reads too slowly: from here on it reads its log.
            state.resources[index].mode = Mode::Behind(log.seq - 1);
            session.wake();
        } else if rejected.is_request() {
            after.bounce(rejected.stanza, Condition::ResourceConstraint);
        } else if !rejected.is_lone_chat_state() {
            session.overflow();
        }
        None
    }

    /// Hands an entry to the writer.
    fn submit(self: &Arc<Self>, seq: Seq, marks: Marks, peer: Arc<str>, unwritten: Unwritten) -> Place {
        let Unwritten { at, stanza, permit, ticket, key, .. } = unwritten;
        let row = LogRow { owner: self.id, seq, at, marks, peer, stanza: stanza.stored() };
        let mut unit: waxwing_store::Unit = smallvec![Write::Append(row)];
        if let Some((sender, key)) = key {
            let row = ResendRow { owner: sender, boot: self.core().boot, at, keys: key.0.to_vec() };
            unit.push(Write::ResendKeys(row));
        }
        self.core().writer.submit(permit, unit, Done(Some((self.clone(), seq))));
        Place::Writing(ticket, stanza, at)
    }

    /// Has everything up to a position written: entries reach the database in the order of their positions.
    pub(crate) fn commit_up_to(self: &Arc<Self>, state: &mut State, seq: Seq) {
        for open in state.open.iter_mut().take_while(|open| open.seq <= seq) {
            if !matches!(open.place, Place::Lingering(_)) {
                continue;
            }
            if let Place::Lingering(unwritten) = std::mem::replace(&mut open.place, Place::Stored) {
                let from = unwritten.stanza.from.as_ref();
                let peer = Arc::from(from.map_or("", |from| bare_str(from)));
                let marks = Marks { archived: false, pending: true };
                open.place = self.submit(open.seq, marks, peer, unwritten);
            }
        }
    }

    /// The linger time is over for some entries.
    pub(crate) fn linger_over(self: &Arc<Self>, now: Instant) {
        let mut state = self.lock();
        state.armed = false;
        let linger = self.core().settings.linger;
        let mut last = None;
        let mut next = None;
        for open in &state.open {
            if let Place::Lingering(unwritten) = &open.place {
                if unwritten.since + linger <= now {
                    last = Some(open.seq);
                } else {
                    next = Some(unwritten.since + linger);
                    break;
                }
            }
        }
        if let Some(seq) = last {
            self.commit_up_to(&mut state, seq);
        }
        if let Some(at) = next {
            state.armed = true;
            self.core().linger.arm(at, self.clone());
        }
    }

    /// A full archive refuses nothing: its oldest go, a hundredth more than must.
    fn trim_if_full(self: &Arc<Self>, state: &mut State) {
        let keep = self.core().settings.archived_messages;
        if keep == 0 || state.archived <= keep + keep / 100 {
            return;
        }
        state.archived = keep;
        let account = self.clone();
        tokio::spawn(async move {
            if let Err(error) = account.core().store.trim_archive(account.id, keep).await {
                tracing::warn!(account = %account.jid, %error, "the archive could not be trimmed");
            }
        });
    }
}
