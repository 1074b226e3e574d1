//! Preloaded into a server (`LD_PRELOAD`), this shows it another time of day: so many milliseconds later as stand in the
//! file that `WAXWING_TEST_CLOCK` names, which may change while it runs. A day passes for it when a scene says so; how
//! long something takes (the monotonic clock) stays as it is.

use std::{fs::File, os::unix::fs::FileExt, sync::OnceLock};

const NANOS: i64 = 1_000_000_000;

/// clock_gettime(2), where the Rust standard library asks.
///
/// # Safety
/// As of the C function: `time` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the kernel takes what it is given here, and answers EFAULT where it cannot write.
    let outcome = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if outcome == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written to it.
        let time = unsafe { &mut *time };
        let later = later();
        let nanos = time.tv_nsec + later % 1000 * (NANOS / 1000);
        time.tv_sec += later / 1000 + nanos / NANOS;
        time.tv_nsec = nanos % NANOS;
    }
    outcome as libc::c_int
}

/// Milliseconds, as eight bytes, the least first.
fn later() -> i64 {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let file = FILE.get_or_init(|| File::open(std::env::var_os("WAXWING_TEST_CLOCK")?).ok());
    let mut bytes = [0; 8];
    let read = file.as_ref().is_some_and(|file| file.read_exact_at(&mut bytes, 0).is_ok());
    if read { i64::from_le_bytes(bytes) } else { 0 }
}
