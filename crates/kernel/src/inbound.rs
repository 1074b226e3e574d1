//! What a session received and has not made durable yet, so that `h` never says more than the truth.

use std::collections::VecDeque;
use std::sync::Arc;

use waxwing_stanza::{Stanza, StanzaError};

use crate::{ResendKey, Session};

/// Counts one stream's received stanzas and which of them have taken effect for good.
#[derive(Default)]
pub struct Inbound {
    /// Stanzas received since counting began, modulo 2^32.
    received: u32,
    /// Stanzas of which, and of all before which, every effect is durable.
    durable: u32,
    /// How many effects are outstanding for `durable + 1`, `+ 2`, …
    open: VecDeque<u16>,
    /// The last `h` that was sent.
    told: u32,
    /// Keys of messages that no `h` sent so far covers.
    keys: VecDeque<(u32, ResendKey)>,
    /// What a client that asked is still owed an answer about.
    owed: Option<u32>,
    /// An effect was lost: the stream must not acknowledge anything more.
    failed: bool,
}

impl Inbound {
    /// Counts one stanza in; it stays open until [`Inbound::close`] is called as often as it was opened.
    pub fn receive(&mut self) -> u32 {
        self.received = self.received.wrapping_add(1);
        self.open.push_back(1);
        self.received
    }

    /// One more effect of stanza `n` is outstanding.
    pub fn reopen(&mut self, n: u32) {
        if let Some(open) = self.slot(n) {
            *open += 1;
        }
    }

    /// One effect of stanza `n` stands. Says whether the durable prefix has grown.
    pub fn close(&mut self, n: u32) -> bool {
        if let Some(open) = self.slot(n) {
            *open = open.saturating_sub(1);
        }
        let before = self.durable;
        while !self.failed && self.open.front() == Some(&0) {
            self.open.pop_front();
            self.durable = self.durable.wrapping_add(1);
        }
        before != self.durable
    }

    fn slot(&mut self, n: u32) -> Option<&mut u16> {
        let index = n.wrapping_sub(self.durable).wrapping_sub(1) as usize;
        self.open.get_mut(index)
    }

    /// Remembers the key of message `n` until an `h` covers it.
    pub fn remember(&mut self, n: u32, key: ResendKey) {
        self.keys.push_back((n, key));
    }

    /// The `h` to send now; the client asks (`<r/>`) or is told by itself.
    pub fn tell(&mut self) -> u32 {
        self.told = self.durable;
        while let Some((n, _)) = self.keys.front()
            && self.durable.wrapping_sub(*n) < u32::MAX / 2
        {
            self.keys.pop_front();
        }
        if self.owed.is_some_and(|n| self.durable.wrapping_sub(n) < u32::MAX / 2) {
            self.owed = None;
        }
        self.durable
    }

    /// The client asked for an acknowledgement of all so far.
    pub fn owe(&mut self) {
        self.owed = Some(self.received);
    }

    /// What was asked for is durable now and not yet told.
    pub fn due(&self) -> bool {
        self.owed.is_some_and(|n| self.durable.wrapping_sub(n) < u32::MAX / 2)
    }

    /// Somebody asked and was not answered in full.
    pub fn owing(&self) -> bool {
        self.owed.is_some()
    }

    /// How many received stanzas are not durable.
    pub fn outstanding(&self) -> usize {
        self.open.len()
    }

    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Starts counting anew (`<enable/>`).
    pub fn restart(&mut self) {
        // What is open was received before counting began: its tickets must find no slot.
        *self = Inbound { failed: self.failed, ..Inbound::default() };
    }

    /// Keys that no acknowledgement covered: a later stream may send these messages again.
    pub fn take_keys(&mut self) -> Vec<ResendKey> {
        self.keys.drain(..).map(|(_, key)| key).collect()
    }
}

/// One outstanding effect of one received stanza. Must be completed or failed.
#[derive(Clone)]
pub struct Ticket {
    session: Arc<Session>,
    epoch: u32,
    n: u32,
}

impl Ticket {
    pub(crate) fn new(session: Arc<Session>, epoch: u32, n: u32) -> Ticket {
        Ticket { session, epoch, n }
    }

    /// Another effect of the same stanza.
    pub fn another(&self) -> Ticket {
        self.session.reopen(self.epoch, self.n);
        self.clone()
    }

    /// The effect is durable.
    pub fn complete(self) {
        self.session.complete(self.epoch, self.n);
    }

    /// The effect was refused by the store: the sender gets an error, and the stanza counts as handled.
    pub fn refuse(self, stanza: &Stanza, error: &StanzaError) {
        if let Some(answer) = stanza.error(error) {
            self.session.push_own(answer);
        }
        self.complete();
    }

    /// Whether the effect stands is not known: the stream closes without an acknowledgement.
    pub fn lose(self) {
        self.session.lose();
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub fn number(&self) -> u32 {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::Inbound;

    #[test]
    fn h_counts_the_unbroken_durable_prefix() {
        let mut inbound = Inbound::default();
        let (a, b, c) = (inbound.receive(), inbound.receive(), inbound.receive());
        inbound.reopen(a);
        assert!(!inbound.close(b));
        assert!(!inbound.close(a));
        assert_eq!(inbound.tell(), 0);
        assert!(inbound.close(a));
        assert_eq!(inbound.tell(), 2);
        inbound.owe();
        assert!(!inbound.due());
        inbound.close(c);
        assert!(inbound.due());
        assert_eq!(inbound.tell(), 3);
        assert!(!inbound.owing());
    }

    #[test]
    fn after_a_failure_nothing_more_is_acknowledged() {
        let mut inbound = Inbound::default();
        let a = inbound.receive();
        inbound.fail();
        assert!(!inbound.close(a));
        assert_eq!(inbound.tell(), 0);
    }
}
