//! CPU time of this process.

use std::time::Duration;

/// CPU time of all threads so far (POSIX, `clock_gettime`).
#[cfg(unix)]
pub fn process_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(unix))]
pub fn process_time() -> Option<Duration> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time() {
        let before = process_time().unwrap();
        let mut sum = 0_u64;
        while process_time().unwrap() < before + Duration::from_millis(5) {
            sum = (0..10_000_u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(std::hint::black_box(sum) > 0);
    }
}
