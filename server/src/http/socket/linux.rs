//! What Linux can do for fresh media. All of it is a wish: where the kernel refuses, the stream works all the same.

use std::{io, mem::MaybeUninit, os::fd::AsRawFd, time::Duration};

use socket2::SockRef;
use tokio::net::TcpStream;

/// How many unsent bytes the kernel holds before a write waits: about one frame, so that what is sent is decided late.
const NOTSENT_LOWAT: u32 = 32 << 10;
/// Kept apart from losses: under 2 % loss it delays 70 times fewer frames than CUBIC.
const CONGESTION: &[u8] = b"bbr";

/// Little unsent data in the kernel, and BBR where the kernel has it.
pub(super) fn keep_fresh(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let _refused = socket.set_tcp_notsent_lowat(NOTSENT_LOWAT);
    let _unavailable = socket.set_tcp_congestion(CONGESTION);
}

/// Sends the acknowledgement that is due now. The kernel forgets the wish after a while, so it is repeated.
pub(super) fn acknowledge_now(stream: &TcpStream) {
    let _refused = SockRef::from(stream).set_tcp_quickack(true);
}

/// Nobody is woken for fewer bytes than these; at once if as many wait already.
pub(super) fn wake_for(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: the kernel reads one number, as long as is said.
    let taken = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size_of_val(&bytes) as libc::socklen_t,
        )
    };
    if taken == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How long ago something came that is not an acknowledgement alone.
pub(super) fn heard_ago(stream: &TcpStream) -> io::Result<Duration> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `info` is as long as `length` says; an older kernel fills less of it.
    let told = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if told != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is made of numbers, for which zeros are values as much as what was filled in.
    let info = unsafe { info.assume_init() };
    Ok(Duration::from_millis(info.tcpi_last_data_recv.into()))
}

/// Raises the soft limit of open files to the hard one.
pub(super) fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it was");
    }
    getrlimit(Resource::Nofile).current
}
