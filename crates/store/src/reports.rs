//! What users reported to the operator, as both databases hold it.

use crate::{OwnerId, UnixMillis};

/// Low bits of a report's number: they tell reports of one millisecond apart.
const LOW: u32 = 20;

/// The number of a report made at a time. `random`: its lowest bits count.
pub fn report_id(at: UnixMillis, random: u32) -> u64 {
    let random = u64::from(random & ((1 << LOW) - 1));
    (at.max(0).unsigned_abs() << LOW | random) & i64::MAX.unsigned_abs()
}

/// When a report was made.
pub fn reported_at(id: u64) -> UnixMillis {
    (id >> LOW).cast_signed()
}

/// A report without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHead {
    /// Of [`report_id`].
    pub id: u64,
    /// The bare JID of the account that made it; not stored, but that of its owner.
    pub reporter: String,
    /// The JID reported: of any form, prepared.
    pub reported: String,
    /// A URN.
    pub reason: String,
    /// How many messages its content holds.
    pub messages: u32,
}

/// A report to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of [`report_id`].
    pub id: u64,
    pub owner: OwnerId,
    /// The domain of the owner.
    pub host: String,
    pub reported: String,
    pub reason: String,
    pub messages: u32,
    /// Opaque here.
    pub content: Vec<u8>,
}

impl Report {
    /// The bare JID reported, and its domain.
    pub fn parties(&self) -> (&str, &str) {
        let bare = self.reported.split_once('/').map_or(&*self.reported, |(bare, _)| bare);
        (bare, bare.split_once('@').map_or(bare, |(_, domain)| domain))
    }
}

/// Which reports are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// Only those made after this one; 0 for all.
    pub after: u64,
    /// Only those by accounts of this domain.
    pub host: Option<String>,
    /// Only those of this JID: a bare one stands for all its resources, a domain for everybody there.
    pub reported: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_clock() {
        assert_eq!(reported_at(report_id(1_795_478_399_999, u32::MAX)), 1_795_478_399_999);
        assert!(report_id(5, u32::MAX) < report_id(6, 0));
        assert!(i64::try_from(report_id(UnixMillis::MAX, u32::MAX)).is_ok());
    }
}
