//! What the disk itself does: no durable answer comes sooner.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::Fault;

/// Milliseconds of each of `count` appends of 4 KiB with an fdatasync.
pub fn syncs(folder: &Path, count: usize) -> Result<Vec<f64>, Fault> {
    let path = folder.join("syncs");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&[0x55; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(&path)?;
    Ok(times)
}
