//! Systems without the finer socket options: plain TCP works everywhere, a little less freshly.

use tokio::net::TcpStream;

pub(super) fn keep_fresh(_: &TcpStream) {}

pub(super) fn acknowledge_now(_: &TcpStream) {}

pub(super) fn raise_open_files() -> Option<u64> {
    None
}
