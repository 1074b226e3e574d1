//! What a session received and has not made durable yet, so that `h` never says more than the truth.

use std::collections::VecDeque;

use crate::{ResendKey, Ticket};

/// A stanza of which an effect was lost: never durable.
const LOST: u16 = u16::MAX;

/// Counts a session's received stanzas, over all its streams, and which of them have taken effect for good.
#[derive(Default)]
pub struct Inbound {
    /// Stanzas received since the bind.
    received: u64,
    /// Stanzas of which, and of all before which, every effect is durable.
    durable: u64,
    /// How many effects are outstanding for `durable + 1`, `+ 2`, …
    open: VecDeque<u16>,
    /// How many had been received when counting began (XEP-0198 `<enable/>`).
    start: u64,
    /// The last that the client was told of.
    told: u64,
    /// Keys of messages that no `h` sent so far covers.
    keys: VecDeque<(u64, ResendKey)>,
    /// Resends on other streams, which stand when the stanza of that number does.
    followers: Vec<(u64, Ticket)>,
    /// Up to where a client that asked is still owed an answer.
    owed: Option<u64>,
    /// An effect was lost: the stream must not acknowledge anything more.
    failed: bool,
    /// The session has ended: its keys are the account's.
    ended: bool,
}

/// What follows from the end of an effect.
pub(crate) struct Closed {
    /// The durable prefix has grown.
    pub grown: bool,
    /// Resends that stand now.
    pub followers: Vec<Ticket>,
}

/// How a stanza and a resend of it stand to each other.
pub(crate) enum Follow {
    /// The resend's effect ends with the stanza's.
    Follows,
    /// The stanza stands already.
    Stands(Ticket),
    /// It does not and never will.
    Lost(Ticket),
}

impl Inbound {
    /// Counts one stanza in; it stays open until [`Inbound::close`] is called as often as it was opened.
    pub(crate) fn receive(&mut self) -> u64 {
        self.received += 1;
        self.open.push_back(1);
        self.received
    }

    /// One more effect of stanza `n` is outstanding.
    pub(crate) fn reopen(&mut self, n: u64) {
        if let Some(open) = self.slot(n)
            && *open < LOST - 1
        {
            *open += 1;
        }
    }

    /// One effect of stanza `n` stands.
    pub(crate) fn close(&mut self, n: u64) -> Closed {
        let mut followers = Vec::new();
        if let Some(open) = self.slot(n)
            && *open != LOST
        {
            *open = open.saturating_sub(1);
            if *open == 0 {
                followers = self.followers_of(n);
            }
        }
        let before = self.durable;
        while !self.failed && self.open.front() == Some(&0) {
            self.open.pop_front();
            self.durable += 1;
        }
        Closed { grown: before != self.durable, followers }
    }

    fn slot(&mut self, n: u64) -> Option<&mut u16> {
        let index = n.checked_sub(self.durable + 1)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    fn followers_of(&mut self, n: u64) -> Vec<Ticket> {
        self.followers.extract_if(.., |(of, _)| *of == n).map(|(_, ticket)| ticket).collect()
    }

    /// An effect of stanza `n` was lost. Nothing more is acknowledged, and a resend of it is a new message.
    /// Returns the resends that relied on it.
    pub(crate) fn fail(&mut self, n: u64) -> Vec<Ticket> {
        self.failed = true;
        if let Some(open) = self.slot(n) {
            *open = LOST;
        }
        self.forget(n)
    }

    /// Remembers the key of message `n` until an `h` covers it; of more than `limit`, the newest.
    /// `false`: the session has ended, the key is the account's to remember.
    #[must_use]
    pub(crate) fn remember(&mut self, n: u64, key: ResendKey, limit: usize) -> bool {
        if self.ended {
            return false;
        }
        if self.keys.len() >= limit {
            self.keys.pop_front();
        }
        self.keys.push_back((n, key));
        true
    }

    /// Message `n` was refused: a resend of it is a new message. Returns the resends that relied on it.
    pub(crate) fn forget(&mut self, n: u64) -> Vec<Ticket> {
        self.keys.retain(|(of, _)| *of != n);
        self.followers_of(n)
    }

    /// Takes out the key of a message that another stream sends again; says which stanza it was.
    pub(crate) fn take_key(&mut self, key: ResendKey) -> Option<u64> {
        let at = self.keys.iter().position(|(_, other)| *other == key)?;
        self.keys.remove(at).map(|(n, _)| n)
    }

    /// Keys that no acknowledgement covered, each with its stanza where that is still outstanding: a later
    /// stream may send these messages again. None is remembered here any more.
    pub(crate) fn take_keys(&mut self) -> Vec<(ResendKey, Option<u64>)> {
        self.ended = true;
        let keys = std::mem::take(&mut self.keys);
        keys.into_iter().map(|(n, key)| (key, self.is_open(n).then_some(n))).collect()
    }

    pub(crate) fn is_open(&mut self, n: u64) -> bool {
        self.slot(n).is_some_and(|open| *open > 0)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = ResendKey> {
        self.keys.iter().map(|(_, key)| *key)
    }

    /// Ties a resend on another stream to stanza `n`.
    pub(crate) fn follow(&mut self, n: u64, ticket: Ticket) -> Follow {
        match self.slot(n) {
            Some(&mut LOST) => Follow::Lost(ticket),
            Some(open) if *open > 0 => {
                self.followers.push((n, ticket));
                Follow::Follows
            }
            _ => Follow::Stands(ticket),
        }
    }

    /// How many of the stanzas received since counting began stand, modulo 2^32 (XEP-0198 §4). Whoever sends it
    /// to the client uses [`Inbound::tell`].
    pub fn h(&self) -> u32 {
        self.durable.saturating_sub(self.start) as u32
    }

    /// The `h` to send now; the client asked (`<r/>`) or is told by itself. Resends of what it covers are not
    /// known as such any more.
    pub fn tell(&mut self) -> u32 {
        self.told = self.told.max(self.durable);
        while self.keys.front().is_some_and(|(n, _)| *n <= self.durable) {
            self.keys.pop_front();
        }
        if self.keys.is_empty() {
            // Begins at its first place again: a few at a time always have the same memory.
            self.keys.clear();
        }
        if self.due() {
            self.owed = None;
        }
        self.h()
    }

    /// How many stanzas stand of which the client was not told.
    pub fn untold(&self) -> u32 {
        self.durable.saturating_sub(self.told) as u32
    }

    /// How many were received of which the client was not told, whether they stand or not.
    pub fn unacknowledged(&self) -> u32 {
        self.received.saturating_sub(self.told) as u32
    }

    /// The client asked for an acknowledgement of all so far.
    pub fn owe(&mut self) {
        self.owed = Some(self.received);
    }

    /// What was asked for is durable now and not yet told.
    pub fn due(&self) -> bool {
        self.owed.is_some_and(|n| n <= self.durable)
    }

    /// Somebody asked and was not answered in full.
    pub fn owing(&self) -> bool {
        self.owed.is_some()
    }

    /// How many received stanzas are not durable, those behind the first that is not included.
    pub fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// Starts counting anew (`<enable/>`): what was received before stays out of `h`.
    pub(crate) fn restart(&mut self) {
        self.start = self.received;
        self.told = self.received;
        self.keys.clear();
        self.owed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Inbound;
    use crate::ResendKey;

    #[test]
    fn h_counts_the_unbroken_durable_prefix() {
        let mut inbound = Inbound::default();
        let (a, b, c) = (inbound.receive(), inbound.receive(), inbound.receive());
        inbound.reopen(a);
        assert!(!inbound.close(b).grown);
        assert!(!inbound.close(a).grown);
        assert_eq!(inbound.tell(), 0);
        assert!(inbound.close(a).grown);
        assert_eq!(inbound.tell(), 2);
        inbound.owe();
        assert!(!inbound.due());
        inbound.close(c);
        assert!(inbound.due());
        assert_eq!((inbound.untold(), inbound.unacknowledged()), (1, 1));
        let d = inbound.receive();
        assert_eq!((inbound.untold(), inbound.unacknowledged()), (1, 2));
        inbound.close(d);
        assert_eq!(inbound.tell(), 4);
        assert!(!inbound.owing());
    }

    #[test]
    fn h_goes_round() {
        let begun = 1 << 32;
        let mut inbound = Inbound { received: begun, durable: begun, start: 1, ..Inbound::default() };
        assert_eq!(inbound.tell(), u32::MAX);
        let n = inbound.receive();
        inbound.close(n);
        assert_eq!(inbound.tell(), 0);
    }

    #[test]
    fn after_a_failure_nothing_more_is_acknowledged() {
        let mut inbound = Inbound::default();
        let (a, b) = (inbound.receive(), inbound.receive());
        inbound.fail(a);
        assert!(!inbound.close(b).grown);
        assert!(!inbound.close(a).grown);
        assert_eq!(inbound.tell(), 0);
    }

    #[test]
    fn what_came_before_counting_began_is_not_counted_however_late_it_stands() {
        let mut inbound = Inbound::default();
        let before = inbound.receive();
        inbound.restart();
        let first = inbound.receive();
        inbound.close(first);
        assert_eq!(inbound.tell(), 0, "an effect of the one before is outstanding");
        inbound.close(before);
        assert_eq!(inbound.tell(), 1);
    }

    #[test]
    fn keys_are_remembered_until_told_and_never_more_than_the_limit() {
        let mut inbound = Inbound::default();
        for key in 0..3 {
            let n = inbound.receive();
            assert!(inbound.remember(n, ResendKey([key; 16]), 2));
        }
        assert_eq!(inbound.take_key(ResendKey([0; 16])), None, "the oldest went");
        inbound.close(1);
        inbound.close(2);
        inbound.tell();
        assert_eq!(inbound.take_keys(), [(ResendKey([2; 16]), Some(3))]);
        assert!(!inbound.remember(3, ResendKey([3; 16]), 2), "the session has ended");
    }
}
