//! How often something may be tried within a time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::address::Prefix;

/// The most keys that a table holds of one window; beyond, the oldest half of what is known is forgotten.
const MAX_KEYS: usize = 50_000;

/// Try again after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

/// How many failed logins are let through within `window`.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleLimits {
    /// From one address to one account.
    pub per_account: u32,
    /// From one address.
    pub per_address: u32,
    pub window: Duration,
}

/// Slows the guessing of passwords: counts failed logins by address, and by address and account. An account is not
/// locked for its owner at another address.
#[derive(Debug)]
pub struct Throttle {
    limits: ThrottleLimits,
    /// Names of accounts are kept as keyed hashes: bounded, and nobody can make them collide.
    hasher: RandomState,
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    by_address: Window<Prefix>,
    by_account: Window<(Prefix, u64)>,
}

impl Throttle {
    pub fn new(limits: ThrottleLimits) -> Self {
        let tables =
            Tables { by_address: Window::new(limits.window), by_account: Window::new(limits.window) };
        Self { limits, hasher: RandomState::new(), tables: Mutex::new(tables) }
    }

    /// Whether a login from `address` to `account` may be tried now.
    pub fn check(&self, address: IpAddr, account: &str) -> Result<(), RetryAfter> {
        let (prefix, now) = (Prefix::from(address), Instant::now());
        let mut tables = self.tables.lock();
        tables.by_address.check(&prefix, self.limits.per_address, now)?;
        tables.by_account.check(&(prefix, self.hasher.hash_one(account)), self.limits.per_account, now)
    }

    /// Counts a login that failed.
    pub fn failed(&self, address: IpAddr, account: &str) {
        let (prefix, now) = (Prefix::from(address), Instant::now());
        let mut tables = self.tables.lock();
        tables.by_address.add(prefix, now);
        tables.by_account.add((prefix, self.hasher.hash_one(account)), now);
    }
}

/// Lets an address do something a number of times within a window.
#[derive(Debug)]
pub struct Quota {
    limit: u32,
    table: Mutex<Window<Prefix>>,
}

impl Quota {
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit, table: Mutex::new(Window::new(window)) }
    }

    /// Takes one of the address's tries.
    pub fn take(&self, address: IpAddr) -> Result<(), RetryAfter> {
        let (prefix, now) = (Prefix::from(address), Instant::now());
        let mut table = self.table.lock();
        table.check(&prefix, self.limit, now)?;
        table.add(prefix, now);
        Ok(())
    }
}

/// Counts per key over this window and the one before: a count is remembered for one to two windows.
#[derive(Debug)]
struct Window<K> {
    length: Duration,
    since: Instant,
    current: HashMap<K, u32>,
    previous: HashMap<K, u32>,
}

impl<K: Hash + Eq> Window<K> {
    fn new(length: Duration) -> Self {
        Self { length, since: Instant::now(), current: HashMap::new(), previous: HashMap::new() }
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed >= self.length * 2 {
            self.previous = HashMap::new();
            self.current = HashMap::new();
            self.since = now;
        } else if passed >= self.length {
            self.previous = std::mem::take(&mut self.current);
            self.since += self.length;
        }
    }

    fn check(&mut self, key: &K, limit: u32, now: Instant) -> Result<(), RetryAfter> {
        self.turn(now);
        let current = self.current.get(key).copied().unwrap_or(0);
        let count = self.previous.get(key).copied().unwrap_or(0).saturating_add(current);
        if count < limit {
            return Ok(());
        }
        let windows = if current < limit { 1 } else { 2 };
        Err(RetryAfter((self.since + self.length * windows).saturating_duration_since(now)))
    }

    fn add(&mut self, key: K, now: Instant) {
        self.turn(now);
        if self.current.len() >= MAX_KEYS && !self.current.contains_key(&key) {
            self.previous = std::mem::take(&mut self.current);
            self.since = now;
        }
        let count = self.current.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_is_refused_until_the_window_has_passed() {
        let window = Duration::from_secs(60);
        let throttle = Throttle::new(ThrottleLimits { per_account: 3, per_address: 5, window });
        for _ in 0..3 {
            throttle.check(address(1), "a").unwrap();
            throttle.failed(address(1), "a");
        }
        let RetryAfter(wait) = throttle.check(address(1), "a").unwrap_err();
        throttle.check(address(2), "a").unwrap();
        throttle.check(address(1), "b").unwrap();
        throttle.failed(address(1), "b");
        throttle.failed(address(1), "c");
        assert!(throttle.check(address(1), "d").is_err());
        tokio::time::advance(wait).await;
        throttle.check(address(1), "a").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let mut table = Window::new(Duration::from_secs(60));
        for key in 0..3 * MAX_KEYS {
            table.add(key, Instant::now());
        }
        assert!(table.current.len() + table.previous.len() <= 2 * MAX_KEYS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_of_none_refuses_all() {
        assert!(Quota::new(0, Duration::from_secs(1)).take(address(1)).is_err());
        let quota = Quota::new(1, Duration::from_secs(3600));
        quota.take(address(1)).unwrap();
        assert!(quota.take(address(1)).is_err());
        quota.take(address(2)).unwrap();
    }
}
