//! What was measured, as JSON, as Markdown and as pictures.

mod markdown;
mod number;
mod plot;
mod spread;
mod target;

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use number::{median, quantile};
pub use spread::Spread;
pub use target::{Other, Target};

use crate::options::Options;
use crate::server::Kind;
use crate::{Fault, machine};
use number::{counted, shown};
use target::Bound;

/// The name of the files.
const NAME: &str = "figures";

/// One quantity that a scenario measures.
#[derive(Clone, Copy)]
pub struct Figure {
    pub scenario: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    pub targets: &'static [Target],
    /// The size of what it is measured at, where there are several: sessions, entries.
    pub at: Option<u64>,
}

impl Figure {
    pub const fn new(scenario: &'static str, name: &'static str, unit: &'static str) -> Figure {
        Figure { scenario, name, unit, targets: &[], at: None }
    }

    pub const fn to_reach(self, targets: &'static [Target]) -> Figure {
        Figure { targets, ..self }
    }

    pub const fn at(self, size: u64) -> Figure {
        Figure { at: Some(size), ..self }
    }
}

/// All runs of all figures.
#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    pub date: String,
    pub machine: String,
    pub versions: Vec<String>,
    /// `full` or `quick`.
    pub scale: String,
    pub command: String,
    pub runs: usize,
    pub rows: Vec<Row>,
}

/// One figure of every subject.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub scenario: String,
    pub figure: String,
    pub unit: String,
    /// As in [`Figure`].
    #[serde(default)]
    pub at: Option<u64>,
    /// By subject, each run's value.
    pub runs: BTreeMap<String, Vec<f64>>,
    /// By subject, how many times ours.
    #[serde(default)]
    pub ratios: BTreeMap<String, f64>,
    /// In words, with whether it is reached.
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(skip)]
    judge: &'static [Target],
}

impl Report {
    pub fn begin(options: &Options) -> Report {
        let peers: Vec<Kind> = Kind::peers().filter(|_| options.scale.peers).collect();
        if options.scale.peers && peers.len() < 2 {
            println!("Not both peers are installed: {peers:?}");
        }
        Report {
            date: machine::today(),
            machine: machine::describe(),
            versions: [Kind::WAXWING].into_iter().chain(peers).map(Kind::version).collect(),
            scale: options.scale.name.to_owned(),
            command: options.command.clone(),
            runs: options.scale.runs,
            rows: Vec::new(),
        }
    }

    /// Reads what [`Report::write`] wrote.
    pub fn read(path: &Path) -> Result<Report, Fault> {
        let said = |error: &dyn Display| Fault::new(format!("{}: {error}", path.display()));
        let text = fs::read(path).map_err(|error| said(&error))?;
        serde_json::from_slice(&text)
            .map_err(|error| said(&format_args!("not the figures.json of a run: {error}")))
    }

    /// Adds the value of one run.
    pub fn add(&mut self, figure: &Figure, subject: &str, value: f64) {
        self.add_as(figure, figure.name, subject, value);
    }

    /// Adds the value of one run to the figure's row of this name.
    fn add_as(&mut self, figure: &Figure, name: &str, subject: &str, value: f64) {
        let same =
            |row: &&mut Row| row.scenario == figure.scenario && row.figure == name && row.at == figure.at;
        let row = match self.rows.iter_mut().find(same) {
            Some(row) => row,
            None => {
                self.rows.push(Row {
                    scenario: figure.scenario.to_owned(),
                    figure: name.to_owned(),
                    unit: figure.unit.to_owned(),
                    at: figure.at,
                    runs: BTreeMap::new(),
                    ratios: BTreeMap::new(),
                    targets: Vec::new(),
                    judge: figure.targets,
                });
                // It was pushed just now.
                #[allow(clippy::expect_used)]
                self.rows.last_mut().expect("a row")
            }
        };
        println!("  {subject}: {} {} {}", row.name(), shown(value), figure.unit);
        row.runs.entry(subject.to_owned()).or_default().push(value);
    }

    /// Compares every figure with the others' and with its targets. Returns what was missed.
    pub fn judge(&mut self) -> Vec<String> {
        let mut missed = Vec::new();
        for row in &mut self.rows {
            row.ratios =
                row.runs.keys().filter_map(|subject| Some((subject.clone(), row.ratio(subject)?))).collect();
            for bound in row.judge.iter().filter_map(|target| Bound::of(*target, &row.runs)) {
                let ours = row.runs.iter().filter(|(subject, _)| is_ours(subject));
                let short: Vec<String> = ours
                    .filter(|(_, runs)| !bound.is_met_by(median(runs)))
                    .map(|(subject, runs)| format!("{subject} has {} {}", shown(median(runs)), row.unit))
                    .collect();
                let verdict = if short.is_empty() { " ✓" } else { " **missed**" };
                row.targets.push(format!("{}{verdict}", bound.words));
                missed.extend(
                    short.iter().map(|it| format!("{}, {}: {it}, {}", row.scenario, row.name(), bound.words)),
                );
            }
        }
        missed
    }

    /// Finds out whether `folder` can be written to, before anything is measured.
    pub fn check(folder: &Path) -> Result<(), Fault> {
        let tried = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
        tried.map_err(|error| {
            Fault::new(format!("--output: nothing can be written into {}: {error}", folder.display()))
        })
    }

    /// Writes everything into `folder`.
    pub fn write(&self, folder: &Path) -> Result<(), Fault> {
        fs::write(folder.join(format!("{NAME}.json")), serde_json::to_string_pretty(self)? + "\n")?;
        let pictures = plot::all(self);
        let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
        fs::write(folder.join(format!("{NAME}.md")), markdown::text(self, &names))?;
        for (name, text) in &pictures {
            fs::write(folder.join(name), text)?;
        }
        Ok(())
    }

    /// As they came.
    fn scenarios(&self) -> Vec<&str> {
        let mut scenarios: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !scenarios.contains(&row.scenario.as_str()) {
                scenarios.push(&row.scenario);
            }
        }
        scenarios
    }

    /// Ours first.
    fn subjects(&self, scenario: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row.scenario == scenario);
        let mut subjects: Vec<&str> = rows.flat_map(|row| row.runs.keys().map(String::as_str)).collect();
        subjects.sort_unstable_by_key(|subject| (!is_ours(subject), *subject));
        subjects.dedup();
        subjects
    }

    /// The change of every figure since an earlier report.
    pub fn since(&self, earlier: &Report) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let same = |other: &&Row| {
                other.scenario == row.scenario && other.figure == row.figure && other.at == row.at
            };
            let Some(before) = earlier.rows.iter().find(same) else { continue };
            for (subject, runs) in &row.runs {
                let Some(then) = before.runs.get(subject).map(|runs| median(runs)) else { continue };
                let now = median(runs);
                let change = if then == now { 0.0 } else { (now / then - 1.0) * 100.0 };
                let _ = writeln!(
                    text,
                    "{}, {}, {subject}: {} to {} {} ({change:+.1} %)",
                    row.scenario,
                    row.name(),
                    shown(then),
                    shown(now),
                    row.unit,
                );
            }
        }
        text
    }
}

fn is_ours(subject: &str) -> bool {
    subject.starts_with("Waxwing")
}

impl Row {
    /// With its unit.
    fn title(&self) -> String {
        match self.unit.as_str() {
            "" => self.name(),
            unit => format!("{}, {unit}", self.name()),
        }
    }

    fn name(&self) -> String {
        match self.at {
            Some(size) => format!("{} {}", self.figure, counted(size)),
            None => self.figure.clone(),
        }
    }

    /// How many times ours another's value is: of ours on the same database where there are several.
    fn ratio(&self, subject: &str) -> Option<f64> {
        if is_ours(subject) {
            return None;
        }
        let same = if subject.ends_with("Postgres") { "Waxwing on Postgres" } else { "Waxwing" };
        let ours = self.runs.get(same).or_else(|| self.runs.get("Waxwing"))?;
        let ratio = median(self.runs.get(subject)?) / median(ours);
        ratio.is_finite().then_some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_judged_by_the_median() {
        let targets = &[Target::MostTimes(1.0 / 3.0, Other::Peers), Target::MostTimes(2.0, Other::Relay)];
        let figure = Figure::new("s", "f", "ms").to_reach(targets);
        let mut report = Report::default();
        for value in [0.5, 9.0, 0.6] {
            report.add(&figure, "Waxwing", value);
        }
        report.add(&figure, "Prosody", 3.0);
        assert!(report.judge().is_empty());
        report.add(&figure, "ejabberd", 1.5);
        report.add(&figure, "null relay", 0.4);
        assert_eq!(report.judge().len(), 1);
        assert_eq!(report.rows[0].ratios["Prosody"], 5.0);
        let text = markdown::text(&report, &[]);
        assert!(text.contains("**missed**") && text.contains("3.00 (5.00×)"), "{text}");
        let pictures = plot::all(&report);
        assert_eq!(pictures[0].0, "s.svg");
        assert!(pictures[0].1.contains(">ejabberd<"), "{}", pictures[0].1);
    }

    #[test]
    fn sizes_are_rows_and_one_curve() {
        let figure = Figure::new("growth", "one page of", "ms");
        let mut report = Report::default();
        for size in [100, 1_000] {
            report.add(&figure.at(size), "Waxwing", 2.0);
        }
        assert_eq!(report.rows.len(), 2);
        assert!(
            markdown::text(&report, &["growth-one-page-of.svg"]).contains("| one page of 1,000, ms | 2.00 |")
        );
        let pictures = plot::all(&report);
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].0, "growth-one-page-of.svg");
        assert!(pictures[0].1.contains("<polyline points='70.0,"), "{}", pictures[0].1);
    }
}
