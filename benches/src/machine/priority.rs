//! Real-time priority for a child, so that other work on the machine does not show in its delays.

use std::io;
use std::process::Command;

/// Makes the child run under SCHED_RR, as `chrt -r 1` would. It fails to start where this is not allowed.
#[cfg(target_os = "linux")]
pub fn realtime(command: &mut Command) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    fn become_realtime() -> io::Result<()> {
        let wish = libc::sched_param { sched_priority: 1 };
        // SAFETY: the pointer is to a live sched_param; 0 is the calling process.
        match unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &wish) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
    // SAFETY: between fork and exec only one system call is made; nothing allocates or locks.
    unsafe {
        command.pre_exec(become_realtime);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub fn realtime(_command: &mut Command) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux gives real-time priority here"))
}
