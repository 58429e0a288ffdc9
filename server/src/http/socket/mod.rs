//! Sockets tuned for fresh media: small writes leave at once, little unsent data waits in the kernel.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

use parking_lot::Mutex;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
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
    /// Only a [`Line`] looks at it beside its owner, and seldom: the lock is always free.
    stream: Arc<Mutex<TcpStream>>,
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
        Ok(Self { stream: Arc::new(Mutex::new(stream)), read_at: Instant::now(), owes: false })
    }

    /// Looks at what has arrived, without taking it.
    pub(super) async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut bytes = ReadBuf::new(bytes);
        poll_fn(|context| self.stream.lock().poll_peek(context, &mut bytes)).await
    }

    /// For those who look at it from elsewhere.
    pub(super) fn line(&self) -> Line {
        Line(Arc::downgrade(&self.stream))
    }

    fn stream<T>(&self, act: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        act(Pin::new(&mut *self.stream.lock()))
    }
}

/// The TCP connection under a request, as long as there is one.
#[derive(Debug, Clone, Default)]
pub struct Line(Weak<Mutex<TcpStream>>);

impl Line {
    /// The far end's port as it is seen from here.
    pub fn far_port(&self) -> Option<u16> {
        self.of(TcpStream::peer_addr).map(|address| address.port())
    }

    /// From now on nobody is woken before so many bytes have come, or the end. False where the system cannot do that or
    /// would not tell when something came: then all is as before.
    pub fn wake_for(&self, bytes: usize) -> bool {
        self.of(|stream| system::heard_ago(stream).and_then(|_| system::wake_for(stream, bytes))).is_some()
    }

    /// How long ago something came, looked at or not.
    pub fn heard_ago(&self) -> Option<Duration> {
        self.of(system::heard_ago)
    }

    fn of<T>(&self, look: impl FnOnce(&TcpStream) -> io::Result<T>) -> Option<T> {
        look(&self.0.upgrade()?.lock()).ok()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = self.stream(|stream| stream.poll_read(context, buffer));
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
        let result = self.stream(|stream| stream.poll_write(context, bytes));
        self.owes &= !matches!(result, Poll::Ready(Ok(_)));
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.stream(|stream| stream.poll_write_vectored(context, slices));
        self.owes &= !matches!(result, Poll::Ready(Ok(_)));
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.lock().is_write_vectored()
    }

    /// HTTP asks for this at the end of each of its turns, whether or not it has written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.owes) {
            system::acknowledge_now(&self.stream.lock());
        }
        self.stream(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(|stream| stream.poll_shutdown(context))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);
    const MOMENT: Duration = Duration::from_millis(150);

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        far.set_nodelay(true).unwrap();
        (Socket::tune(listener.accept().await.unwrap().0).unwrap(), far)
    }

    #[tokio::test]
    async fn few_bytes_wake_nobody_and_it_is_known_when_they_came() {
        let (mut near, mut far) = pair().await;
        let line = near.line();
        assert_eq!(line.far_port(), Some(far.local_addr().unwrap().port()));
        assert!(line.wake_for(100));
        let mut bytes = [0; 1000];
        assert!(timeout(2 * MOMENT, near.read(&mut bytes)).await.is_err(), "nothing is there yet");
        far.write_all(&[1; 60]).await.unwrap();
        assert!(timeout(MOMENT, near.read(&mut bytes)).await.is_err(), "60 bytes are too few");
        assert!(line.heard_ago().is_some_and(|ago| ago >= MOMENT / 2 && ago < 2 * MOMENT), "{:?}", line.heard_ago());
        far.write_all(&[2; 40]).await.unwrap();
        assert_eq!(timeout(SOON, near.read(&mut bytes)).await.unwrap().unwrap(), 100);
        // What waits already is seen as soon as it is enough.
        far.write_all(&[3; 10]).await.unwrap();
        assert!(timeout(MOMENT, near.read(&mut bytes)).await.is_err());
        assert!(line.wake_for(1));
        assert_eq!(timeout(SOON, near.read(&mut bytes)).await.unwrap().unwrap(), 10);
    }

    #[tokio::test]
    async fn the_end_of_a_connection_is_seen_at_once_and_nothing_is_known_of_it_afterwards() {
        let (mut near, mut far) = pair().await;
        let line = near.line();
        assert!(line.wake_for(100));
        far.write_all(&[1; 10]).await.unwrap();
        drop(far);
        let mut bytes = Vec::new();
        timeout(SOON, near.read_to_end(&mut bytes)).await.unwrap().unwrap();
        assert_eq!(bytes, [1; 10]);
        drop(near);
        assert_eq!((line.far_port(), line.heard_ago(), line.wake_for(1)), (None, None, false));
    }
}
