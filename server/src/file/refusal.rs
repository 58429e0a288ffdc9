//! Why a file was not taken or given.

use crate::database::DatabaseError;
use std::io;

/// Why a file was not taken or given.
#[derive(Debug, thiserror::Error)]
pub enum FileRefusal {
    /// No such file, or none that the caller may have.
    #[error("there is no such file that you may have")]
    Unknown,
    /// The file has no thumbnail.
    #[error("this file is no picture that the server could read, so there is no thumbnail of it")]
    NoThumbnail,
    /// Longer than allowed.
    #[error("a file has at most {0} bytes on this server")]
    TooLarge(u64),
    /// Not of an allowed type.
    #[error("files of the type {0} are not taken on this server, only {1}")]
    Media(String, String),
    /// The account has too many.
    #[error("your files have more than {0} bytes together: delete lines with files that are needed no more")]
    Quota(u64),
    /// A key that was used for another file.
    #[error("this key names another file of yours: use a new one")]
    OtherFile,
    /// A piece that does not begin where the file ends.
    #[error("{received} bytes of the file are here: the next piece begins there")]
    Offset {
        /// Bytes that are here.
        received: u64,
    },
    /// A piece that goes on beyond the end.
    #[error("this piece goes on beyond the file's end at {0} bytes")]
    Beyond(u64),
    /// A voice message that is none.
    #[error("a voice message is an Ogg or Matroska file with sound")]
    NoSound,
    /// A range that is not there.
    #[error("there is nothing at this place of the file, which has {0} bytes")]
    Range(u64),
    /// No space left.
    #[error("the server's disk is full: its administrator must free some space")]
    Full,
    /// The disk does not do what it should.
    #[error("the server cannot keep or read its files: {0}")]
    Disk(io::Error),
    /// A job broke off.
    #[error("the server broke off: its log says more")]
    Unable,
    /// The system has no random numbers.
    #[error("the system gave no random numbers")]
    NoRandom,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl FileRefusal {
    /// What an error of the disk means.
    pub(super) fn disk(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk(error),
        }
    }
}

impl From<io::Error> for FileRefusal {
    fn from(error: io::Error) -> Self {
        Self::disk(error)
    }
}
