//! The report for people.

use std::fmt::Write as _;

use super::number::{median, shown};
use super::{Report, Row};

/// `pictures`: the names of the files beside.
pub fn text(report: &Report, pictures: &[&str]) -> String {
    let mut text = format!(
        "# Figures\n\nMeasured by `{}` ({}) on {}: {}. {}. Medians of {} interleaved runs; each run's values are in the \
         JSON file beside. In brackets: how many times Waxwing's of the same run, on Postgres where the other is.\n",
        report.command,
        report.scale,
        report.date,
        report.machine,
        report.versions.join(", "),
        report.runs,
    );
    for scenario in report.scenarios() {
        let subjects = report.subjects(scenario);
        let rule = "|---".repeat(subjects.len() + 2);
        let _ = write!(text, "\n## {scenario}\n\n| | {} | Target |\n{rule}|\n", subjects.join(" | "));
        for row in report.rows.iter().filter(|row| row.scenario == scenario) {
            let _ = write!(text, "| {} |", row.title());
            for subject in &subjects {
                let _ = write!(text, " {} |", cell(row, subject));
            }
            let _ = writeln!(text, " {} |", row.targets.join("; "));
        }
    }
    if !pictures.is_empty() {
        text += "\n## Pictures\n\n";
    }
    for picture in pictures {
        let _ = writeln!(text, "![{0}]({0})", picture);
    }
    text
}

fn cell(row: &Row, subject: &str) -> String {
    let Some(runs) = row.runs.get(subject) else { return String::new() };
    match row.ratio(subject) {
        Some(ratio) => format!("{} ({}×)", shown(median(runs)), shown(ratio)),
        None => shown(median(runs)),
    }
}
