//! One clock that all processes of this machine share.

/// Microseconds on a clock that never goes back and is the same in every process of this machine.
#[cfg(unix)]
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the one pointer is to a live timespec.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    assert_eq!(status, 0, "CLOCK_MONOTONIC exists wherever this compiles");
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}

/// Microseconds on the wall clock: shared by all processes, true as long as nobody sets it during a bench.
#[cfg(not(unix))]
pub fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_micros() as u64
}
