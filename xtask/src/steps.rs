//! Running other programs, and counting what they report.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::tree::root;

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

impl Count {
    pub fn add(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Cargo in the workspace, its output passed on. The error says what failed.
pub fn cargo(arguments: &[&str]) -> Result<(), String> {
    run(Command::new(cargo_path()).args(arguments))
}

pub fn cargo_path() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a program in the workspace, its output passed on.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = words(command);
    let status = command.current_dir(root()).status().map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

/// Runs a program, passes its standard output on and adds up its `N passed` and `N failed`. A program that
/// fails without having counted a failure counts as one.
pub fn counted(command: &mut Command) -> Result<Count, String> {
    let name = words(command);
    let mut child = command
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let mut count = Count::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|error| format!("{name}: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            count.add(report(&line));
        }
    }
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    if !status.success() && count.failed == 0 {
        println!("{name}: {status}");
        count.failed = 1;
    }
    Ok(count)
}

/// What one line reports: cargo's `test result: ok. 3 passed; 0 failed; …` or a closing `3 passed, 0 failed`.
fn report(line: &str) -> Count {
    let line =
        line.strip_prefix("test result: ").map_or(line, |rest| rest.split_once(". ").map_or("", |it| it.1));
    let mut parts = line.split([';', ',']).map(str::trim);
    let mut number = |word: &str| parts.next()?.strip_suffix(word)?.trim().parse::<u64>().ok();
    match (number("passed"), number("failed")) {
        (Some(passed), Some(failed)) => Count { passed, failed },
        _ => Count::default(),
    }
}

fn words(command: &Command) -> String {
    let arguments = command.get_args().map(|it| it.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_counted() {
        let cargo =
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 1s";
        assert_eq!(report(cargo), Count { passed: 12, failed: 3 });
        assert_eq!(report("7 passed, 0 failed"), Count { passed: 7, failed: 0 });
        assert_eq!(report("running 12 tests"), Count::default());
    }
}
