//! What the kernel knows of a process.

use std::time::Duration;
use std::{fs, io};

use crate::Fault;

/// The processor time that all threads of a process have used, those that have ended too. Its clock counts in
/// nanoseconds; `/proc/PID/stat` in hundredths of a second, which is 20 logins.
pub fn cpu(process: u32) -> Result<Duration, Fault> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: clock_getcpuclockid writes one id to the address given.
    #[allow(unsafe_code)]
    let error = unsafe { libc::clock_getcpuclockid(process.cast_signed(), &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error).into());
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime writes one `timespec` to the address given.
    #[allow(unsafe_code)]
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if result < 0 {
        return Err(io::Error::last_os_error().into());
    }
    Ok(Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32))
}

/// The processor time of a process and of all children that it has, or had.
pub fn family_cpu(parent: u32) -> Result<Duration, Fault> {
    let stat = Stat::of(parent)?;
    // A child that ends between the two looks is counted neither here nor there: one of a database's connections
    // among many.
    let children = fs::read_dir("/proc")?.flatten().filter_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        if Stat::of(process).ok()?.parent == parent { cpu(process).ok() } else { None }
    });
    Ok(cpu(parent)? + stat.gone + children.sum::<Duration>())
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
        Ok(Stat { parent: field(4)?, gone: time(16, 17)? })
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
        let own = cpu(process).expect("time");
        assert!(own > Duration::ZERO && family_cpu(process).expect("time") >= own);
        // No process has so great a number.
        assert!(cpu(1 << 22).is_err());
    }
}
