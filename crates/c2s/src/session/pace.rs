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
