//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::address::Prefix;

/// Counts connections, in all and per address (of IPv6, per /64).
#[derive(Debug)]
pub struct Gate {
    total: usize,
    per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    /// Holds only addresses that are connected, so it is bounded by `total`.
    by_address: HashMap<Prefix, usize>,
}

/// Which limit a connection would have exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Total,
    PerAddress,
}

/// One counted connection, until it is dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    prefix: Prefix,
}

impl Gate {
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, counts: Mutex::default() })
    }

    /// Counts one connection from `address`, unless that is one too many.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Pass, Refused> {
        let prefix = Prefix::from(address);
        let mut counts = self.counts.lock();
        if counts.total >= self.total {
            return Err(Refused::Total);
        }
        let here = counts.by_address.get(&prefix).copied().unwrap_or(0);
        if here >= self.per_address {
            return Err(Refused::PerAddress);
        }
        counts.total += 1;
        counts.by_address.insert(prefix, here + 1);
        Ok(Pass { gate: self.clone(), prefix })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock();
        counts.total -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.prefix) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let gate = Gate::new(3, 2);
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = gate.enter(a).unwrap();
        let _second = gate.enter(a).unwrap();
        assert_eq!(gate.enter(a).unwrap_err(), Refused::PerAddress);
        let _third = gate.enter(b).unwrap();
        assert_eq!(gate.enter(b).unwrap_err(), Refused::Total);
        drop(first);
        assert!(gate.enter(a).is_ok());
        drop((_second, _third));
        assert!(gate.counts.lock().by_address.is_empty());
    }
}
