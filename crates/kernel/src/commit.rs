//! What follows when an entry is durable, or acknowledged, or its session is gone.

use std::sync::Arc;

use smallvec::SmallVec;
use waxwing_stanza::{Condition, IqType, Kind, MessageType, Stanza, StanzaError};
use waxwing_store::{OnCommit, Outcome, Seq};

use crate::order::Arriving;
use crate::resend::Orphan;
use crate::resource::Mode;
use crate::state::{Place, State};
use crate::{Account, Delivery, Entry, Session, SessionId, Targets, Ticket, Unread, now};

/// What is done once the account's lock is released: it touches other accounts and sessions.
pub(crate) struct After<'a> {
    account: &'a Account,
    tickets: SmallVec<[Told; 4]>,
    bounces: Vec<(Arc<Stanza>, StanzaError)>,
    unread: Vec<Unread>,
}

/// A ticket, how its effect ended, and the stanza to answer if that was badly.
type Told = (Ticket, Outcome, Option<Arc<Stanza>>);

impl<'a> After<'a> {
    pub fn new(account: &'a Account) -> After<'a> {
        After { account, tickets: SmallVec::new(), bounces: Vec::new(), unread: Vec::new() }
    }

    pub fn bounce(&mut self, stanza: Arc<Stanza>, error: StanzaError) {
        self.bounces.push((stanza, error));
    }

    /// The session that it was for is gone: who waits for an answer, or takes it for read, is told. The rest of what
    /// is in no log (carbons, archive results, headlines, errors, presence, results) is dropped.
    pub fn left(&mut self, stanza: Arc<Stanza>) {
        match stanza.kind {
            Kind::Iq(IqType::Get | IqType::Set) => self.bounce(stanza, StanzaError::nobody()),
            Kind::Message(MessageType::Groupchat) => {
                let error = StanzaError::new(Condition::RecipientUnavailable);
                self.bounce(stanza, error.text("this client is gone"));
            }
            _ => {}
        }
    }

    /// Modules that want to hear of it do.
    pub fn unread(&mut self, unread: Unread) {
        self.unread.push(unread);
    }

    /// Nothing lasting follows for this ticket.
    pub fn drop_ticket(&mut self, ticket: Option<Ticket>) {
        self.done(ticket, Outcome::Stored, None);
    }

    fn done(&mut self, ticket: Option<Ticket>, outcome: Outcome, stanza: Option<Arc<Stanza>>) {
        if let Some(ticket) = ticket {
            self.tickets.push((ticket, outcome, stanza));
        }
    }

    pub fn run(mut self) {
        // Drained: taken apart, they would be copied all together.
        for (ticket, outcome, stanza) in self.tickets.drain(..) {
            match (outcome, stanza) {
                (Outcome::Stored, _) => ticket.complete(),
                (Outcome::Refused, Some(stanza)) => {
                    let error =
                        StanzaError::new(Condition::NotAcceptable).text("the message cannot be stored");
                    ticket.refuse(&stanza, &error);
                }
                (Outcome::Refused, None) => ticket.complete(),
                (Outcome::Lost, _) => ticket.lose(),
            }
        }
        for (stanza, error) in self.bounces {
            self.account.bounce(&stanza, &error);
        }
        for unread in self.unread {
            self.account.host.table().unread(unread);
        }
    }
}

impl OnCommit for Account {
    fn committed(self: Arc<Self>, seq: u64, outcome: Outcome) {
        let mut after = After::new(&self);
        let mut state = self.lock();
        state.committed = state.committed.max(seq);
        self.written(&mut state, seq, outcome, &mut after);
        self.release(&mut state, &mut after);
        for resource in state.resources.iter().filter(|r| matches!(r.mode, Mode::Behind(_))) {
            resource.session.wake();
        }
        drop(state);
        after.run();
    }
}

impl Account {
    /// The writer is through with an entry.
    fn written(&self, state: &mut State, seq: Seq, outcome: Outcome, after: &mut After<'_>) {
        if outcome == Outcome::Lost {
            // It may be there all the same, and its sender will send it again.
            self.core().writer.settle(self.id, seq);
        }
        let Ok(index) = state.find(seq) else { return };
        let Place::Writing(ticket, stanza, _) =
            std::mem::replace(&mut state.open[index].place, Place::Stored)
        else {
            return;
        };
        if outcome == Outcome::Stored {
            after.done(ticket, outcome, None);
            // One that waits to be shown is looked at when it is.
            if !state.waits(seq) {
                state.rest(index);
            }
            return;
        }
        tracing::error!(account = %self.jid, ?outcome, "a message was not stored");
        if state.open[index].pending {
            state.settle(seq);
        }
        state.open.remove(index);
        state.waiting.retain(|arriving| arriving.log.is_none_or(|log| log.seq != seq));
        after.done(ticket, outcome, Some(stanza));
    }

    /// Shows what waited for commits that are made, and what waited behind it.
    fn release(self: &Arc<Self>, state: &mut State, after: &mut After<'_>) {
        let committed = state.committed;
        let is_next = |arriving: &mut Arriving| arriving.log.is_none_or(|log| log.seq <= committed);
        while let Some(arriving) = state.waiting.pop_front_if(is_next) {
            if arriving.log.is_none() {
                let entry = Entry::new(arriving.stanza.clone());
                state.waiting_weight = state.waiting_weight.saturating_sub(entry.weight());
            }
            let reached = state.resolve(&arriving.targets, &arriving.stanza);
            self.hand(state, arriving, &reached, after);
        }
    }

    /// A session has got entries. The first that counts settles one: from a session that takes messages, or
    /// that is the stanza's full JID. Where it does not count now, it does if the session takes messages later.
    pub(crate) fn acknowledged(self: &Arc<Self>, session: &Session, entries: &[Entry]) {
        let mut after = After::new(self);
        let mut state = self.lock();
        for entry in entries {
            let Some(log) = entry.log else { continue };
            let Ok(index) = state.find(log.seq) else { continue };
            let addressed = || entry.stanza.to.as_ref().is_some_and(|to| **to == *session.jid);
            // One that has ended was too late: what it held is the others'.
            let Some(resource) = state.resource_of(session.id) else { break };
            if resource.takes_messages() || addressed() {
                self.settle_open(&mut state, index, &mut after);
            } else {
                resource.acknowledged.push(log.seq);
                self.commit_up_to(&mut state, log.seq);
            }
        }
        drop(state);
        after.run();
    }

    /// Takes the pending mark off an entry that is open.
    pub(crate) fn settle_open(&self, state: &mut State, index: usize, after: &mut After<'_>) {
        let Some(open) = state.open.remove(index) else { return };
        state.settle(open.seq);
        match open.place {
            Place::Lingering(unwritten) => after.done(unwritten.ticket, Outcome::Stored, None),
            Place::Writing(ticket, ..) => {
                after.done(ticket, Outcome::Stored, None);
                self.core().writer.settle(self.id, open.seq);
            }
            Place::Stored => self.core().writer.settle(self.id, open.seq),
        }
        if state.open.is_empty() {
            // Begins at its first place again: a few at a time always have the same memory.
            state.open.clear();
            if state.open.capacity() > 64 {
                state.open.shrink_to(8);
            }
        }
    }

    /// A session lost its connection and waits to be resumed: what it has not acknowledged must not hang on
    /// this process's memory alone.
    pub fn hibernate(self: &Arc<Self>, session: &Session) {
        session.set_hibernated(true);
        let mut state = self.lock();
        if let Some(seq) = state.held_by(session.id).last() {
            self.commit_up_to(&mut state, seq);
        }
    }

    /// A connection serves the session again.
    pub fn wake(&self, session: &Session) {
        session.set_hibernated(false);
        session.outbox(|outbox| outbox.rewind());
        // A resumed stream begins as any other does.
        session.set_unwatched(false);
    }

    /// Has everything written that is only in memory (a stop in good order).
    pub fn commit_all(self: &Arc<Self>) {
        self.commit_up_to(&mut self.lock(), Seq::MAX);
    }

    /// Ends a session for good. What it has not acknowledged and is still pending goes to the account's other
    /// sessions, else it waits; the rest is answered as is due. `false` if it had ended before.
    pub fn end(self: &Arc<Self>, session: &Arc<Session>) -> bool {
        if !session.end() {
            return false;
        }
        let mut after = After::new(self);
        let mut state = self.lock();
        let Some(index) = state.resources.iter().position(|resource| resource.session.id == session.id)
        else {
            return false;
        };
        let mut resource = state.resources.remove(index);
        let entries = session.outbox(|outbox| outbox.take_all());
        let held = resource.held.drain(..).map(|(_, entry)| entry);
        let others = entries.into_iter().chain(held).filter(|entry| entry.log.is_none());
        others.for_each(|entry| after.left(entry.stanza));
        let (at, limit) = (now(), self.core().settings.resend_keys);
        // Under the account's lock: at no moment is a key in neither place.
        for (key, n) in session.inbound(|inbound| inbound.take_keys()) {
            let origin = n.map(|n| (session.clone(), n));
            state.orphans.add(Orphan { key, at, origin }, limit);
        }

        let seqs: Vec<Seq> = state.held_by(session.id).collect();
        for open in &mut state.open {
            open.holders.retain(|holder| *holder != session.id);
        }
        if let (Some(&first), Some(&last)) = (seqs.first(), seqs.last()) {
            self.commit_up_to(&mut state, last);
            // The others read what they were not sent from the log; what they hold they leave out.
            for resource in state.resources.iter_mut().filter(|resource| resource.takes_messages()) {
                let cursor = match resource.mode {
                    Mode::Live => first - 1,
                    Mode::Behind(cursor) => cursor.min(first - 1),
                };
                resource.set_mode(Mode::Behind(cursor));
                resource.session.wake();
            }
        }
        state.open.retain(|open| !(open.holders.is_empty() && matches!(open.place, Place::Stored)));
        drop(state);
        after.run();
        true
    }

    /// Answers a stanza that this account could not take with an error, to the sender if it is one of ours.
    pub(crate) fn bounce(&self, stanza: &Stanza, error: &StanzaError) {
        let Some(answer) = stanza.error(error) else { return };
        let Some(to) = answer.to.clone() else { return };
        if self.core().answers.take(&answer) {
            return;
        }
        if let Some(sender) = self.core().directory.present(&to) {
            sender.accept(Delivery::plain(answer, Targets::Full));
        } else if let Some(component) = self.core().component(to.domain().as_str()) {
            // Where it cannot take this either, nobody waits for it.
            let _ = component.send(Arc::new(answer), None);
        }
    }
}

impl State {
    /// The positions of pending entries in a session's outbox, in order.
    fn held_by(&self, session: SessionId) -> impl Iterator<Item = Seq> {
        self.open
            .iter()
            .filter(move |open| open.pending && open.holders.contains(&session))
            .map(|open| open.seq)
    }
}
