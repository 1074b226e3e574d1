//! Whether the benchmark works: tiny numbers, no peers, no figures.

#![allow(clippy::expect_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_scenario_runs() {
    let program = Path::new(env!("CARGO_BIN_EXE_waxwing-bench"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", "waxwing"]).current_dir(root);
    assert!(build.status().expect("cargo").success(), "the server does not build");
    let measured = Command::new(program).arg("--smoke").output().expect("the benchmark");
    assert!(
        measured.status.success(),
        "{}{}",
        String::from_utf8_lossy(&measured.stdout),
        String::from_utf8_lossy(&measured.stderr)
    );
}
