//! The benchmark.

use crate::{setup, steps};

/// Installs the peers, builds server and benchmark as they are released, and measures. A whole run without arguments is what
/// `docs/benchmarks` shows.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    if let Err(missing) = setup::peers() {
        eprintln!("{missing}\nWhat is not installed is left out.");
    }
    steps::cargo(&["build", "--release", "--package", "waxwing", "--package", "waxwing-bench"])?;
    let mut measure = vec!["run", "--release", "--package", "waxwing", "--package", "waxwing-bench"];
    measure.extend(["--bin", "waxwing-bench", "--"]);
    if arguments.is_empty() {
        measure.extend(["--output", "docs/benchmarks"]);
    }
    measure.extend(arguments);
    steps::cargo(&measure)
}
