//! How a message is known that a client sends again because its acknowledgement never came.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;
use twox_hash::XxHash3_128;
use waxwing_stanza::{Stanza, ns};
use waxwing_store::UnixMillis;
use waxwing_xml::Child;

use crate::Session;

/// Within which time a resend counts as one.
pub const WINDOW: UnixMillis = 24 * 3600 * 1000;

/// Identifies a message of one account: hash of addressee, type, origin-id (else id) and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResendKey(pub [u8; 16]);

impl ResendKey {
    /// `None` for a message without any id: nothing tells a resend of it from a second message.
    ///
    /// XXH3, not a cryptographic hash: who makes two messages collide loses one of their own. It is the same everywhere
    /// and always, as stored keys are compared after a restart.
    pub fn of(message: &Stanza) -> Option<ResendKey> {
        // An origin-id is a part of the payload.
        let id = if message.has("origin-id", ns::SID) { "" } else { message.id()? };
        let to = message.to.as_ref().map_or("", |to| to.as_str());
        // Neither of the two in front holds a NUL, so no two messages are written down alike.
        let mut parts: SmallVec<[u8; 256]> = SmallVec::new();
        parts.extend_from_slice(&XxHash3_128::oneshot(&said(message)).to_be_bytes());
        parts.extend_from_slice(to.as_bytes());
        parts.push(0);
        parts.extend_from_slice(message.kind.type_attr().unwrap_or("").as_bytes());
        parts.push(0);
        parts.extend_from_slice(id.as_bytes());
        Some(ResendKey(XxHash3_128::oneshot(&parts).to_be_bytes()))
    }

    /// The key under which the sender's own copy of the message is known: recipient's and sender's entries
    /// become durable one after the other, and a crash between them must not lose or double either.
    pub fn own(self) -> ResendKey {
        let mut key = self.0;
        key[0] ^= 0x80;
        key[15] ^= 0x01;
        ResendKey(key)
    }
}

/// The payload without what a client adds when it sends late: its stamp is not part of what it says.
fn said(message: &Stanza) -> Cow<'_, [u8]> {
    let element = message.element();
    let said = |child: &Child| !child.is(element, "delay", ns::DELAY);
    if let Some(payload) = message.payload(said) {
        return Cow::Borrowed(payload);
    }
    let children = message.children().filter(|child| said(child));
    Cow::Owned(children.flat_map(|child| message.bytes_of(child)).copied().collect())
}

/// Keys of messages that were accepted on streams which ended without telling their client so, the oldest first.
#[derive(Default)]
pub(crate) struct Orphans {
    keys: VecDeque<Orphan>,
}

pub(crate) struct Orphan {
    pub key: ResendKey,
    /// When its stream ended.
    pub at: UnixMillis,
    /// The stanza that it was, where an effect of that was outstanding when its session ended.
    pub origin: Option<(Arc<Session>, u64)>,
}

impl Orphans {
    /// At most `limit` keys are kept; the oldest go.
    pub fn add(&mut self, orphan: Orphan, limit: usize) {
        self.expire(orphan.at);
        if self.keys.len() >= limit {
            self.keys.pop_front();
        }
        self.keys.push_back(orphan);
    }

    /// Whether the message is a resend; it counts once.
    pub fn take(&mut self, key: ResendKey, now: UnixMillis) -> Option<Orphan> {
        self.expire(now);
        let at = self.keys.iter().position(|orphan| orphan.key == key)?;
        self.keys.remove(at)
    }

    fn expire(&mut self, now: UnixMillis) {
        while self.keys.front().is_some_and(|orphan| orphan.at <= now - WINDOW) {
            self.keys.pop_front();
        }
    }

    /// Whether there are any at all.
    pub fn any(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether none is of any use at this time.
    pub fn is_empty(&mut self, now: UnixMillis) -> bool {
        self.expire(now);
        self.keys.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = (ResendKey, UnixMillis)> + '_ {
        self.keys.iter().map(|orphan| (orphan.key, orphan.at))
    }
}

#[cfg(test)]
mod tests {
    use super::{Orphan, Orphans, ResendKey, WINDOW};

    fn orphan(key: u8, at: i64) -> Orphan {
        Orphan { key: ResendKey([key; 16]), at, origin: None }
    }

    #[test]
    fn a_key_counts_once_within_its_time_and_the_oldest_go() {
        let mut orphans = Orphans::default();
        for key in 0..4 {
            orphans.add(orphan(key, i64::from(key)), 3);
        }
        assert!(orphans.take(ResendKey([0; 16]), 4).is_none());
        assert!(orphans.take(ResendKey([1; 16]), 4).is_some());
        assert!(orphans.take(ResendKey([1; 16]), 4).is_none());
        assert!(orphans.take(ResendKey([2; 16]), 2 + WINDOW).is_none());
        assert!(orphans.take(ResendKey([3; 16]), 2 + WINDOW).is_some());
        assert!(orphans.is_empty(0));
    }
}
