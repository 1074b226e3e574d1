//! The time of day of a moment.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use waxwing_store::UnixMillis;

/// How long the time of day is counted on from when it was last looked at, in milliseconds.
const TRUST: i64 = 1000;

/// Milliseconds since 1970.
pub fn now() -> UnixMillis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as UnixMillis)
}

/// Tells the time of day of moments that were just taken: a message costs one look at a clock, not two.
pub(crate) struct Clock {
    start: Instant,
    /// When the time of day was last looked at, in milliseconds after `start`.
    looked: AtomicI64,
    /// The time of day at `start`, as far as was known then.
    at_start: AtomicI64,
}

impl Clock {
    pub fn new() -> Clock {
        Clock { start: Instant::now(), looked: AtomicI64::new(0), at_start: AtomicI64::new(now()) }
    }

    /// Milliseconds since 1970, wrong by no more than the clock was set within a second.
    pub fn at(&self, moment: Instant) -> UnixMillis {
        let passed = moment.saturating_duration_since(self.start).as_millis() as i64;
        if passed - self.looked.load(Ordering::Relaxed) >= TRUST {
            self.looked.store(passed, Ordering::Relaxed);
            self.at_start.store(now() - passed, Ordering::Relaxed);
        }
        self.at_start.load(Ordering::Relaxed) + passed
    }
}
