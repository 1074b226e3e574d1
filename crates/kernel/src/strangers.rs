//! How often somebody may write to people who do not know them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// Senders whose buckets are not full, at most; and pairs of outside senders and recipients who have met.
const LIMIT: usize = 100_000;

/// A rate, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// On average; 0: as many as one likes.
    pub per_hour: u32,
    /// At once, before that average holds.
    pub burst: u32,
}

/// See the module. One token bucket for each sender that wrote to strangers lately; a full bucket is as good as none.
pub struct Strangers {
    pace: Pace,
    hasher: RandomState,
    buckets: Mutex<HashMap<Box<str>, Bucket, RandomState>>,
    met: Mutex<HashSet<u64, RandomState>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Strangers {
    pub(crate) fn new(pace: Pace) -> Strangers {
        Strangers { pace, hasher: RandomState::default(), buckets: Mutex::default(), met: Mutex::default() }
    }

    /// Whether there is no limit.
    pub fn unlimited(&self) -> bool {
        self.pace.per_hour == 0
    }

    /// Takes a token of every one of these senders, `(who, how many times the pace)`; of none where one has none left.
    pub fn take(&self, senders: &[(&str, u32)]) -> bool {
        self.unlimited() || self.take_at(senders, Instant::now())
    }

    fn take_at(&self, senders: &[(&str, u32)], now: Instant) -> bool {
        let mut buckets = self.buckets.lock();
        let left = |(who, times): &(&str, u32)| self.left(buckets.get(*who), *times, now);
        if !senders.iter().all(|sender| left(sender) >= 1.0) {
            return false;
        }
        for sender in senders {
            let tokens = self.left(buckets.get(sender.0), sender.1, now) - 1.0;
            if buckets.len() >= LIMIT {
                self.tidy(&mut buckets, now);
            }
            buckets.insert(Box::from(sender.0), Bucket { tokens, at: now });
        }
        true
    }

    fn left(&self, bucket: Option<&Bucket>, times: u32, now: Instant) -> f64 {
        let (full, rate) =
            (f64::from(self.pace.burst * times), f64::from(self.pace.per_hour * times) / 3600.0);
        bucket.map_or(full, |bucket| {
            (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * rate).min(full)
        })
    }

    /// Those that are full again go, at the pace of one account; where that makes no room, a sixteenth.
    fn tidy(&self, buckets: &mut HashMap<Box<str>, Bucket, RandomState>, now: Instant) {
        let full =
            Duration::from_secs(u64::from(self.pace.burst) * 3600 / u64::from(self.pace.per_hour.max(1)));
        buckets.retain(|_, bucket| now.duration_since(bucket.at) < full);
        if buckets.len() >= LIMIT {
            let mut n = 0;
            buckets.retain(|_, _| {
                n += 1;
                n % 16 != 0
            });
        }
    }

    /// A number for somebody outside or for a pair, in [`Acquaintances`].
    pub fn number(&self, of: impl Hash) -> u64 {
        // Accounts have the lower half.
        self.hasher.hash_one(of) | 1 << 63
    }

    /// Whether a pair with somebody outside has met.
    pub fn have_met(&self, pair: u64) -> bool {
        self.met.lock().contains(&pair)
    }

    /// It has.
    pub fn note_met(&self, pair: u64) {
        note(&mut self.met.lock(), pair, LIMIT);
    }
}

/// To whom an account may write without asking how often: whom it wrote to, and who knows it. Kept while the account is
/// in memory.
#[derive(Default)]
pub(crate) struct Acquaintances(Mutex<HashSet<u64, RandomState>>);

impl Acquaintances {
    /// Of one account, at most.
    const LIMIT: usize = 512;

    pub fn has(&self, number: u64) -> bool {
        self.0.lock().contains(&number)
    }

    pub fn add(&self, number: u64) {
        note(&mut self.0.lock(), number, Acquaintances::LIMIT);
    }
}

fn note(set: &mut HashSet<u64, RandomState>, number: u64, limit: usize) {
    if set.len() >= limit {
        // A set's order is arbitrary: about a sixteenth goes, whichever it is.
        let mut n = 0;
        set.retain(|_| {
            n += 1;
            n % 16 != 0
        });
    }
    set.insert(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_with_time() {
        let strangers = Strangers::new(Pace { per_hour: 60, burst: 2 });
        let start = Instant::now();
        let take = |after| strangers.take_at(&[("a@x", 1)], start + Duration::from_secs(after));
        assert!(take(0) && take(0) && !take(0));
        assert!(strangers.take_at(&[("b@x", 1)], start));
        assert!(take(61) && !take(61));
        assert!(take(36_000) && take(36_000) && !take(36_000));
    }

    #[test]
    fn all_or_none_of_them() {
        let strangers = Strangers::new(Pace { per_hour: 60, burst: 1 });
        assert!(strangers.take(&[("a@gate", 1), ("gate", 2)]));
        assert!(!strangers.take(&[("a@gate", 1), ("gate", 2)]));
        // The one that is left was not taken from the domain.
        assert!(strangers.take(&[("b@gate", 1), ("gate", 2)]));
        assert!(!strangers.take(&[("c@gate", 1), ("gate", 2)]));
        assert!(Strangers::new(Pace { per_hour: 0, burst: 0 }).take(&[("a@x", 1)]));
    }

    #[test]
    fn memory_is_bounded() {
        let strangers = Strangers::new(Pace { per_hour: 60, burst: 2 });
        for n in 0..LIMIT + 1000 {
            strangers.take(&[(&format!("{n}"), 1)]);
            strangers.note_met(n as u64);
        }
        assert!(strangers.buckets.lock().len() <= LIMIT && strangers.met.lock().len() <= LIMIT);
        let few = Acquaintances::default();
        (0..10_000).for_each(|n| few.add(n));
        assert!(few.has(9999) && !few.has(10_000));
        assert!(few.0.lock().len() <= Acquaintances::LIMIT);
    }
}
