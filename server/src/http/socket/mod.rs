//! Sockets tuned for fresh media: small writes leave at once, little unsent data waits in the kernel.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Raises the number of files this process may open as far as it may be raised. Gives the limit that then holds.
pub(super) fn raise_open_files() -> Option<u64> {
    system::raise_open_files()
}

/// So few bytes after so long a pause are no request and no frame but the heartbeat of a link at rest: nothing waits for
/// their acknowledgement.
const TINY: usize = 32;
const PAUSE: Duration = Duration::from_secs(1);

/// A tuned TCP stream. What arrives is acknowledged at once, because a proxy that holds small segments back until then
/// (Nagle) would delay each request by 40 ms and more: with the answer if that follows directly, else by itself.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// When something arrived last.
    read_at: Instant,
    /// Something that more may wait for has arrived since something was last sent.
    owes: bool,
}

impl Socket {
    /// Tunes an accepted stream. What this system cannot do is left out.
    pub(super) fn tune(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        system::keep_fresh(&stream);
        Ok(Self { stream, read_at: Instant::now(), owes: false })
    }

    /// Looks at what has arrived, without taking it.
    pub(super) async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(bytes).await
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            let now = Instant::now();
            let paused = now.duration_since(self.read_at) >= PAUSE;
            self.read_at = now;
            self.owes |= length >= TINY || !paused;
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.owes &= !matches!(result, Poll::Ready(Ok(_)));
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.owes &= !matches!(result, Poll::Ready(Ok(_)));
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// HTTP asks for this at the end of each of its turns, whether or not it has written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.owes) {
            system::acknowledge_now(&self.stream);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
