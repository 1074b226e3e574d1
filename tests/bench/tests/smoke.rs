//! Whether the benchmark works: tiny numbers, no peers, no figures.

#![allow(clippy::expect_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_scenario_runs() {
    let program = Path::new(env!("CARGO_BIN_EXE_waxwing-bench"));
    // The server lies beside the benchmark: both are built with the workspace.
    let server = Path::new(program).with_file_name("waxwing");
    assert!(server.exists(), "{} is missing: cargo build --workspace", server.display());
    let mut smoke = Command::new(program);
    let measured = smoke.args(["--smoke", "--binary"]).arg(server).output().expect("the benchmark");
    assert!(
        measured.status.success(),
        "{}{}",
        String::from_utf8_lossy(&measured.stdout),
        String::from_utf8_lossy(&measured.stderr)
    );
}
