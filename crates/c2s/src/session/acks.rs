//! How the server learns what a client has got: by XEP-0198, or without it by the peer's TCP.

use std::time::Duration;

use tokio::time::Instant;

/// Stanzas after which `<r/>` is sent at once.
const MANY: u32 = 5;
/// How long after the last stanza it is sent otherwise: well within the time that a message may wait in memory
/// for its acknowledgement.
const SHORTLY: Duration = Duration::from_millis(30);

/// The first and the longest pause between two looks at the kernel's send queue.
const LOOK: Duration = Duration::from_millis(5);
const LOOK_AT_MOST: Duration = Duration::from_secs(1);

/// When the client is asked for an acknowledgement. Never while it owes one: under load that makes one `<r/>`
/// a round trip.
#[derive(Default)]
pub struct Asking {
    /// Stanzas written since the last `<r/>`.
    written: u32,
    /// When the first and the last of them were.
    span: Option<(Instant, Instant)>,
    asked: bool,
}

impl Asking {
    pub fn wrote(&mut self, stanzas: u32, now: Instant) {
        self.written = self.written.saturating_add(stanzas);
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
    }

    /// When `<r/>` is to be sent.
    pub fn at(&self) -> Option<Instant> {
        let (first, last) = self.span.filter(|_| self.written > 0 && !self.asked)?;
        // It would be due soon anyway: it goes with the last stanza rather than by itself.
        let with_the_last = self.written >= MANY || last >= first + SHORTLY;
        Some(if with_the_last { last } else { last + SHORTLY })
    }

    pub fn asked(&mut self) {
        *self = Asking { asked: true, ..Asking::default() };
    }

    /// An acknowledgement came; `complete`: of everything.
    pub fn answered(&mut self, complete: bool) {
        self.asked = false;
        if complete {
            self.written = 0;
            self.span = None;
        }
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
    fn the_client_is_asked_shortly_after_the_last_stanza() {
        let now = Instant::now();
        let mut asking = Asking::default();
        assert_eq!(asking.at(), None);
        asking.wrote(1, now);
        asking.wrote(1, now + SHORTLY / 3);
        assert_eq!(asking.at(), Some(now + SHORTLY / 3 + SHORTLY));
    }

    #[test]
    fn in_a_steady_trickle_it_is_asked_along_with_a_stanza() {
        let now = Instant::now();
        let mut asking = Asking::default();
        asking.wrote(1, now);
        asking.wrote(1, now + SHORTLY / 2);
        assert_eq!(asking.at(), Some(now + SHORTLY / 2 + SHORTLY));
        asking.wrote(1, now + SHORTLY);
        assert_eq!(asking.at(), Some(now + SHORTLY));
    }

    #[test]
    fn many_stanzas_are_asked_about_at_once_but_never_while_an_answer_is_due() {
        let now = Instant::now();
        let mut asking = Asking::default();
        asking.wrote(MANY, now);
        assert_eq!(asking.at(), Some(now));
        asking.asked();
        asking.wrote(MANY * 10, now);
        assert_eq!(asking.at(), None);
        asking.answered(false);
        assert_eq!(asking.at(), Some(now));
        asking.answered(true);
        assert_eq!(asking.at(), None);
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
