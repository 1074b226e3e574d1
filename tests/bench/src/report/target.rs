//! What Waxwing is to reach.

use std::collections::BTreeMap;

use super::number::{median, shown};

/// A bound on one figure.
#[derive(Clone, Copy)]
pub enum Target {
    Most(f64),
    Least(f64),
    /// At most so many times what another has in the same run.
    MostTimes(f64, Other),
    LeastTimes(f64, Other),
}

/// Whom to compare with.
#[derive(Clone, Copy)]
pub enum Other {
    /// Each peer, whatever it stores in: so the best of them.
    Peers,
    Prosody,
    Ejabberd,
    Relay,
}

impl Other {
    fn is(self, subject: &str) -> bool {
        match self {
            Other::Peers => Other::Prosody.is(subject) || Other::Ejabberd.is(subject),
            Other::Prosody => subject.starts_with("Prosody"),
            Other::Ejabberd => subject.starts_with("ejabberd"),
            Other::Relay => subject == "null relay",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Other::Peers => "the better peer's",
            Other::Prosody => "Prosody's",
            Other::Ejabberd => "ejabberd's",
            Other::Relay => "the null relay's",
        }
    }
}

/// A target in words and as a number.
pub struct Bound {
    pub words: String,
    value: f64,
    at_most: bool,
}

impl Bound {
    /// `None` where nobody is there to compare with.
    pub fn of(target: Target, runs: &BTreeMap<String, Vec<f64>>) -> Option<Bound> {
        let others = |other: Other| {
            runs.iter().filter(move |(subject, _)| other.is(subject)).map(|(_, runs)| median(runs))
        };
        let (value, at_most, times) = match target {
            Target::Most(value) => (value, true, None),
            Target::Least(value) => (value, false, None),
            Target::MostTimes(times, other) => {
                (others(other).min_by(f64::total_cmp)? * times, true, Some((times, other)))
            }
            Target::LeastTimes(times, other) => {
                (others(other).max_by(f64::total_cmp)? * times, false, Some((times, other)))
            }
        };
        let limit = if at_most { "at most" } else { "at least" };
        let words = match times {
            None => format!("{limit} {}", shown(value)),
            Some((times, other)) if times < 1.0 => {
                format!("{limit} 1/{:.0} of {}: {}", 1.0 / times, other.name(), shown(value))
            }
            Some((times, other)) => format!("{limit} {times} × {}: {}", other.name(), shown(value)),
        };
        Some(Bound { words, value, at_most })
    }

    pub fn is_met_by(&self, value: f64) -> bool {
        if self.at_most { value <= self.value } else { value >= self.value }
    }
}
