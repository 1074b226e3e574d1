//! Whether the benchmark works: tiny numbers, no peers, no figures.

#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
fn a_folder_that_cannot_be_written_to_is_told_before_anything_is_measured() {
    let output = smoke().args(["--output", "/proc/none", "scan"]).output().expect("the benchmark");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && wrong.lines().count() == 1 && wrong.contains("/proc/none"),
        "{wrong}"
    );
    assert!(output.stdout.is_empty(), "it measured");
}

#[test]
fn two_versions_are_compared() {
    succeeds(&smoke().arg("--against").arg(server()).output().expect("the benchmark"));
}

/// How often the first thread of a process has gone to sleep of its own will.
fn sleeps(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("its status");
    let number = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    number.and_then(|number| number.trim().parse().ok()).expect("a number")
}

/// A watching process that does not get a core says from when to when.
#[test]
fn a_standstill_is_seen() {
    const STOP: Duration = Duration::from_millis(50);
    let mut watch = Command::new(PROGRAM);
    let watch = watch.arg("watch").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the watch");
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &watch.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    };
    // So often only once it takes its naps.
    let patience = Instant::now() + Duration::from_secs(60);
    while sleeps(watch.id()) < 50 {
        assert!(Instant::now() < patience, "it does not watch");
        std::thread::yield_now();
    }
    signal("-STOP");
    let stopped = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    sleep(STOP);
    signal("-CONT");
    let output = watch.wait_with_output().expect("the watch");
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<u128> = text.split_whitespace().map(|time| time.parse().expect("a time")).collect();
    let seen = |[from, to]: &[u128; 2]| *from < stopped && to - from >= STOP.as_nanos();
    assert!(times.as_chunks().0.iter().any(seen), "{stopped}: {times:?}");
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
