//! Whether everything arrived: a figure of a server that loses messages is none.

use std::collections::{HashMap, HashSet};

use crate::Fault;
use crate::report::{Figure, Report, Target};
use crate::wire::Number;

/// Says that every tally of a scenario was right: a wrong one ends the run.
pub fn report_faultless(report: &mut Report, scenario: &'static str, subject: &str) {
    let faults = Figure::new(scenario, "lost, doubled or out of order", "messages");
    report.add(&faults.to_reach(&[Target::Most(0.0)]), subject, 0.0);
}

/// What one recipient got.
#[derive(Default)]
pub struct Tally {
    seen: HashSet<(u32, u32)>,
    newest: HashMap<u32, u32>,
    doubled: usize,
    disordered: usize,
}

impl Tally {
    pub fn count(&mut self, message: Number) {
        let Number { sender, number } = message;
        if !self.seen.insert((sender, number)) {
            self.doubled += 1;
            return;
        }
        let newest = self.newest.entry(sender).or_insert(number);
        if number < *newest {
            self.disordered += 1;
        }
        *newest = number.max(*newest);
    }

    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// An error unless it was exactly `expected` messages, each once and each sender's in order.
    pub fn judge(&self, expected: usize) -> Result<(), Fault> {
        let lost = expected.saturating_sub(self.len());
        let strange = self.len().saturating_sub(expected);
        match (lost, strange, self.doubled, self.disordered) {
            (0, 0, 0, 0) => Ok(()),
            (lost, strange, doubled, disordered) => Err(Fault::new(format!(
                "of {expected} messages {lost} were lost, {doubled} came twice, {disordered} out of order, \
                 and {strange} were not sent"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found() {
        let tally = |numbers: &[u32]| {
            let mut tally = Tally::default();
            numbers.iter().for_each(|&number| tally.count(Number { sender: 1, number }));
            tally
        };
        assert!(tally(&[0, 1, 2]).judge(3).is_ok());
        for wrong in [&[0, 1][..], &[0, 1, 1, 2], &[0, 2, 1], &[0, 1, 2, 3]] {
            assert!(tally(wrong).judge(3).is_err(), "{wrong:?}");
        }
    }
}
