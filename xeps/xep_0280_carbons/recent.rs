//! Which messages were eligible a moment ago, to know the errors that answer them.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use jid::Jid;
use waxwing_stanza::bare_str;
use waxwing_store::OwnerId;

/// How many are remembered, at most, for all accounts of a host: 128 KiB. A newer one takes an older one's place.
const SLOTS: usize = 16 * 1024;

/// A table of keyed hashes, each in the one slot that it can have: nothing grows, nothing is allocated later.
pub struct Recent {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Default for Recent {
    fn default() -> Recent {
        let slots = std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        Recent { slots, hasher: RandomState::new() }
    }
}

impl Recent {
    /// A message that the account exchanged with `peer` was eligible. One without an id cannot be referred to.
    pub fn add(&self, owner: OwnerId, peer: &Jid, id: Option<&str>) {
        if let Some((slot, hash)) = self.slot(owner, peer, id) {
            slot.store(hash, Ordering::Relaxed);
        }
    }

    /// Whether such a message was added and not displaced since.
    pub fn holds(&self, owner: OwnerId, peer: &Jid, id: Option<&str>) -> bool {
        self.slot(owner, peer, id).is_some_and(|(slot, hash)| slot.load(Ordering::Relaxed) == hash)
    }

    fn slot(&self, owner: OwnerId, peer: &Jid, id: Option<&str>) -> Option<(&AtomicU64, u64)> {
        // Zero is an empty slot.
        let hash = self.hasher.hash_one((owner, bare_str(peer), id?)).max(1);
        Some((self.slots.get(hash as usize % SLOTS)?, hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_account_peer_and_id() {
        let recent = Recent::default();
        let (peer, resource) = (Jid::new("a@b").unwrap(), Jid::new("a@b/c").unwrap());
        recent.add(1, &peer, Some("x"));
        recent.add(1, &peer, None);
        assert!(recent.holds(1, &resource, Some("x")));
        assert!(!recent.holds(2, &resource, Some("x")));
        assert!(!recent.holds(1, &resource, Some("y")));
        assert!(!recent.holds(1, &resource, None));
    }
}
