//! Time, CPU and memory of this process, as the kernel counts them.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

/// A span of work: how long it took, and the CPU that the whole process used meanwhile, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub wall: f64,
    pub cpu: f64,
}

/// Measures a span of work.
pub fn spent<T>(work: impl FnOnce() -> Result<T>) -> Result<(Spent, T)> {
    let (cpu, start) = (process_cpu()?, Instant::now());
    let answer = work()?;
    Ok((Spent { wall: start.elapsed().as_secs_f64(), cpu: process_cpu()? - cpu }, answer))
}

/// Seconds of CPU, user and system, of all threads of this process (proc(5) `stat`, in hundredths).
fn process_cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("an odd stat")?.1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// Seconds of CPU of this thread.
pub fn thread_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Forgets the most memory held so far.
pub fn forget_peak() {
    // Where the kernel does not allow it the peak is that of the whole run, which is larger: nothing is hidden.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory held (resident, mapped files included), in MB of a million bytes.
pub fn peak_mb() -> f64 {
    status_mb("self", "VmHWM:")
}

/// A line of a process's status, in MB.
pub fn status_mb(process: &str, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<f64>().ok()).unwrap_or(0.0) * 1.024e-3
}

/// Bytes of a file, or of everything in a folder.
pub fn bytes(path: &Path) -> u64 {
    let Ok(meta) = fs::metadata(path) else { return 0 };
    if meta.is_file() {
        return meta.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes(&entry.path())).sum()
}
