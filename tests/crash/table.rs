//! The outcome, on the terminal whatever the test harness captures.

use std::io::Write;

use crate::{Run, judge::Counts};

/// Faults shown of each run.
const SHOWN: usize = 20;

type Row = (&'static str, fn(&Counts) -> u64);

const ROWS: &[Row] = &[
    ("messages sent", |it| it.sent),
    ("acknowledged", |it| it.acknowledged),
    ("sent again", |it| it.resent),
    ("arrivals", |it| it.arrivals),
    ("arrivals with <delay/>", |it| it.delayed),
    ("streams resumed", |it| it.resumed),
    ("seen, unacknowledged, sent and seen again", |it| it.seen_again),
    ("acknowledged and lost", |it| it.lost),
    ("out of order", |it| it.out_of_order),
    ("under two stanza ids", |it| it.two_ids),
    ("stanza id missing, or there without archive", |it| it.wrong_id),
    ("delivered twice without <delay/>", |it| it.twice),
    ("delivered after all was acknowledged", |it| it.leftover),
    ("refused", |it| it.bounced),
];

pub fn print(runs: &[Run]) {
    say("");
    let cells = |title: &str, cell: &dyn Fn(&Run) -> String| {
        let cells: String = runs.iter().map(|run| format!("{:>18}", cell(run))).collect();
        say(&format!("{title:<44}{cells}"));
    };
    cells("", &|run| format!("{:?}", run.database));
    cells("", &|run| run.policy.to_owned());
    cells("kills", &|run| run.kills.to_string());
    cells("seconds", &|run| run.took.as_secs().to_string());
    for (title, count) in ROWS {
        cells(title, &|run| count(&run.counts).to_string());
    }
    for run in runs {
        for fault in run.faults.iter().take(SHOWN) {
            say(&format!("{:?}, {}: {fault}", run.database, run.policy));
        }
        if run.faults.len() > SHOWN {
            say(&format!("... and {} more", run.faults.len() - SHOWN));
        }
    }
}

/// Past the capture of the test harness: a run that passes shows its counts too.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
