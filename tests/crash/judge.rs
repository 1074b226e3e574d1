//! The verdict over what was noted.

use std::collections::{HashMap, HashSet};

use crate::ledger::{Arrival, Books, Device, Id, Message, Session};

/// The counts. Those below `resumed` must be zero, but for `seen_again` where nothing is archived.
#[derive(Default, Clone, Copy)]
pub struct Counts {
    pub sent: u64,
    pub acknowledged: u64,
    pub resent: u64,
    pub arrivals: u64,
    pub delayed: u64,
    pub resumed: u64,
    /// Seen before a crash, not acknowledged to the sender, sent again, and seen again.
    pub seen_again: u64,
    pub lost: u64,
    pub out_of_order: u64,
    pub two_ids: u64,
    /// Without the account's stanza id where archived, with one where not.
    pub wrong_id: u64,
    pub twice: u64,
    pub leftover: u64,
    pub bounced: u64,
}

/// What was acknowledged and has not arrived at any device of its account.
pub fn lost(books: &Books) -> impl Iterator<Item = (&Id, &Message)> {
    let arrived: HashSet<(Id, usize)> =
        books.arrivals.iter().map(|arrival| (arrival.id, arrival.at.device.0)).collect();
    books
        .messages
        .iter()
        .filter(move |(id, message)| message.acknowledged && !arrived.contains(&(**id, message.recipient)))
}

/// The counts; what must not be is described in `faults`.
pub fn judge(books: &Books, archived: bool, faults: &mut Vec<String>) -> Counts {
    let messages = books.messages.values();
    let mut counts = Counts {
        sent: messages.len() as u64,
        acknowledged: books.acknowledged as u64,
        resent: messages.clone().map(|it| u64::from(it.resends)).sum(),
        arrivals: books.arrivals.len() as u64,
        delayed: books.arrivals.iter().filter(|it| it.delayed).count() as u64,
        resumed: books.resumed,
        leftover: books.leftover,
        bounced: books.bounced,
        ..Counts::default()
    };
    if books.leftover > 0 {
        faults.push(format!("{} came after everything was acknowledged", books.leftover));
    }
    if books.bounced > 0 {
        faults.push(format!("{} were refused", books.bounced));
    }
    for (id, message) in lost(books) {
        counts.lost += 1;
        faults.push(format!("{id:?} to {} is lost", message.recipient));
    }
    let mut ids: HashMap<(Id, usize), &str> = HashMap::new();
    // The life in which a device got it last without <delay/>.
    let mut fresh: HashMap<(Id, Device), u32> = HashMap::new();
    let mut order = Order::default();
    for arrival in &books.arrivals {
        let Arrival { id, at: Session { device, life, .. }, stanza_id, .. } = arrival;
        let message = books.messages.get(id).filter(|it| it.recipient == device.0);
        let Some(message) = message else { panic!("{device:?} got {id:?} of somebody else") };
        if stanza_id.is_some() != archived {
            counts.wrong_id += 1;
            faults.push(format!("{arrival:?}: an id where there is an archive, and only there"));
        }
        if let Some(stanza_id) = stanza_id
            && *ids.entry((*id, device.0)).or_insert(stanza_id) != stanza_id
        {
            counts.two_ids += 1;
            faults.push(format!("{arrival:?}: its second stanza id"));
        }
        // Without an archive, what was seen and acknowledged to nobody may be gone with the crash.
        let excused = !archived && message.after_crash;
        if !arrival.delayed {
            match fresh.insert((*id, *device), *life) {
                None => {}
                Some(before) if excused && before < *life => counts.seen_again += 1,
                Some(_) => {
                    counts.twice += 1;
                    faults.push(format!("{arrival:?}: without <delay/> before; {message:?}"));
                }
            }
        }
        if !order.holds(arrival, excused) {
            counts.out_of_order += 1;
            faults.push(format!("{arrival:?}: out of order; {message:?}"));
        }
    }
    counts
}

/// The order of first arrivals, and that of what the log brings.
#[derive(Default)]
struct Order {
    /// The life in which a message was first seen by its account.
    seen: HashMap<Id, u32>,
    by_device: HashSet<(Id, Device)>,
    /// The newest of each sender that a device has seen: fresh, and of all but the early.
    fresh: HashMap<(usize, Device), u32>,
    newest: HashMap<(usize, Device), u32>,
    /// The newest of each sender that the log brought to a session.
    flushed: HashMap<(usize, u64), u32>,
}

impl Order {
    /// Whether an arrival is in order. `excused`: one that was seen in an earlier life and has been sent again since
    /// is a new message to the server, behind what others got a place before it.
    fn holds(&mut self, arrival: &Arrival, excused: bool) -> bool {
        let Arrival { id: id @ (sender, number), at, delayed, .. } = arrival;
        let first = *self.seen.entry(*id).or_insert(at.life);
        let first_here = self.by_device.insert((*id, at.device));
        if excused && first < at.life {
            return true;
        }
        let mut holds = true;
        let mut follows = |newest: &mut u32| {
            holds &= *newest < *number;
            *newest = (*newest).max(*number);
        };
        if first_here && !*delayed {
            follows(self.fresh.entry((*sender, at.device)).or_default());
        }
        if first_here && !at.early {
            follows(self.newest.entry((*sender, at.device)).or_default());
        }
        if *delayed {
            follows(self.flushed.entry((*sender, at.number)).or_default());
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::{Books, Counts, judge};
    use crate::ledger::{Arrival, Message, Session};

    /// Arrivals of messages of one sender to account 0, all acknowledged.
    fn judged(archived: bool, after_crash: bool, arrivals: &[(u32, u32, bool, &str)]) -> Counts {
        let mut books = Books::default();
        for &(number, life, delayed, stanza_id) in arrivals {
            let message = Message { recipient: 0, acknowledged: true, life, resends: 1, after_crash };
            books.messages.insert((0, number), message);
            let at = Session { device: (0, 0), number: u64::from(life), life, early: false };
            let stanza_id = (!stanza_id.is_empty()).then(|| stanza_id.to_owned());
            books.arrivals.push(Arrival { id: (0, number), at, delayed, stanza_id });
        }
        let mut faults = Vec::new();
        let counts = judge(&books, archived, &mut faults);
        let bad = counts.lost + counts.out_of_order + counts.two_ids + counts.wrong_id + counts.twice;
        assert_eq!(bad, faults.len() as u64);
        counts
    }

    #[test]
    fn each_fault_is_found() {
        assert_eq!(judged(true, false, &[(1, 0, false, "a"), (1, 1, true, "b")]).two_ids, 1);
        assert_eq!(judged(true, true, &[(1, 0, false, "a"), (1, 1, false, "a")]).twice, 1);
        assert_eq!(judged(true, false, &[(1, 0, false, "")]).wrong_id, 1);
        assert_eq!(judged(false, false, &[(1, 0, false, "a")]).wrong_id, 1);
        assert_eq!(judged(false, false, &[(2, 0, false, ""), (1, 0, false, "")]).out_of_order, 1);
        assert_eq!(judged(false, false, &[(2, 0, true, ""), (1, 0, true, "")]).out_of_order, 1);
        assert_eq!(judged(false, true, &[(1, 0, false, ""), (1, 0, false, "")]).twice, 1);

        let mut books = Books::default();
        let message = Message { recipient: 0, acknowledged: true, life: 0, resends: 0, after_crash: false };
        books.messages.insert((0, 1), message);
        assert_eq!(judge(&books, true, &mut Vec::new()).lost, 1);
    }

    #[test]
    fn what_may_be_is_no_fault() {
        let counts = judged(false, true, &[(1, 0, false, ""), (2, 1, true, ""), (1, 1, false, "")]);
        assert_eq!((counts.seen_again, counts.twice, counts.out_of_order), (1, 0, 0));
        let counts = judged(
            true,
            false,
            &[(1, 0, false, "a"), (2, 0, false, "b"), (1, 1, true, "a"), (2, 1, true, "b")],
        );
        assert_eq!((counts.twice, counts.two_ids, counts.out_of_order), (0, 0, 0));
    }
}
