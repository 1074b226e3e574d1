//! The benchmark.

use std::path::PathBuf;
use std::process::Command;

use crate::tree::root;
use crate::{setup, steps};

/// Installs the peers, builds server and benchmark as they are released, and measures. A whole run without arguments is what
/// `docs/benchmarks` shows.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    if let Err(missing) = setup::peers() {
        eprintln!("{missing}\nWhat is not installed is left out.");
    }
    steps::cargo(&["build", "--release", "--package", "waxwing", "--package", "waxwing-bench"])?;
    // Not by `cargo run`: it takes one package, and would build it with other features of what both need.
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let mut measure = Command::new(built.join("release/waxwing-bench"));
    if arguments.is_empty() {
        measure.args(["--output", "docs/benchmarks"]);
    }
    steps::run(measure.args(arguments))
}
