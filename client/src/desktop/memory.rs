//! How the system's allocator shares memory among threads.

/// To be called before the first thread starts. glibc gives threads heaps of their own (arenas); each call has new
/// threads, whose memory another arena cannot use again, so that a client grew by some megabytes with each call. With one
/// arena it stays as it was after the first calls.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn share_memory() {
    // SAFETY: only sets a number, before any other thread is there.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) } == 0 {
        tracing::warn!("the allocator keeps memory for each thread apart: the program may grow with each call");
    }
}

/// Other allocators give back what threads have freed.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn share_memory() {}
