//! When a session's one timer rings.
//!
//! To put it off is cheap, to bring it forward is done under a lock that all timers share, and to be rung for nothing is a
//! turn of the session. Who talks on is to be asked for an acknowledgement ever later.

use std::time::Duration;

use tokio::time::Instant;

/// What would ring for nothing within this time is put off by so much, and not until there is something to do.
const SOON: Duration = Duration::from_millis(15);

/// To when a timer is to be set that rings at `rings` or has rung then, where something is to be done at `deadline`.
pub(super) fn reset(rings: Instant, deadline: Instant, now: Instant) -> Option<Instant> {
    if rings <= now || deadline < rings {
        return Some(deadline);
    }
    (rings < deadline && rings < now + SOON).then(|| deadline.min(rings + SOON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_when_something_is_to_be_done_and_seldom_for_nothing() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        assert_eq!(reset(at(30), at(20), now), Some(at(20)), "sooner");
        assert_eq!(reset(now, at(40), now), Some(at(40)), "it has rung");
        assert_eq!(reset(at(30), at(30), now), None, "as it is");
        assert_eq!(reset(at(30), at(60_000), now), None, "not soon");
        assert_eq!(reset(at(10), at(60_000), now), Some(at(25)), "soon, and for nothing");
        assert_eq!(reset(at(10), at(12), now), Some(at(12)), "never late");
    }
}
