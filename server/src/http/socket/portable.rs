//! Systems without the finer socket options: plain TCP works everywhere, a little less freshly.

use std::{io, time::Duration};

use tokio::net::TcpStream;

pub(super) fn keep_fresh(_: &TcpStream) {}

pub(super) fn acknowledge_now(_: &TcpStream) {}

pub(super) fn wake_for(_: &TcpStream, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn heard_ago(_: &TcpStream) -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn raise_open_files() -> Option<u64> {
    None
}
