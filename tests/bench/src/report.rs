//! What was measured, as JSON and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::server::Kind;
use crate::{Fault, machine};

/// One quantity that a scenario measures.
#[derive(Clone, Copy)]
pub struct Figure {
    pub scenario: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    pub target: Target,
}

/// What Waxwing is to reach.
#[derive(Clone, Copy)]
pub enum Target {
    None,
    AtMost(f64),
    AtLeast(f64),
    /// At most this part of the best peer's.
    OfPeers(f64),
}

/// All runs of all figures.
#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    pub date: String,
    pub machine: String,
    pub versions: Vec<String>,
    /// `full` or `quick`.
    pub scale: String,
    pub rows: Vec<Row>,
}

/// One figure of every subject.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub scenario: String,
    pub figure: String,
    pub unit: String,
    /// By subject, each run's value.
    pub runs: BTreeMap<String, Vec<f64>>,
    /// In words, with whether it is reached.
    pub target: Option<String>,
    #[serde(skip)]
    judge: Option<Target>,
}

impl Report {
    pub fn begin(options: &Options) -> Report {
        let kinds = [Kind::Waxwing, Kind::Prosody, Kind::Ejabberd].into_iter();
        let there = kinds.filter(|kind| kind.is_ours() || options.scale.peers && kind.is_there());
        Report {
            date: machine::today(),
            machine: machine::describe(),
            versions: there.map(Kind::version).collect(),
            scale: options.scale.name.to_owned(),
            rows: Vec::new(),
        }
    }

    /// Reads what [`Report::write`] wrote.
    pub fn read(path: &Path) -> Result<Report, Fault> {
        let text = fs::read(path).map_err(|error| Fault::new(format!("{}: {error}", path.display())))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Adds the value of one run.
    pub fn add(&mut self, figure: &Figure, subject: &str, value: f64) {
        println!("  {subject}: {} {} {}", figure.name, shown(value), figure.unit);
        let same = |row: &&mut Row| row.scenario == figure.scenario && row.figure == figure.name;
        let row = match self.rows.iter_mut().find(same) {
            Some(row) => row,
            None => {
                self.rows.push(Row {
                    scenario: figure.scenario.to_owned(),
                    figure: figure.name.to_owned(),
                    unit: figure.unit.to_owned(),
                    runs: BTreeMap::new(),
                    target: None,
                    judge: Some(figure.target),
                });
                // It was pushed just now.
                #[allow(clippy::expect_used)]
                self.rows.last_mut().expect("a row")
            }
        };
        row.runs.entry(subject.to_owned()).or_default().push(value);
    }

    /// Judges every figure against its target. Returns what was missed.
    pub fn judge(&mut self) -> Vec<String> {
        let mut missed = Vec::new();
        for row in &mut self.rows {
            let Some((words, bound, at_most)) = row.judge.and_then(|target| row.bound(target)) else {
                continue;
            };
            let ours = row.runs.iter().filter(|(subject, _)| subject.starts_with("Waxwing"));
            let mut reached = true;
            for (subject, runs) in ours {
                let value = median(runs);
                if if at_most { value > bound } else { value < bound } {
                    reached = false;
                    missed.push(format!(
                        "{}, {}: {subject} has {} {}, {words}",
                        row.scenario,
                        row.figure,
                        shown(value),
                        row.unit
                    ));
                }
            }
            row.target = Some(format!("{words}{}", if reached { " ✓" } else { ": **missed**" }));
        }
        missed
    }

    /// Writes `NAME.json` and `NAME.md` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<(), Fault> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(folder.join(format!("{name}.md")), self.markdown())?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Figures of the foundation\n\nMeasured by `cargo xtask bench` ({}) on {}: {}. {}. Medians; each run's \
             values are in the JSON file beside.\n",
            self.scale,
            self.date,
            self.machine,
            self.versions.join(", ")
        );
        let mut scenario = "";
        for row in &self.rows {
            if row.scenario != scenario {
                scenario = &row.scenario;
                let _ = write!(text, "\n## {scenario}\n\n{}", self.head(scenario));
            }
            let _ = write!(text, "| {}, {} |", row.figure, row.unit);
            for subject in self.subjects(scenario) {
                let value = row.runs.get(subject).map_or_else(String::new, |runs| shown(median(runs)));
                let _ = write!(text, " {value} |");
            }
            let _ = writeln!(text, " {} |", row.target.as_deref().unwrap_or(""));
        }
        text
    }

    fn head(&self, scenario: &str) -> String {
        let subjects = self.subjects(scenario);
        let rule = "|---".repeat(subjects.len() + 2);
        format!("| | {} | Target |\n{rule}|\n", subjects.join(" | "))
    }

    /// Ours first.
    fn subjects(&self, scenario: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row.scenario == scenario);
        let mut subjects: Vec<&str> = rows.flat_map(|row| row.runs.keys().map(String::as_str)).collect();
        subjects.sort_unstable_by_key(|subject| (!subject.starts_with("Waxwing"), *subject));
        subjects.dedup();
        subjects
    }

    /// The change of every figure since an earlier report.
    pub fn since(&self, earlier: &Report) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let same = |other: &&Row| other.scenario == row.scenario && other.figure == row.figure;
            let Some(before) = earlier.rows.iter().find(same) else { continue };
            for (subject, runs) in &row.runs {
                let Some(then) = before.runs.get(subject).map(|runs| median(runs)) else { continue };
                let now = median(runs);
                let _ = writeln!(
                    text,
                    "{}, {}, {subject}: {} to {} {} ({:+.1} %)",
                    row.scenario,
                    row.figure,
                    shown(then),
                    shown(now),
                    row.unit,
                    (now / then - 1.0) * 100.0
                );
            }
        }
        text
    }
}

impl Row {
    /// The target in words, as a number, and whether that is an upper bound. `None` where there is none, or no
    /// peer to compare with.
    fn bound(&self, target: Target) -> Option<(String, f64, bool)> {
        match target {
            Target::None => None,
            Target::AtMost(bound) => Some((format!("at most {}", shown(bound)), bound, true)),
            Target::AtLeast(bound) => Some((format!("at least {}", shown(bound)), bound, false)),
            Target::OfPeers(part) => {
                let peers = self
                    .runs
                    .iter()
                    .filter(|(subject, _)| ["Prosody", "ejabberd"].contains(&subject.as_str()));
                let best = peers.map(|(_, runs)| median(runs)).min_by(f64::total_cmp)?;
                let words =
                    format!("at most 1/{:.0} of the better peer's, {}", 1.0 / part, shown(best * part));
                Some((words, best * part, true))
            }
        }
    }
}

/// The middle value, or the mean of the two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The value below which `part` of the values lie.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Three digits that mean something.
fn shown(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => {
            let digits = format!("{value:.0}");
            let (sign, digits) =
                digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .map(|group| std::str::from_utf8(group).unwrap_or(""))
                .collect();
            format!("{sign}{}", groups.join(","))
        }
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_judged_by_the_median() {
        let figure = Figure { scenario: "s", name: "f", unit: "ms", target: Target::OfPeers(1.0 / 3.0) };
        let mut report = Report::default();
        for value in [0.5, 9.0, 0.6] {
            report.add(&figure, "Waxwing", value);
        }
        report.add(&figure, "Prosody", 3.0);
        assert!(report.judge().is_empty());
        report.add(&figure, "ejabberd", 1.5);
        assert_eq!(report.judge().len(), 1);
        assert!(report.markdown().contains("**missed**"));
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            [shown(1234567.0), shown(-1000.2), shown(12.34), shown(0.1666)],
            ["1,234,567", "-1,000", "12.3", "0.167"]
        );
    }
}
