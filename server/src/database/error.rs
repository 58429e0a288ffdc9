//! What can go wrong with the database, each with what to do about it.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Another server works on the same data folder.
    #[error(
        "the data folder {} is in use by another komado-server (process {owner}): stop that one, or give this one a \
         folder of its own with --data", folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Process id of the other one, or "unknown".
        owner: String,
    },
    /// Another process holds SQLite's own lock.
    #[error(
        "the database {} is locked by another process (a backup, a shell?): wait until it is done, or stop it",
        path.display()
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The schema is newer than this program.
    #[error(
        "the database {} has version {found}, this komado-server knows versions up to {known}: start the newer \
         komado-server again, or restore the backup beside the database", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// Not a database, not Komado's, damaged, or no permission.
    #[error("the database {} cannot be used: {reason}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// No space left for the database.
    #[error("the disk with the database is full: free some space; nothing was lost that had been acknowledged")]
    Full,
    /// More writes or reads wait than are allowed to.
    #[error("the database has too much to do: try again in a moment")]
    Overloaded,
    /// The writer has ended.
    #[error("the database is closed: the server is shutting down")]
    Stopped,
    /// Whatever else SQLite says.
    #[error("the database refused: {0}")]
    Sql(#[source] rusqlite::Error),
}

impl DatabaseError {
    /// Says what an error met while opening means.
    pub(super) fn opening(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = |what: &str| format!("{what} ({error})");
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => {
                Self::Unreadable { reason: reason("it is not a SQLite database; move the file away"), path }
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Unreadable { reason: reason("it is damaged; restore a backup"), path }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Self::Unreadable {
                reason: reason("give the user that runs komado-server the right to read and write it"),
                path,
            },
            _ => Self::Unreadable { reason: error.to_string(), path },
        }
    }

    /// The same error for each write of a group that failed as a whole.
    pub(super) fn for_neighbour(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Stopped => Self::Stopped,
            Self::Sql(rusqlite::Error::SqliteFailure(code, message)) => {
                Self::Sql(rusqlite::Error::SqliteFailure(*code, message.clone()))
            }
            _ => Self::Overloaded,
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Overloaded,
            _ => Self::Sql(error),
        }
    }
}
