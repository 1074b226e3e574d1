//! Who may change what is stored of an account's devices.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// The right to change what is stored of an account's devices, and who is on which; one at a time.
#[derive(Default)]
pub struct Devices {
    lock: Mutex<()>,
    /// How often somebody changed them, or may have.
    turns: AtomicU64,
}

/// A moment at which nobody was changing an account's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicesAt(u64);

impl Devices {
    /// Waits for the right.
    pub async fn lock(&self) -> MutexGuard<'_, ()> {
        let locked = self.lock.lock().await;
        self.turns.fetch_add(1, Ordering::AcqRel);
        locked
    }

    /// This moment, to be taken before the account's keys and devices are read without the right to change them; `None`
    /// while somebody has that.
    pub fn at_rest(&self) -> Option<DevicesAt> {
        let turns = self.turns.load(Ordering::Acquire);
        self.lock.try_lock().is_ok().then_some(DevicesAt(turns))
    }

    /// Asked by who has the right: whether what was read after that moment is stored still.
    pub fn rested_since(&self, then: DevicesAt) -> bool {
        self.turns.load(Ordering::Acquire) == then.0 + 1
    }

    /// The tokens of all devices were made void, with the account's keys or with the account itself.
    pub fn tokens_voided(&self) {
        self.turns.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_holds_until_somebody_else_had_the_right() {
        let devices = Devices::default();
        let then = devices.at_rest().unwrap();
        let first = devices.lock().await;
        assert!(devices.rested_since(then));
        assert_eq!(devices.at_rest(), None);
        drop(first);
        let late = devices.at_rest().unwrap();
        let _second = devices.lock().await;
        assert!(!devices.rested_since(then) && devices.rested_since(late));
    }

    #[tokio::test]
    async fn what_was_read_holds_until_tokens_are_void() {
        let devices = Devices::default();
        let then = devices.at_rest().unwrap();
        devices.tokens_voided();
        let _locked = devices.lock().await;
        assert!(!devices.rested_since(then));
    }
}
