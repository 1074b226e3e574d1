//! What a session has yet to write, and what it wrote and has no acknowledgement for.
//!
//! One queue, one order, bounded in allocated bytes. What may be dropped under pressure is a property of the
//! entry (XEP-0198 numbers are given when an entry is written, so nothing numbered is ever dropped). So is what may
//! rest at the queue's end while nobody looks at the client: it goes out with the next entry that must not rest.

use std::collections::VecDeque;

use crate::{Account, Entry};

/// Why a stream is to be closed by the server: an RFC 6120 §4.9.3 condition and a text for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    pub condition: &'static str,
    pub text: &'static str,
    /// Whether the session may be resumed afterwards (a shutdown) or ends with the stream.
    pub resumable: bool,
}

/// See the module.
pub struct Outbox {
    queue: VecDeque<Entry>,
    queued: usize,
    /// The client said that nobody looks at it.
    unwatched: bool,
    /// How many entries rest at the end of the queue.
    resting: usize,
    unacked: VecDeque<Entry>,
    unacked_weight: usize,
    /// How many of the unacknowledged were written before numbering began.
    before: usize,
    limit: usize,
    /// XEP-0198 is on: every stanza written is numbered and kept until acknowledged.
    numbered: bool,
    /// How many stanzas were acknowledged since numbering began (modulo 2^32): the client's last `h`.
    acked: u32,
    closing: Option<Closing>,
}

impl Outbox {
    /// `limit`: bytes that may wait, and as many again that may be unacknowledged.
    pub fn new(limit: usize) -> Outbox {
        Outbox {
            queue: VecDeque::new(),
            queued: 0,
            unwatched: false,
            resting: 0,
            unacked: VecDeque::new(),
            unacked_weight: 0,
            before: 0,
            limit,
            numbered: false,
            acked: 0,
            closing: None,
        }
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.queued >= self.limit || self.unacked_weight >= self.limit
    }

    /// Whether so many bytes more leave room for an answer behind them.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.queued.max(self.unacked_weight) + bytes < self.limit
    }

    /// Whether a reader of the log should read on.
    pub fn wants_more(&self) -> bool {
        self.queued < self.limit / 4 && self.unacked_weight < self.limit / 2
    }

    /// Whether nothing is to be written now.
    pub fn is_empty(&self) -> bool {
        self.queue.len() == self.resting
    }

    /// Whether nobody looks at the client, so that what can rest does. Switched off, all that rests is to be written:
    /// the reader has to be woken.
    pub(crate) fn set_unwatched(&mut self, unwatched: bool) {
        self.unwatched = unwatched;
        self.resting = 0;
    }

    /// Appends, or gives the entry back where it does not fit. The first result tells whether there was nothing to
    /// be written and is now, so that the reader has to be woken.
    pub fn push(&mut self, entry: Entry) -> Result<bool, Entry> {
        if self.queued > self.limit / 2 {
            if entry.is_lone_chat_state() {
                return Ok(false);
            }
            self.shed(&entry);
        }
        if self.is_full() {
            return Err(entry);
        }
        let was_empty = self.is_empty();
        // What rests has a bound: beyond half of the limit nothing does.
        let rests = self.unwatched && entry.can_rest() && self.queued <= self.limit / 2;
        if rests {
            self.replace_resting(&entry);
        }
        self.queued += entry.weight();
        self.queue.push_back(entry);
        self.resting = if rests { self.resting + 1 } else { 0 };
        Ok(was_empty && !rests)
    }

    /// Of what rests, the newest of each sender and kind is enough.
    fn replace_resting(&mut self, newer: &Entry) {
        let first = self.queue.len() - self.resting;
        if let Some(at) = self.queue.range(first..).position(|older| newer.outdates(older)) {
            self.remove(first + at);
        }
    }

    /// Drops an unsent available presence that `newer` makes worthless.
    fn shed(&mut self, newer: &Entry) {
        if let Some(at) = self.queue.iter().position(|older| newer.replaces(older)) {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        let rests = at >= self.queue.len() - self.resting;
        if let Some(old) = self.queue.remove(at) {
            self.queued -= old.weight();
            self.resting -= usize::from(rests);
        }
    }

    /// Writes what waits into `out` until that holds about `room` bytes; says how many stanzas it wrote.
    pub fn drain(&mut self, account: &Account, out: &mut Vec<u8>, room: usize) -> u32 {
        let mut count = 0;
        while out.len() < room
            && !self.is_empty()
            && let Some(entry) = self.queue.pop_front()
        {
            entry.write(account, out);
            self.queued -= entry.weight();
            count += 1;
            if self.numbered || entry.log.is_some() {
                self.unacked_weight += entry.weight();
                self.unacked.push_back(entry);
            }
        }
        if self.queue.is_empty() {
            // Begins at its first place again: one entry at a time always has the same memory.
            if self.queue.capacity() > 8 { self.queue = VecDeque::new() } else { self.queue.clear() }
        }
        count
    }

    /// Starts numbering (XEP-0198 `<enable/>`): what was written before is not counted, and has arrived when
    /// something later has.
    pub(crate) fn number(&mut self) {
        self.numbered = true;
        self.before = self.unacked.len();
        self.acked = 0;
    }

    /// How many written entries have no acknowledgement.
    pub fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// Takes an acknowledgement of everything up to `h`. `Err` with how many were sent if `h` claims more.
    /// `on` must not take the account's lock: that one comes before the outbox's.
    pub fn acknowledge(&mut self, h: u32, on: impl FnMut(Entry)) -> Result<(), u32> {
        let count = h.wrapping_sub(self.acked) as usize;
        let numbered = self.unacked.len() - self.before;
        if count > numbered {
            return Err(self.acked.wrapping_add(numbered as u32));
        }
        self.acked = h;
        if count > 0 {
            let before = std::mem::take(&mut self.before);
            self.confirm(before + count, on);
        }
        Ok(())
    }

    /// Without numbering: the first `count` written entries have reached the peer. `on` as in
    /// [`Outbox::acknowledge`].
    pub fn reached(&mut self, count: usize, on: impl FnMut(Entry)) {
        self.confirm(count.min(self.unacked.len()), on);
    }

    fn confirm(&mut self, count: usize, mut on: impl FnMut(Entry)) {
        for entry in self.unacked.drain(..count) {
            self.unacked_weight -= entry.weight();
            on(entry);
        }
        if self.unacked.is_empty() && self.unacked.capacity() > 16 {
            self.unacked = VecDeque::new();
        }
    }

    /// After a resumption: what the client has not got goes before what waits, to be written and numbered again.
    pub(crate) fn rewind(&mut self) {
        self.before = 0;
        self.resting = 0;
        while let Some(entry) = self.unacked.pop_back() {
            self.unacked_weight -= entry.weight();
            self.queued += entry.weight();
            self.queue.push_front(entry);
        }
    }

    /// Everything not acknowledged, in order: the end of the session.
    pub(crate) fn take_all(&mut self) -> Vec<Entry> {
        self.before = 0;
        self.resting = 0;
        self.queued = 0;
        self.unacked_weight = 0;
        self.unacked.drain(..).chain(self.queue.drain(..)).collect()
    }

    /// Whether such an entry is in it and not acknowledged.
    pub(crate) fn holds(&self, which: impl Fn(&Entry) -> bool) -> bool {
        self.unacked.iter().chain(&self.queue).any(which)
    }

    /// The bytes that it holds on to, as the limits count them.
    pub fn weight(&self) -> usize {
        self.queued + self.unacked_weight
    }

    /// Asks whoever serves the stream to close it; the first reason stays.
    pub fn close(&mut self, closing: Closing) {
        self.closing.get_or_insert(closing);
    }

    pub fn closing(&self) -> Option<Closing> {
        self.closing
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waxwing_stanza::{Kind, PresenceType, Stanza};

    use super::Outbox;
    use crate::Entry;

    #[test]
    fn acknowledgements_go_round() {
        let stanza = || Stanza::build(Kind::Presence(PresenceType::Available), None, None, None, |_| {});
        let mut outbox = Outbox { numbered: true, acked: u32::MAX - 1, ..Outbox::new(1 << 20) };
        for _ in 0..3 {
            let entry = Entry::new(Arc::new(stanza()));
            outbox.unacked_weight += entry.weight();
            outbox.unacked.push_back(entry);
        }
        assert_eq!(outbox.acknowledge(2, |_| {}), Err(1), "more than was sent");
        assert_eq!(outbox.acknowledge(0, |_| {}), Ok(()));
        assert_eq!(outbox.unacked(), 1);
        assert_eq!(outbox.acknowledge(u32::MAX, |_| {}), Err(1), "it was there before");
        assert_eq!(outbox.acknowledge(1, |_| {}), Ok(()));
        assert_eq!((outbox.unacked(), outbox.weight()), (0, 0));
    }
}
