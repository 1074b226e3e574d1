//! How a message is known that a client sends again because its acknowledgement never came.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use waxwing_stanza::{Stanza, ns};
use waxwing_store::UnixMillis;

/// Within which time a resend counts as one.
pub const WINDOW: UnixMillis = 24 * 3600 * 1000;

/// Identifies a message of one account: hash of addressee, type, origin-id (else id) and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResendKey(pub [u8; 16]);

impl ResendKey {
    /// `None` for a message without any id: nothing tells a resend of it from a second message.
    pub fn of(message: &Stanza) -> Option<ResendKey> {
        let element = message.element();
        let origin = message.child("origin-id", ns::SID).and_then(|child| child.attr(element, "id"));
        let id = origin.as_deref().or(message.id())?;
        let mut hash = Sha256::new();
        let to = message.to.as_ref().map_or("", |to| to.as_str());
        for part in [to, message.kind.type_attr().unwrap_or(""), id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        for child in message.children() {
            // A client stamps what it sends late: that is not part of what it says.
            if child.name(element) != "delay" || child.ns(element) != ns::DELAY {
                hash.update(message.bytes_of(child));
            }
        }
        let digest = hash.finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Some(ResendKey(key))
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

/// Keys of messages that were accepted on streams which ended without telling their client so.
#[derive(Default)]
pub struct Orphans {
    keys: HashMap<ResendKey, UnixMillis>,
}

impl Orphans {
    /// At most `limit` keys are kept; the oldest go.
    pub fn add(&mut self, keys: impl IntoIterator<Item = ResendKey>, at: UnixMillis, limit: usize) {
        self.keys.extend(keys.into_iter().map(|key| (key, at)));
        self.keys.retain(|_, since| *since > at - WINDOW);
        while self.keys.len() > limit {
            let Some(oldest) = self.keys.iter().min_by_key(|(_, since)| **since).map(|(key, _)| *key) else {
                return;
            };
            self.keys.remove(&oldest);
        }
    }

    /// Whether the message is a resend; it counts once.
    pub fn take(&mut self, key: ResendKey, now: UnixMillis) -> bool {
        self.keys.remove(&key).is_some_and(|since| since > now - WINDOW)
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = (ResendKey, UnixMillis)> + '_ {
        self.keys.iter().map(|(key, at)| (*key, *at))
    }
}
