//! How fast a session is read.

use std::time::Duration;

use tokio::time::Instant;
use waxwing_net::Bucket;

use crate::Settings;

/// A session that sends faster than it may is read slower; it is told nothing.
pub struct Pacing {
    stanzas: Bucket,
    bytes: Bucket,
    until: Option<Instant>,
}

impl Pacing {
    pub fn new(settings: &Settings, now: Instant) -> Pacing {
        let bucket = |pace: crate::Pace| Bucket::new(pace.rate, pace.burst, now.into_std());
        Pacing { stanzas: bucket(settings.stanzas), bytes: bucket(settings.bytes), until: None }
    }

    /// Counts bytes that were read.
    pub fn bytes(&mut self, count: usize, now: Instant) {
        let pause = self.bytes.take(u32::try_from(count).unwrap_or(u32::MAX), now.into_std());
        self.pause(pause, now);
    }

    /// Counts one stanza.
    pub fn stanza(&mut self, now: Instant) {
        let pause = self.stanzas.take(1, now.into_std());
        self.pause(pause, now);
    }

    fn pause(&mut self, pause: Duration, now: Instant) {
        if !pause.is_zero() {
            self.until = self.until.max(Some(now + pause));
        }
    }

    /// Until when nothing is read, if that is so.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether nothing is to be read now.
    pub fn pauses(&mut self, now: Instant) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
        }
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant as StdInstant;

    use super::*;
    use crate::Pace;

    #[test]
    fn who_sends_faster_than_allowed_is_read_later() {
        let now = Instant::from_std(StdInstant::now());
        let bucket = |pace: Pace| Bucket::new(pace.rate, pace.burst, now.into_std());
        let (stanzas, bytes) = (Pace { rate: 10, burst: 2 }, Pace { rate: 1000, burst: 1000 });
        let mut pacing = Pacing { stanzas: bucket(stanzas), bytes: bucket(bytes), until: None };
        pacing.stanza(now);
        pacing.stanza(now);
        assert!(!pacing.pauses(now));
        pacing.stanza(now);
        assert_eq!(pacing.until(), Some(now + Duration::from_millis(100)));
        assert!(pacing.pauses(now) && !pacing.pauses(now + Duration::from_millis(100)));
        pacing.bytes(3000, now);
        assert!(pacing.pauses(now + Duration::from_secs(1)) && !pacing.pauses(now + Duration::from_secs(2)));
    }
}
