//! When the machine itself stood still. A virtual machine's host gives its cores to others now and then, for
//! milliseconds, and longer where a core has gone to sleep and must be had back. No server can do anything about
//! that, and next to it the slowest hundredth of a good server's answers cannot be seen.
//!
//! On every core a process sleeps for a moment again and again. It has the highest priority, so nothing that runs here
//! makes it late, only the host. Meanwhile the cores do not sleep.
//!
//! What was on its way then is left out, and not only the time taken off: what has piled up waits for its turn
//! after it too, and the host likes to take a core for just as long as a nap, when it begins, so that nothing is late.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Fault;

/// How long the process sleeps. As late again, and the core stood still: less is the way into a process and out again.
const NAP: Duration = Duration::from_millis(1);

/// So much late.
const LATE: Duration = Duration::from_micros(250);

/// One that runs. Cores may sleep again once it is dropped.
pub struct Watch {
    cores: Vec<Child>,
    _awake: Option<File>,
}

impl Watch {
    /// Without the right to set priorities nobody looks: then the machine is taken to have run all the time.
    pub fn begin() -> Result<Watch, Fault> {
        let allowed = Command::new("chrt").args(["--fifo", "1", "true"]).stderr(Stdio::null()).status();
        let cores = match allowed {
            Ok(status) if status.success() => cores()?,
            _ => Vec::new(),
        };
        Ok(Watch { cores: cores.into_iter().map(watch).collect::<Result<_, _>>()?, _awake: stay_awake() })
    }

    pub fn end(self) -> Result<Standstills, Fault> {
        // One point of time on both clocks.
        let (now, clock) = (Instant::now(), since_epoch(SystemTime::now()));
        let mut spans = Vec::new();
        for mut core in self.cores {
            drop(core.stdin.take());
            let output = core.wait_with_output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let mut numbers = text.split_ascii_whitespace().map(str::parse);
            while let (Some(Ok(from)), Some(Ok(to))) = (numbers.next(), numbers.next()) {
                let place = |time: u64| now.checked_sub(clock.saturating_sub(Duration::from_nanos(time)));
                spans.extend(place(from).zip(place(to)));
            }
        }
        Ok(Standstills::of(spans))
    }
}

/// When a core, whichever, stood still.
pub struct Standstills(Vec<(Instant, Instant)>);

impl Standstills {
    fn of(mut spans: Vec<(Instant, Instant)>) -> Standstills {
        spans.sort_unstable();
        let mut apart: Vec<(Instant, Instant)> = Vec::new();
        for (from, to) in spans {
            match apart.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        Standstills(apart)
    }

    /// Whether one was between the two.
    pub fn touch(&self, from: Instant, to: Instant) -> bool {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        self.0.get(first).is_some_and(|(begin, _)| *begin < to)
    }
}

/// What the process on one core does, until its input ends: then it prints in which naps that core stood still, in
/// nanoseconds since 1970.
pub fn watch_this_core() -> Result<(), Fault> {
    static ENDED: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        // However it ends, it is the end.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDED.store(true, Ordering::Relaxed);
    });
    let mut found = String::new();
    while !ENDED.load(Ordering::Relaxed) {
        let begun = SystemTime::now();
        thread::sleep(NAP);
        let now = SystemTime::now();
        if now.duration_since(begun).unwrap_or_default() > NAP + LATE {
            found += &format!("{} {}\n", since_epoch(begun).as_nanos(), since_epoch(now).as_nanos());
        }
    }
    Ok(std::io::stdout().write_all(found.as_bytes())?)
}

fn watch(core: usize) -> Result<Child, Fault> {
    let mut watch = Command::new("taskset");
    watch.args(["--cpu-list", &core.to_string(), "chrt", "--fifo", "1"]);
    watch.arg(std::env::current_exe()?).arg("watch");
    Ok(watch.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}

/// Those that this process may use.
fn cores() -> Result<Vec<usize>, Fault> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or("");
    let ranges = list.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    let ranges: Option<Vec<_>> = ranges.collect();
    Ok(ranges.ok_or_else(|| Fault::new("unreadable /proc/self/status"))?.into_iter().flatten().collect())
}

/// As long as the file is open, cores wait without sleeping (Linux, `Documentation/power/pm_qos_interface.rst`);
/// `None` where that is not to be had.
fn stay_awake() -> Option<File> {
    let mut file = File::options().write(true).open("/dev/cpu_dma_latency").ok()?;
    file.write_all(&0_i32.to_ne_bytes()).ok()?;
    Some(file)
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_touches_what_was_on_its_way() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let standstills = Standstills::of(vec![(at(30), at(40)), (at(10), at(20)), (at(15), at(22))]);
        let touch = |from, to| standstills.touch(at(from), at(to));
        let touched = [(0, 50), (0, 11), (12, 18), (21, 25), (25, 31), (39, 50)];
        let free = [(0, 10), (22, 30), (40, 50)];
        assert!(touched.into_iter().all(|(from, to)| touch(from, to)));
        assert!(!free.into_iter().any(|(from, to)| touch(from, to)));
    }

    #[test]
    fn every_core_is_known() {
        assert!(!cores().expect("cores").is_empty());
    }
}
