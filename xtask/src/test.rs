//! Everything that proves the server, with one closing line.

use std::{path::PathBuf, process::Command, time::Instant};

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
        let mut tests = Command::new(steps::cargo_path());
        steps::counted(tests.args(["test", "--workspace", "--no-fail-fast"]).env("WAXWING_BIN", server()?))
    }),
    ("fuzz", || {
        let fuzz =
            ["run", "--quiet", "--release", "--package", "waxwing-fuzz", "--", "--seconds", FUZZ_SECONDS];
        one(steps::cargo(&fuzz))
    }),
    ("conformance", || {
        let mut clients = Command::new(setup::python());
        steps::counted(clients.arg("conformance/run.py").env("WAXWING_BIN", server()?))
    }),
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

/// The server that was built with the tests: it lies beside this program.
fn server() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    Ok(here.with_file_name("waxwing"))
}

/// A step that is one test.
fn one(outcome: Result<(), String>) -> Result<Count, String> {
    outcome.map(|()| Count { passed: 1, failed: 0 })
}
