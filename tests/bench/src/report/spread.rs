//! A quantity of which the slowest count too.

use super::{Figure, Report, Target, quantile};

/// The quantiles that are reported.
const PARTS: [(f64, &str); 4] = [(0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (0.999, "p99.9")];

/// One quantity of which each run has many values: each of their quantiles is a figure.
#[derive(Clone, Copy)]
pub struct Spread {
    figure: Figure,
    /// What each quantile is to reach.
    targets: [&'static [Target]; PARTS.len()],
}

impl Spread {
    /// In ms.
    pub const fn new(scenario: &'static str, name: &'static str) -> Spread {
        Spread { figure: Figure::new(scenario, name, "ms"), targets: [&[]; PARTS.len()] }
    }

    /// What p50 and p99 are to reach.
    pub const fn to_reach(self, p50: &'static [Target], p99: &'static [Target]) -> Spread {
        Spread { targets: [p50, &[], p99, &[]], ..self }
    }

    pub const fn at(self, size: u64) -> Spread {
        Spread { figure: self.figure.at(size), ..self }
    }
}

impl Report {
    /// Adds the quantiles of one run's values; nothing where it has none.
    pub fn add_spread(&mut self, spread: &Spread, subject: &str, mut values: Vec<f64>) {
        if values.is_empty() {
            return;
        }
        for ((part, called), targets) in PARTS.into_iter().zip(spread.targets) {
            let figure = spread.figure.to_reach(targets);
            let name = match figure.name.rsplit_once(", ") {
                // These words belong to the size that follows.
                Some((name, before_size)) if figure.at.is_some() => {
                    format!("{name}, {called}, {before_size}")
                }
                _ => format!("{}, {called}", figure.name),
            };
            self.add_as(&figure, &name, subject, quantile(&mut values, part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quantile_is_a_row() {
        let spread = Spread::new("s", "latency").to_reach(&[Target::Most(500.0)], &[Target::Most(500.0)]);
        let mut report = Report::default();
        report.add_spread(&spread, "Waxwing", (0..1000).map(f64::from).collect());
        report.add_spread(&Spread::new("s", "latency, with").at(10), "Waxwing", vec![1.0]);
        let rows: Vec<_> = report.rows.iter().map(|row| (row.name(), row.runs["Waxwing"][0])).collect();
        let names = ["latency, p50", "latency, p95", "latency, p99", "latency, p99.9"];
        let values = [500.0, 950.0, 990.0, 999.0];
        assert!(names.iter().zip(values).all(|(name, value)| rows.contains(&((*name).to_owned(), value))));
        assert!(rows.contains(&("latency, p99.9, with 10".to_owned(), 1.0)), "{rows:?}");
        assert_eq!(report.judge().len(), 1);
        report.add_spread(&spread, "nobody", Vec::new());
        assert!(!report.rows.iter().any(|row| row.runs.contains_key("nobody")));
    }
}
