//! A token bucket.

use std::time::{Duration, Instant};

/// Allows `rate` units a second on average, and `burst` at once. What is taken beyond that is owed: the taker is told
/// how long to pause, so that the average holds.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: u32,
    burst: u32,
    /// What is left, in thousandths of a unit; negative is owed.
    level: i64,
    at: Instant,
}

impl Bucket {
    /// A full bucket. A rate of 0 counts as 1.
    pub fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Self { rate: rate.max(1), burst, level: i64::from(burst) * 1000, at: now }
    }

    /// Takes `amount` units; says how long to pause before the next, zero while within the limits.
    pub fn take(&mut self, amount: u32, now: Instant) -> Duration {
        let millis = now.saturating_duration_since(self.at).as_millis();
        // The remainder of a millisecond stays to be counted the next time.
        let gained = i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(i64::from(self.rate));
        self.at += Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let full = i64::from(self.burst) * 1000;
        self.level = self.level.saturating_add(gained).min(full) - i64::from(amount) * 1000;
        if self.level >= 0 {
            return Duration::ZERO;
        }
        let owed = u64::try_from(-self.level).unwrap_or(0);
        Duration::from_millis(owed.div_ceil(u64::from(self.rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        for _ in 0..5 {
            assert_eq!(bucket.take(1, start), Duration::ZERO);
        }
        assert_eq!(bucket.take(1, start), Duration::from_millis(100));
        assert_eq!(bucket.take(1, start + Duration::from_millis(100)), Duration::from_millis(100));
        assert_eq!(bucket.take(5, start + Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(bucket.take(20, start + Duration::from_secs(60)), Duration::from_secs(2));
    }

    #[test]
    fn parts_of_a_millisecond_add_up() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(1000, 0, now);
        for _ in 0..10_000 {
            now += Duration::from_micros(1100);
            assert!(bucket.take(1, now) <= Duration::from_millis(1));
        }
    }
}
