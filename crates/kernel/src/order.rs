//! The order point: where a stanza gets its place in an account's log and in its sessions' outboxes.
//!
//! Everything that awaits (a load, a permit of the writer) came before. From taking the account's lock to
//! leaving it nothing awaits, and no other account is locked.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use tokio::time::Instant;
use waxwing_stanza::{Addr, Condition, Kind, Stanza, StanzaError, bare_str};
use waxwing_store::{Done, LogRow, Marks, OwnerId, Permit, ResendRow, Seq, Write};

use crate::archive::{at_of, first_at};
use crate::commit::After;
use crate::entry::LogRef;
use crate::resource::Mode;
use crate::state::{Open, Place, State, Unwritten};
use crate::{Account, Copying, Entry, Point, ResendKey, Session, SessionId, Ticket, Unread};

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

/// A stanza with its place, on its way to outboxes.
pub(crate) struct Arriving {
    pub stanza: Arc<Stanza>,
    pub to: Option<Addr>,
    pub targets: Targets,
    /// The entry of the log that it is.
    pub log: Option<LogRef>,
    /// At which point its copies are made.
    pub point: Point,
    /// The last position given when it came: its own, if it is an entry of the log.
    pub place: Seq,
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
        let reached = state.resolve(&targets, &stanza);
        let reaches = !reached.is_empty();
        if !reaches && !waits && targets != Targets::Nobody {
            // The caller answers at once: the ticket is for what lasts longer.
            after.drop_ticket(ticket);
            return Accepted::NoSession;
        }
        let Some(keep) = keep else {
            after.drop_ticket(ticket);
            if !reaches && targets != Targets::Nobody {
                return Accepted::NoSession;
            }
            let arriving = Arriving { stanza, to, targets, log: None, point, place: state.next - 1 };
            if state.waiting.is_empty() {
                self.hand(state, arriving, &reached, after);
            } else {
                self.wait(state, arriving, after);
            }
            return Accepted::Taken;
        };
        let full = state.pending >= self.core().settings.pending_messages;
        if keep.pending && full && !state.is_taken_at_once(&targets, &stanza) {
            after.drop_ticket(ticket);
            return Accepted::Full;
        }
        // A position holds the time in milliseconds above its 16 lowest bits, and so the time grows with it: where
        // the clock was set back, or gave more entries to a millisecond than these can hold, it goes on from the last.
        let since = Instant::now();
        let seq = state.next.max(first_at(self.core().clock.at(since)));
        let at = at_of(seq);
        state.next = seq + 1;
        state.pending += u64::from(keep.pending);
        let unwritten =
            Unwritten { since, at, stanza: stanza.clone(), permit: keep.permit, ticket, key: keep.key };
        let (archived, pending) = (keep.archived, keep.pending);
        let log = Some(LogRef { seq, at, identified: archived });
        let arriving = Arriving { stanza, to, targets, log, point, place: seq };
        if archived {
            // Entries reach the database in the order of their positions.
            self.commit_up_to(state, seq);
            state.archived += 1;
            self.trim_if_full(state);
            let place = self.submit(seq, Marks { archived, pending }, unwritten);
            state.open.push_back(Open { seq, place, pending, holders: SmallVec::new() });
            // Shown when it is committed: nobody ever sees an id that is not in the archive.
            state.waiting.push_back(arriving);
            return Accepted::Taken;
        }
        let place = Place::Lingering(unwritten);
        state.open.push_back(Open { seq, place, pending: true, holders: SmallVec::new() });
        if state.waiting.is_empty() {
            self.hand(state, arriving, &reached, after);
        } else {
            state.waiting.push_back(arriving);
            self.commit_up_to(state, seq);
        }
        Accepted::Taken
    }

    /// Has something that is in no log wait behind an entry that is not committed. What does not fit is treated as
    /// where it does not fit into an outbox.
    fn wait(&self, state: &mut State, arriving: Arriving, after: &mut After<'_>) {
        let entry = Entry::new(arriving.stanza.clone());
        if state.waiting_weight + entry.weight() <= self.core().settings.outbox_bytes {
            state.waiting_weight += entry.weight();
            return state.waiting.push_back(arriving);
        }
        for index in state.resolve(&arriving.targets, &arriving.stanza) {
            self.shed(&state.resources[index].session, entry.clone(), after);
        }
    }

    /// Puts a stanza and its copies into outboxes. For a pending entry of the log, notes who holds it, and has it
    /// committed if nobody connected does.
    pub(crate) fn hand(
        self: &Arc<Self>,
        state: &mut State,
        arriving: Arriving,
        reached: &[usize],
        after: &mut After<'_>,
    ) {
        if reached.is_empty() && arriving.log.is_none() && arriving.targets != Targets::Nobody {
            // Whom it was for has gone while it waited.
            return after.left(arriving.stanza);
        }
        let at = arriving.log.and_then(|log| state.find(log.seq).ok());
        let pending = at.is_some_and(|at| state.open[at].pending);
        let copies = self.copies(state, &arriving, reached);
        let Arriving { stanza, to, log, place, .. } = arriving;
        let original = |&index| (index, Entry { to: to.clone(), log, ..Entry::new(stanza.clone()) });
        let mut holders: SmallVec<[SessionId; 2]> = SmallVec::new();
        let mut connected = false;
        for (index, mut entry) in reached.iter().map(original).chain(copies) {
            // One that is not pending has nothing to settle, and is not read from the log.
            entry.log = entry.log.filter(|_| pending);
            if let Some(holder) = self.hand_one(state, index, entry, place, after) {
                connected |= !state.resources[index].session.is_hibernated();
                holders.push(holder);
            }
        }
        if log.is_none()
            && state.watched != Some(false)
            && matches!(stanza.kind, Kind::Message(_))
            && !reached.is_empty()
        {
            let account = self.clone();
            after.unread(Unread { account, stanza, seq: None, archived: false, held: connected });
            return;
        }
        let (Some(log), Some(at)) = (log, at) else { return };
        if !pending {
            // Its copies settle nothing: no session is asked to hold it.
            return state.rest(at);
        }
        if state.watched != Some(false) {
            let (account, archived) = (self.clone(), log.identified);
            after.unread(Unread { account, stanza, seq: Some(log.seq), archived, held: connected });
        }
        state.open[at].holders = holders;
        if !connected {
            self.commit_up_to(state, log.seq);
        } else if let Place::Lingering(Unwritten { since, .. }) = state.open[at].place
            && !state.armed
        {
            state.armed = true;
            self.core().linger.arm(since + self.core().settings.linger, self.clone());
        }
        state.rest(at);
    }

    /// Copies that modules make for sessions which the stanza itself does not reach.
    fn copies(&self, state: &State, arriving: &Arriving, reached: &[usize]) -> Vec<(usize, Entry)> {
        let Arriving { stanza, point, .. } = arriving;
        if state.resources.len() == reached.len() {
            return Vec::new();
        }
        let table = self.host.table();
        if !table.makes_copies(*point, stanza) {
            return Vec::new();
        }
        let mut copying = Copying::new(self, stanza, &state.resources, reached, arriving.log);
        table.copy(*point, &mut copying);
        copying.into_entries()
    }

    /// One entry into one outbox; says which session holds it now.
    fn hand_one(
        &self,
        state: &mut State,
        index: usize,
        mut entry: Entry,
        place: Seq,
        after: &mut After<'_>,
    ) -> Option<SessionId> {
        let limit = self.core().settings.outbox_bytes;
        let resource = &mut state.resources[index];
        // Whether it can be read from the log instead, a copy as the message itself.
        let log = entry.log.filter(|_| resource.reads(&entry.stanza));
        if resource.mode == Mode::Live {
            match resource.session.push(entry) {
                Ok(()) => return Some(resource.session.id),
                // It reads too slowly: from here on it reads its log.
                Err(rejected) => entry = rejected,
            }
            resource.set_mode(Mode::Behind(log.map_or(place, |log| log.seq - 1)));
        }
        let session = resource.session.clone();
        session.wake();
        if log.is_none()
            && let Err(entry) = resource.hold(place, entry, limit)
        {
            self.shed(&session, entry, after);
        }
        None
    }

    /// What does not fit, and is not read from the log later.
    fn shed(&self, session: &Session, entry: Entry, after: &mut After<'_>) {
        if entry.is_request() {
            let error = StanzaError::new(Condition::ResourceConstraint);
            after.bounce(entry.stanza, error.text("this client reads too slowly"));
        } else if !entry.is_lone_chat_state() {
            session.overflow();
            after.left(entry.stanza);
        }
    }

    /// Hands an entry to the writer.
    fn submit(self: &Arc<Self>, seq: Seq, marks: Marks, unwritten: Unwritten) -> Place {
        let Unwritten { at, stanza, permit, ticket, key, .. } = unwritten;
        // The other side: the addressee of what this account sent, else the sender.
        let sent = stanza.from.as_ref().is_some_and(|from| bare_str(from) == bare_str(&self.jid));
        let peer = if sent { &stanza.to } else { &stanza.from };
        let peer = Arc::from(peer.as_ref().map_or("", |jid| jid.as_str()));
        let row = LogRow { owner: self.id, seq, at, marks, peer, stanza: stanza.stored() };
        let mut unit: waxwing_store::Unit = smallvec![Write::Append(row)];
        if let Some((sender, key)) = key {
            let row = ResendRow { owner: sender, boot: self.core().boot, at, keys: key.0.to_vec() };
            unit.push(Write::ResendKeys(row));
        }
        let done = Done(Some((self.clone(), seq)));
        self.core().writer.submit_beside(stanza.weight(), permit, unit, done);
        Place::Writing(ticket, stanza, at)
    }

    /// Has everything up to a position written: entries reach the database in the order of their positions.
    pub(crate) fn commit_up_to(self: &Arc<Self>, state: &mut State, seq: Seq) {
        for index in state.lingering()..state.open.len() {
            let open = &mut state.open[index];
            if open.seq > seq {
                return;
            }
            if let Place::Lingering(unwritten) = std::mem::replace(&mut open.place, Place::Stored) {
                let marks = Marks { archived: false, pending: true };
                open.place = self.submit(open.seq, marks, unwritten);
            }
        }
    }

    /// The linger time is over for some entries by then.
    pub(crate) fn linger_over(self: &Arc<Self>, by: Instant) {
        let mut state = self.lock();
        state.armed = false;
        let linger = self.core().settings.linger;
        let due = |open: &Open| match &open.place {
            Place::Lingering(unwritten) => Some((open.seq, unwritten.since + linger)),
            _ => None,
        };
        let first = state.lingering();
        let (past, future): (Vec<_>, Vec<_>) =
            state.open.range(first..).filter_map(due).partition(|(_, at)| *at <= by);
        if let Some((seq, _)) = past.last() {
            self.commit_up_to(&mut state, *seq);
        }
        if let Some((_, at)) = future.first() {
            state.armed = true;
            self.core().linger.arm(*at, self.clone());
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
            // What was counted is stored by then, so no more than may be stays.
            account.core().writer.flush().await;
            if let Err(error) = account.core().store.trim_archive(account.id, keep).await {
                tracing::warn!(account = %account.jid, %error, "the archive could not be trimmed");
            }
        });
    }
}

impl State {
    /// Whether a connected session takes it now: then it does not wait, and the quota is for what waits.
    fn is_taken_at_once(&self, targets: &Targets, stanza: &Stanza) -> bool {
        let takes = |index: usize| {
            let resource = &self.resources[index];
            resource.mode == Mode::Live
                && !resource.session.is_hibernated()
                && !resource.session.outbox(|outbox| outbox.is_full())
        };
        self.resolve(targets, stanza).into_iter().any(takes)
    }

    /// Where the entries begin that are in memory only: what was written came before them.
    fn lingering(&self) -> usize {
        let lingering = |open: &&Open| matches!(open.place, Place::Lingering(_));
        self.open.len() - self.open.iter().rev().take_while(lingering).count()
    }
}
