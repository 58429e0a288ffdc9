//! What Linux can do for fresh media. All of it is a wish: where the kernel refuses, the stream works all the same.

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
