//! How many system calls a process makes, counted by `perf`.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::Fault;

/// `perf` has attached itself by then.
const ATTACH: Duration = Duration::from_millis(500);

/// A count that runs.
pub struct Counter(Child);

impl Counter {
    /// `None` where `perf` is not installed, or may not look.
    pub fn start(process: u32) -> Option<Counter> {
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", &process.to_string()]);
        let mut child =
            perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        sleep(ATTACH);
        match child.try_wait() {
            Ok(None) => Some(Counter(child)),
            _ => None,
        }
    }

    /// The calls since the start.
    pub fn stop(self) -> Result<f64, Fault> {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        let output = self.0.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|line| line.contains("raw_syscalls"));
        let number = line.and_then(|line| line.split(',').next()?.parse().ok());
        number.ok_or_else(|| Fault::new(format!("perf does not count: {text}")))
    }
}
