//! Subscription states (RFC 6121 Appendix A), as pure functions on a roster row.

use waxwing_store::{RosterRow, Subscription};

/// The four subscription stanzas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

/// What an inbound step leads to beside the change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// The owner's clients are shown it.
    Deliver,
    /// Nobody sees it.
    Ignore,
    /// Nobody sees it: as many wait for an answer as may.
    Full,
    /// Nobody sees it, and the server answers "subscribed" for the owner: they agreed before.
    Approve,
}

pub(crate) fn to(row: &RosterRow) -> bool {
    matches!(row.subscription, Subscription::To | Subscription::Both)
}

pub(crate) fn from(row: &RosterRow) -> bool {
    matches!(row.subscription, Subscription::From | Subscription::Both)
}

fn set(row: &mut RosterRow, to: bool, from: bool) {
    row.subscription = match (to, from) {
        (false, false) => Subscription::None,
        (true, false) => Subscription::To,
        (false, true) => Subscription::From,
        (true, true) => Subscription::Both,
    };
}

/// The owner sends a step (Appendix A.2). Says whether it goes to the contact.
pub(crate) fn outbound(row: &mut RosterRow, step: Step) -> bool {
    let (subscribed, shown) = (to(row), from(row));
    match step {
        Step::Subscribe => {
            row.listed = true;
            row.ask |= !subscribed;
            true
        }
        Step::Unsubscribe => {
            row.ask = false;
            set(row, false, shown);
            true
        }
        Step::Subscribed => {
            row.listed = true;
            if row.request.take().is_some() {
                row.approved = false;
                set(row, subscribed, true);
                return true;
            }
            // §3.4: approval before the request.
            row.approved |= !shown;
            false
        }
        Step::Unsubscribed => {
            let answers = row.request.take().is_some();
            row.approved = false;
            set(row, subscribed, false);
            answers || shown
        }
    }
}

/// A step arrives from the contact (Appendix A.3). `request` is a subscribe as it is to be kept.
pub(crate) fn inbound(row: &mut RosterRow, step: Step, request: Option<Vec<u8>>) -> Inbound {
    let (subscribed, shown) = (to(row), from(row));
    match step {
        Step::Subscribe if shown => Inbound::Approve,
        Step::Subscribe if row.approved => {
            row.approved = false;
            set(row, subscribed, true);
            Inbound::Approve
        }
        Step::Subscribe => match row.request {
            Some(_) => Inbound::Ignore,
            None => {
                row.request = request;
                Inbound::Deliver
            }
        },
        Step::Subscribed => {
            if !row.ask {
                return Inbound::Ignore;
            }
            row.ask = false;
            set(row, true, shown);
            Inbound::Deliver
        }
        Step::Unsubscribe => {
            let had = row.request.take().is_some() || shown;
            set(row, subscribed, false);
            if had { Inbound::Deliver } else { Inbound::Ignore }
        }
        Step::Unsubscribed => {
            let had = row.ask || subscribed;
            row.ask = false;
            set(row, false, shown);
            if had { Inbound::Deliver } else { Inbound::Ignore }
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use Subscription::{Both, From, None, To};

    /// The nine states of Appendix A.1: subscription, pending out, pending in.
    const STATES: [(Subscription, bool, bool); 9] = [
        (None, false, false),
        (None, true, false),
        (None, false, true),
        (None, true, true),
        (To, false, false),
        (To, false, true),
        (From, false, false),
        (From, true, false),
        (Both, false, false),
    ];

    fn row((subscription, ask, request): (Subscription, bool, bool)) -> RosterRow {
        RosterRow { listed: true, subscription, ask, request: request.then(Vec::new), ..RosterRow::default() }
    }

    fn state(row: &RosterRow) -> usize {
        let state = (row.subscription, row.ask, row.request.is_some());
        STATES.iter().position(|other| *other == state).expect("no such state in the appendix")
    }

    fn check_outbound(step: Step, expected: [(bool, usize); 9]) {
        for (index, (routed, next)) in expected.into_iter().enumerate() {
            let mut row = row(STATES[index]);
            assert_eq!(outbound(&mut row, step), routed, "{step:?} in {:?}", STATES[index]);
            assert_eq!(state(&row), next, "{step:?} in {:?}", STATES[index]);
        }
    }

    fn check_inbound(step: Step, expected: [(bool, usize); 9]) {
        for (index, (delivered, next)) in expected.into_iter().enumerate() {
            let mut row = row(STATES[index]);
            let result = inbound(&mut row, step, Some(Vec::new()));
            assert_eq!(result == Inbound::Deliver, delivered, "{step:?} in {:?}", STATES[index]);
            assert_eq!(state(&row), next, "{step:?} in {:?}", STATES[index]);
        }
    }

    #[test]
    fn outbound_steps_follow_appendix_a2() {
        let t = true;
        let f = false;
        check_outbound(
            Step::Subscribe,
            [(t, 1), (t, 1), (t, 3), (t, 3), (t, 4), (t, 5), (t, 7), (t, 7), (t, 8)],
        );
        check_outbound(
            Step::Unsubscribe,
            [(t, 0), (t, 0), (t, 2), (t, 2), (t, 0), (t, 2), (t, 6), (t, 6), (t, 6)],
        );
        check_outbound(
            Step::Subscribed,
            [(f, 0), (f, 1), (t, 6), (t, 7), (f, 4), (t, 8), (f, 6), (f, 7), (f, 8)],
        );
        check_outbound(
            Step::Unsubscribed,
            [(f, 0), (f, 1), (t, 0), (t, 1), (f, 4), (t, 4), (t, 0), (t, 1), (t, 4)],
        );
    }

    #[test]
    fn inbound_steps_follow_appendix_a3() {
        let t = true;
        let f = false;
        check_inbound(
            Step::Subscribe,
            [(t, 2), (t, 3), (f, 2), (f, 3), (t, 5), (f, 5), (f, 6), (f, 7), (f, 8)],
        );
        check_inbound(
            Step::Unsubscribe,
            [(f, 0), (f, 1), (t, 0), (t, 1), (f, 4), (t, 4), (t, 0), (t, 1), (t, 4)],
        );
        check_inbound(
            Step::Subscribed,
            [(f, 0), (t, 4), (f, 2), (t, 5), (f, 4), (f, 5), (f, 6), (t, 8), (f, 8)],
        );
        check_inbound(
            Step::Unsubscribed,
            [(f, 0), (t, 0), (f, 2), (t, 2), (t, 0), (t, 2), (f, 6), (t, 6), (t, 6)],
        );
    }

    #[test]
    fn who_agreed_before_is_not_asked() {
        let mut row = RosterRow::default();
        assert!(!outbound(&mut row, Step::Subscribed));
        assert!(row.approved && row.listed);
        assert_eq!(inbound(&mut row, Step::Subscribe, Some(Vec::new())), Inbound::Approve);
        assert_eq!((row.subscription, row.approved, row.request), (From, false, Option::None));
    }
}
