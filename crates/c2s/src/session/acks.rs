//! How the server learns what a client has got, by XEP-0198 or without it by the peer's TCP, and when it tells the client
//! what it has got itself.

use std::time::Duration;

use tokio::time::Instant;

/// Stanzas after which `<r/>` is sent at once. What is not acknowledged is kept, cold by the time it is let go: with five a
/// message costs more, though there is less to acknowledge.
const SEVERAL: u32 = 2;
/// Who was asked this long ago is asked along with the next stanza; else this long after the last one: well within the
/// time that a message may wait in memory for its acknowledgement.
const SHORTLY: Duration = Duration::from_millis(30);

/// The first and the longest pause between two looks at the kernel's send queue.
const LOOK: Duration = Duration::from_millis(5);
const LOOK_AT_MOST: Duration = Duration::from_secs(1);

/// When the client is asked for an acknowledgement. Never while it owes one: under load that makes one `<r/>`
/// a round trip. A message after a pause, which is most of them, takes its `<r/>` along: one packet.
#[derive(Default)]
pub struct Asking {
    /// Stanzas written since the last `<r/>`.
    written: u32,
    /// When the last of them was.
    last: Option<Instant>,
    /// When the last `<r/>` was sent.
    asked: Option<Instant>,
    owes: bool,
}

impl Asking {
    pub fn wrote(&mut self, stanzas: u32, now: Instant) {
        self.written = self.written.saturating_add(stanzas);
        self.last = Some(now);
    }

    /// When `<r/>` is to be sent.
    pub fn at(&self) -> Option<Instant> {
        let last = self.last.filter(|_| self.written > 0 && !self.owes)?;
        let along = self.written >= SEVERAL || self.asked.is_none_or(|asked| asked + SHORTLY <= last);
        Some(if along { last } else { last + SHORTLY })
    }

    pub fn asked(&mut self, now: Instant) {
        *self = Asking { owes: true, asked: Some(now), ..Asking::default() };
    }

    /// An acknowledgement came; `complete`: of everything.
    pub fn answered(&mut self, complete: bool) {
        self.owes = false;
        if complete {
            self.written = 0;
        }
    }
}

/// Stanzas after whose effect an `<a/>` is sent unasked: what is not acknowledged is remembered on both sides.
pub const UNASKED: u32 = 64;

/// Whether an `<a/>` may be due, known without asking the session: it never is unless this says so.
pub struct Telling {
    /// The client waits for an answer.
    owed: bool,
    /// Stanzas received of which it was not told.
    unacknowledged: u32,
}

/// Of a session that nothing is known of: it may be resumed.
impl Default for Telling {
    fn default() -> Telling {
        Telling::new(true, UNASKED)
    }
}

impl Telling {
    pub fn new(owed: bool, unacknowledged: u32) -> Telling {
        Telling { owed, unacknowledged }
    }

    pub fn received(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_add(1);
    }

    pub fn asked(&mut self) {
        self.owed = true;
    }

    pub fn may_be_due(&self) -> bool {
        self.owed || self.unacknowledged >= UNASKED
    }
}

/// Without stream management: when to look whether what was written has reached the client's machine.
#[derive(Default)]
pub struct Reaching {
    at: Option<Instant>,
    pause: Duration,
}

impl Reaching {
    /// Something was written whose arrival matters.
    pub fn wrote(&mut self, now: Instant) {
        self.pause = LOOK;
        self.at = Some(now + LOOK);
    }

    pub fn at(&self) -> Option<Instant> {
        self.at
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// It has not yet.
    pub fn not_yet(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(LOOK, LOOK_AT_MOST);
        self.at = Some(now + self.pause);
    }

    pub fn reached(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_after_a_pause_takes_the_request_along() {
        let now = Instant::now();
        let mut asking = Asking::default();
        assert_eq!(asking.at(), None);
        asking.wrote(1, now);
        assert_eq!(asking.at(), Some(now));
        asking.asked(now);
        asking.answered(true);
        asking.wrote(1, now + SHORTLY);
        assert_eq!(asking.at(), Some(now + SHORTLY));
    }

    #[test]
    fn one_that_follows_soon_is_asked_about_shortly_after_or_with_the_next() {
        let now = Instant::now();
        let mut asking = Asking::default();
        asking.asked(now);
        asking.answered(true);
        asking.wrote(1, now + SHORTLY / 2);
        assert_eq!(asking.at(), Some(now + SHORTLY / 2 + SHORTLY));
        asking.wrote(1, now + SHORTLY * 3 / 4);
        assert_eq!(asking.at(), Some(now + SHORTLY * 3 / 4));
    }

    #[test]
    fn many_stanzas_are_asked_about_at_once_but_never_while_an_answer_is_due() {
        let now = Instant::now();
        let mut asking = Asking::default();
        asking.wrote(SEVERAL, now);
        assert_eq!(asking.at(), Some(now));
        asking.asked(now);
        asking.wrote(SEVERAL * 10, now);
        assert_eq!(asking.at(), None);
        asking.answered(false);
        assert_eq!(asking.at(), Some(now));
        asking.answered(true);
        assert_eq!(asking.at(), None);
    }

    #[test]
    fn whoever_was_asked_or_received_much_may_have_to_tell() {
        assert!(Telling::default().may_be_due());
        let mut telling = Telling::new(false, UNASKED - 1);
        assert!(!telling.may_be_due());
        telling.received();
        assert!(telling.may_be_due());
        let mut telling = Telling::new(false, 0);
        telling.asked();
        assert!(telling.may_be_due());
    }

    #[test]
    fn the_send_queue_is_looked_at_ever_more_seldom() {
        let start = Instant::now();
        let mut reaching = Reaching::default();
        reaching.wrote(start);
        let mut looks = 0;
        let mut now = start;
        while now < start + Duration::from_secs(10) {
            now = reaching.at().unwrap();
            assert!(reaching.is_due(now));
            reaching.not_yet(now);
            looks += 1;
        }
        assert!((10..=20).contains(&looks), "{looks} looks in ten seconds");
        reaching.reached();
        assert_eq!(reaching.at(), None);
    }
}
