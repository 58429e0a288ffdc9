//! What can go wrong with the database, each with what to do about it.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why the database did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// Another server works on the same PostgreSQL database.
    #[error(
        "{database} is in use by another server ({owner}): stop that one, or give this one a database of its own with \
         --database"
    )]
    Served {
        /// Which database.
        database: String,
        /// What PostgreSQL knows of the other one.
        owner: String,
    },
    /// Another process holds the database's own lock.
    #[error("{database} is locked by another process (a backup, a shell?): wait until it is done, or stop it")]
    Locked {
        /// Which database.
        database: String,
    },
    /// The schema is newer than this program.
    #[error(
        "{database} has version {found}, this komado-server knows versions up to {known}: start the newer \
         komado-server again, or restore the backup that it made"
    )]
    Newer {
        /// Which database.
        database: String,
        /// Its version.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// Not a database, not Komado's, damaged, or no permission.
    #[error("{database} cannot be used: {reason}")]
    Unreadable {
        /// Which database, or which file or folder of it.
        database: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// PostgreSQL does not answer.
    #[error(
        "{database} does not answer ({reason}): see that PostgreSQL runs there and can be reached; a running server \
         goes on by itself as soon as it does"
    )]
    Unreachable {
        /// Which database.
        database: String,
        /// What was met.
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
    /// A text with U+0000 in it.
    #[error("a text with the character U+0000 cannot be stored: leave it out")]
    Unstorable,
    /// Whatever else the database says.
    #[error("the database refused: {0}")]
    Sql(String),
}

impl DatabaseError {
    /// A file or folder of the embedded database that cannot be used.
    pub(super) fn unreadable(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unreadable { database: path.display().to_string(), reason: reason.into() }
    }

    /// Says what an error met while opening the embedded database means.
    pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> Self {
        let database = format!("the database {}", path.display());
        let reason = |what: &str| format!("{what} ({error})");
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { database },
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => {
                Self::Unreadable { reason: reason("it is not a SQLite database; move the file away"), database }
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Unreadable { reason: reason("it is damaged; restore a backup"), database }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Self::Unreadable {
                reason: reason("give the user that runs komado-server the right to read and write it"),
                database,
            },
            _ => Self::Unreadable { reason: error.to_string(), database },
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Overloaded,
            _ => Self::Sql(error.to_string()),
        }
    }
}
