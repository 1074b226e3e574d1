//! Everything that proves the server, with one closing line.

use std::{process::Command, time::Instant};

use crate::{
    setup,
    steps::{self, Count},
    tidy,
};

/// How long all fuzz targets together run.
const FUZZ_SECONDS: &str = "60";

/// A step's name and what it does.
type Step = (&'static str, fn() -> Result<Count, String>);

const STEPS: &[Step] = &[
    ("setup", || setup::prepare().map(|()| Count::default())),
    // What the tests are built with, so that nothing is built twice: the binary is among it.
    ("build", || steps::cargo(&["build", "--workspace", "--all-targets"]).map(|()| Count::default())),
    ("tidy", || one(tidy::run())),
    ("tests", || {
        steps::counted(Command::new(steps::cargo_path()).args(["test", "--workspace", "--no-fail-fast"]))
    }),
    ("fuzz", || {
        let fuzz =
            ["run", "--quiet", "--release", "--package", "waxwing-fuzz", "--", "--seconds", FUZZ_SECONDS];
        one(steps::cargo(&fuzz))
    }),
    ("conformance", || steps::counted(Command::new(setup::python()).arg("conformance/run.py"))),
];

/// Runs all steps, whatever one of them brings; without the setup and the binary there is nothing to run.
pub fn run() -> Result<(), String> {
    let mut total = Count::default();
    let mut times = Vec::new();
    for (name, step) in STEPS {
        println!("== {name}");
        let begun = Instant::now();
        match step() {
            Ok(count) => total.add(count),
            Err(message) if matches!(*name, "setup" | "build") => return Err(message),
            Err(message) => {
                println!("{message}");
                total.failed += 1;
            }
        }
        times.push(format!("{name} {:.0} s", begun.elapsed().as_secs_f64()));
    }
    println!("== {}", times.join(", "));
    let closing = format!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        return Err(closing);
    }
    println!("{closing}");
    Ok(())
}

/// A step that is one test.
fn one(outcome: Result<(), String>) -> Result<Count, String> {
    outcome.map(|()| Count { passed: 1, failed: 0 })
}
