//! Wakes accounts whose unwritten messages have waited long enough, or will have within a tenth of that time: a timer of its
//! own for each would wake a thread for each message.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Account, Core};

/// Accounts in the order in which their time comes: the time to wait is the same for all.
#[derive(Default)]
pub(crate) struct Linger {
    due: Mutex<VecDeque<(Instant, Arc<Account>)>>,
    wake: Notify,
}

impl Linger {
    /// Has `account` looked at then, or a tenth of the linger time earlier where others are.
    pub fn arm(&self, at: Instant, account: Arc<Account>) {
        let mut due = self.due.lock();
        // At the end, but for an account that is looked at again.
        let place = due.partition_point(|(other, _)| *other <= at);
        due.insert(place, (at, account));
        if due.len() == 1 {
            self.wake.notify_one();
        }
    }

    fn next(&self) -> Option<Instant> {
        self.due.lock().front().map(|(at, _)| *at)
    }

    fn take(&self, by: Instant) -> Option<Arc<Account>> {
        let mut due = self.due.lock();
        if due.front().is_some_and(|(at, _)| *at <= by) {
            due.pop_front().map(|(_, account)| account)
        } else {
            None
        }
    }

    pub fn start(core: &Arc<Core>) {
        let weak: Weak<Core> = Arc::downgrade(core);
        tokio::spawn(async move {
            loop {
                let Some(core) = weak.upgrade() else { return };
                match core.linger.next() {
                    None => core.linger.wake.notified().await,
                    Some(at) => tokio::time::sleep_until(at).await,
                }
                let soon = Instant::now() + core.settings.linger / 10;
                while let Some(account) = core.linger.take(soon) {
                    account.linger_over(soon);
                }
            }
        });
    }
}
