//! What the kernel knows of a process.

use std::fs;
use std::time::Duration;

use crate::Fault;

/// The processor time that all threads of a process have used.
pub fn cpu(process: u32) -> Result<Duration, Fault> {
    Ok(Stat::of(process)?.own)
}

/// The processor time of a process and of all children that it has, or had.
pub fn family_cpu(parent: u32) -> Result<Duration, Fault> {
    let stat = Stat::of(parent)?;
    // A child that ends between the two looks is counted neither here nor there: one of a database's connections
    // among many.
    let children = fs::read_dir("/proc")?.flatten().filter_map(|entry| {
        let stat = Stat::of(entry.file_name().to_str()?.parse().ok()?).ok()?;
        (stat.parent == parent).then_some(stat.own)
    });
    Ok(stat.own + stat.gone + children.sum::<Duration>())
}

/// The resident memory of a process in KiB.
pub fn resident(process: u32) -> Result<f64, Fault> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    number.ok_or_else(|| Fault::new("unreadable /proc/PID/status"))
}

/// What the kernel holds for sockets and everything else of the whole machine, in KiB: the buffers of TCP, and
/// the slabs, where sockets, files and their kind lie.
pub fn kernel_memory() -> Result<f64, Fault> {
    let number = |path: &str, line: &str, before: &str| {
        let text = fs::read_to_string(path).ok()?;
        let rest = text.lines().find_map(|it| it.strip_prefix(line))?.rsplit_once(before)?.1;
        rest.split_ascii_whitespace().next()?.parse::<f64>().ok()
    };
    let pages = number("/proc/net/sockstat", "TCP:", "mem ");
    let slabs = number("/proc/meminfo", "Slab", ":");
    match (pages, slabs) {
        (Some(pages), Some(slabs)) => Ok(pages * 4.0 + slabs),
        _ => Err(Fault::new("unreadable /proc/net/sockstat or /proc/meminfo")),
    }
}

struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that have ended.
    gone: Duration,
}

impl Stat {
    fn of(process: u32) -> Result<Stat, Fault> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The second field, in brackets, may hold spaces.
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let field = |number: usize| {
            let text = after.split_ascii_whitespace().nth(number - 3);
            text.and_then(|text| text.parse::<u32>().ok())
                .ok_or_else(|| Fault::new("unreadable /proc/PID/stat"))
        };
        // Ticks are 10 ms on every Linux that Rust runs on.
        let time = |user, system| Ok::<_, Fault>(Duration::from_millis(10) * (field(user)? + field(system)?));
        Ok(Stat { parent: field(4)?, own: time(14, 15)?, gone: time(16, 17)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read() {
        let process = std::process::id();
        assert!(resident(process).expect("memory") > 100.0);
        assert!(kernel_memory().expect("memory") > 100.0);
        assert!(family_cpu(process).expect("time") >= cpu(process).expect("time"));
    }
}
