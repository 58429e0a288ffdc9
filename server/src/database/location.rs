//! Where the database is, and how connections to it are made.

use super::connection::Engine;
use super::postgres::{PostgresUrl, Purpose, connect};
use super::{Connection, DatabaseError, FILE, folder, sqlite};
use std::path::{Path, PathBuf};

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A SQLite file in the data folder.
    Embedded {
        /// The data folder.
        folder: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// Its address.
        url: PostgresUrl,
        /// The data folder, for backups.
        folder: PathBuf,
    },
}

impl Location {
    /// The SQLite file in a data folder.
    pub fn embedded(folder: impl Into<PathBuf>) -> Self {
        Self::Embedded { folder: folder.into() }
    }

    /// How messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Embedded { .. } => format!("the database {}", self.file().display()),
            Self::Postgres { url, .. } => url.name(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Embedded { folder } | Self::Postgres { folder, .. } => folder,
        }
    }

    /// The embedded database's file.
    pub(super) fn file(&self) -> PathBuf {
        self.folder().join(FILE)
    }

    /// Opens the connection that writes. `serves`: takes the lock of the database's one server, where the engine keeps
    /// one. `before` is the connection that this one replaces.
    pub(super) fn writer(&self, serves: bool, before: Option<&Connection>) -> Result<Connection, DatabaseError> {
        match self {
            Self::Embedded { folder } => {
                folder::create(folder)?;
                sqlite::writer(&self.file())
            }
            Self::Postgres { url, .. } => {
                let purpose = if serves { Purpose::Serve } else { Purpose::Administer };
                let session = connect(url, purpose, before.and_then(Connection::backend))?;
                Ok(Connection::new(Engine::Postgres(Box::new(session))))
            }
        }
    }

    /// Takes everyone else's rights to the embedded database away.
    pub(super) fn keep_private(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Embedded { .. } => folder::keep_private(&self.file()),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Opens a connection that only reads.
    pub(super) fn reader(&self) -> Result<Connection, DatabaseError> {
        match self {
            Self::Embedded { .. } => sqlite::reader(&self.file()),
            Self::Postgres { url, .. } => {
                Ok(Connection::new(Engine::Postgres(Box::new(connect(url, Purpose::Read, None)?))))
            }
        }
    }

    /// What an error means that was met while opening or migrating.
    pub(super) fn opening(&self, error: DatabaseError) -> DatabaseError {
        let database = self.name();
        match error {
            DatabaseError::Overloaded => DatabaseError::Locked { database },
            DatabaseError::Sql(reason) => DatabaseError::Unreadable { database, reason },
            other => other,
        }
    }
}
