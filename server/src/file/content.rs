//! A file's content on its way out: all of it, or a range, read as it is taken.

use super::FileRefusal;
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, ReadBuf};

/// Bytes read at a time.
const AT_A_TIME: usize = 64 << 10;

/// A file that is whole, open.
#[derive(Debug)]
pub struct Content {
    pub(super) file: File,
    /// Its length in bytes.
    pub size: u64,
    /// Its content's hash: what never changes under this name.
    pub hash: String,
    /// Its media type.
    pub media: String,
    /// Its name.
    pub name: String,
    /// Whether this is its thumbnail.
    pub small: bool,
}

impl Content {
    /// The bytes from `from` on, at most `length`, for a body.
    ///
    /// # Errors
    /// [`FileRefusal::Range`] if there are none, [`FileRefusal::Disk`].
    pub async fn body(mut self, from: u64, length: u64) -> Result<ContentBody, FileRefusal> {
        let left = self.check(from, length)?;
        self.file.seek(io::SeekFrom::Start(from)).await?;
        Ok(ContentBody { file: self.file, left })
    }

    /// The same at once, for a link.
    ///
    /// # Errors
    /// As [`Content::body`].
    pub async fn piece(mut self, from: u64, length: usize) -> Result<Bytes, FileRefusal> {
        let left = self.check(from, length as u64)?;
        self.file.seek(io::SeekFrom::Start(from)).await?;
        let mut piece = Vec::new();
        self.file.take(left).read_to_end(&mut piece).await?;
        Ok(Bytes::from(piece))
    }

    fn check(&self, from: u64, length: u64) -> Result<u64, FileRefusal> {
        if from >= self.size { Err(FileRefusal::Range(self.size)) } else { Ok(length.min(self.size - from)) }
    }
}

/// A body that reads a file as its far end takes it.
#[derive(Debug)]
pub struct ContentBody {
    file: File,
    left: u64,
}

impl http_body::Body for ContentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(AT_A_TIME);
        let mut buffer = BytesMut::zeroed(wanted);
        let mut reading = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.file).poll_read(context, &mut reading))?;
        let read = reading.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left -= read as u64;
        buffer.truncate(read);
        Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}
