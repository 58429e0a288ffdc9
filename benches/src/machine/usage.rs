//! What a process has used so far.

use std::time::Duration;

/// CPU time of all threads, and memory resident now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub cpu: Duration,
    /// Bytes.
    pub resident: u64,
}

/// What the process `id` has used, where the system tells (Linux's `/proc`).
#[cfg(target_os = "linux")]
pub fn of(id: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // proc(5): the name in parentheses may hold anything; field 14 and 15 are user and system time in ticks, 24 pages.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    // SAFETY: system calls without pointers.
    let (ticks, page) = unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
    let cpu = Duration::from_secs_f64((number(14)? + number(15)?) as f64 / ticks as f64);
    Some(Usage { cpu, resident: number(24)? * u64::try_from(page).ok()? })
}

#[cfg(not(target_os = "linux"))]
pub fn of(_id: u32) -> Option<Usage> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_show() {
        let before = of(std::process::id()).unwrap();
        let memory = vec![1u8; 64 << 20];
        let begin = std::time::Instant::now();
        let mut sum = 0u64;
        while begin.elapsed() < Duration::from_millis(200) {
            sum = memory.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        }
        let after = of(std::process::id()).unwrap();
        assert!(after.cpu > before.cpu, "{sum}");
        assert!(after.resident > before.resident + (32 << 20));
        assert_eq!(of(u32::MAX), None);
    }
}
