//! Whether the benchmark works: tiny numbers, no peers, no figures.

#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waxwing-bench");

/// The server lies beside the benchmark: both are built with the workspace.
fn server() -> PathBuf {
    let server = Path::new(PROGRAM).with_file_name("waxwing");
    assert!(server.exists(), "{} is missing: cargo build --workspace", server.display());
    server
}

fn smoke() -> Command {
    let mut smoke = Command::new(PROGRAM);
    smoke.args(["--smoke", "--binary"]).arg(server());
    smoke
}

fn succeeds(output: &Output) {
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{wrong}");
}

#[test]
fn every_scenario_runs() {
    succeeds(&smoke().output().expect("the benchmark"));
}

#[test]
fn two_versions_are_compared() {
    succeeds(&smoke().arg("--against").arg(server()).output().expect("the benchmark"));
}

#[test]
fn a_comparison_measures_nothing_else() {
    let refused = smoke().arg("--against").arg(server()).arg("login").output().expect("the benchmark");
    assert!(!refused.status.success() && refused.stdout.is_empty());
}

#[test]
fn another_server_that_is_not_there_is_named() {
    let refused = smoke().args(["--against", "/nowhere/waxwing"]).output().expect("the benchmark");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/nowhere/waxwing is not there"));
}
