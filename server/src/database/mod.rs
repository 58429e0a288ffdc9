//! The database: SQLite embedded in the data folder, or PostgreSQL; one writer that commits in groups, a few readers.
//!
//! A write is answered after its transaction has reached the disk (SQLite: WAL, `synchronous=FULL`; PostgreSQL:
//! `synchronous_commit=on`). Writes that wait at the same time share one transaction and so one fsync. Queues are
//! bounded: what does not fit is refused at once. How statements are written for both engines stands at
//! [`Connection`](connection).
//!
//! # One SQL, two engines
//!
//! The rooms hand closures to `database/`; a closure gets a `Connection` and runs on the writer's one thread or on a
//! reader's. SQL is written once, in what SQLite and PostgreSQL have in common (the rules stand in
//! `database/connection.rs`); the schema's steps are written in SQLite's words and translated by a table in
//! `schema.rs`. What differs stays inside `database/`: opening and settings, the lock of the one server (a file's or
//! an advisory one), backups, and errors, which become the same `DatabaseError`s. All writers of a database are
//! serialised on both engines, so a closure may look and then write. On PostgreSQL a commit can go unanswered; the
//! writer then asks for the fate of that transaction by its number before it writes anything else.

mod beside;
#[cfg(test)]
pub(crate) mod both;
pub mod connection;
mod error;
mod folder;
mod group;
mod location;
mod postgres;
mod readers;
mod row;
mod schema;
mod sqlite;
mod value;
mod writer;

pub use beside::beside;
pub use connection::{Connection, Dialect};
pub use error::DatabaseError;
pub use folder::FolderLock;
pub use location::Location;
pub use postgres::{PostgresUrl, UnreadUrl, UrlError};
pub use row::{Column, FromColumn, Row};
pub use value::{ToValue, Value, params};

use readers::Readers;
use std::sync::Arc;
use writer::Writer;

/// Name of the embedded database's file inside the data folder.
pub const FILE: &str = "komado.sqlite3";

/// A handle on the open database. Dropping it finishes the queued writes and closes the connections.
#[derive(Debug)]
pub struct Database {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens the database, creating or migrating it first, for an administrator's program: beside a server, if need be.
    ///
    /// # Errors
    /// [`DatabaseError`]: held by another process, of a newer version, not a database of Komado's, not to be reached.
    pub fn open(location: &Location) -> Result<Self, DatabaseError> {
        Self::start(location, false)
    }

    /// As [`Database::open`], for the one server of a database. That nobody else serves an embedded one is for the
    /// [`FolderLock`] to say; PostgreSQL keeps a lock of its own.
    ///
    /// # Errors
    /// As [`Database::open`], and [`DatabaseError::Served`].
    pub fn serve(location: &Location) -> Result<Self, DatabaseError> {
        Self::start(location, true)
    }

    fn start(location: &Location, serves: bool) -> Result<Self, DatabaseError> {
        let open = || {
            let connection = location.writer(serves, None)?;
            schema::migrate(&connection, location)?;
            location.keep_private()?;
            Ok::<_, DatabaseError>(connection)
        };
        // PostgreSQL's driver has a runtime of its own, which must not be inside the caller's.
        let opened = std::thread::scope(|scope| scope.spawn(open).join());
        let connection = opened.map_err(|_| DatabaseError::Stopped)??;
        let location = Arc::new(location.clone());
        Ok(Self { writer: Writer::start(connection, location.clone(), serves), readers: Readers::new(location) })
    }

    /// Runs `job` inside a transaction and answers after the commit. `job` is rolled back alone if it fails.
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing of `job` is kept then.
    pub async fn write<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.write_then(job, |_| ()).await
    }

    /// As [`Database::write`], for a job that may refuse for reasons of its own: it is rolled back then as well.
    ///
    /// # Errors
    /// What `job` says, or a [`DatabaseError`] turned into that; nothing of `job` is kept then.
    pub async fn attempt<T, E, J>(&self, job: J) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        J: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.write_then(job, |_| ()).await
    }

    /// As [`Database::attempt`], and calls `after` once the commit is on the disk, in the order of the writes, before
    /// anyone is answered. `after` runs on the writer's thread: it must not block.
    ///
    /// # Errors
    /// As [`Database::attempt`]; `after` is not called then, except for a group whose commit PostgreSQL left unanswered
    /// ([`DatabaseError::Unreachable`]): should it turn out later to be on the disk, `after` is called then.
    pub async fn write_then<T, E, J, A>(&self, job: J, after: A) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        J: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let beside = beside::take();
        let job = move |c: &Connection| {
            let done = job(c)?;
            beside.map_or(Ok(()), |beside| beside(c))?;
            Ok(done)
        };
        self.writer.submit(job, after)?.await.map_err(|_| DatabaseError::Stopped)?
    }

    /// Runs `job` on a connection that only reads and sees everything committed before.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn read<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.readers.read(job).await
    }

    /// Waits until every write that was accepted before is on the disk. For shutdown.
    ///
    /// # Errors
    /// [`DatabaseError`] if the writer has stopped or its queue is full.
    pub async fn flush(&self) -> Result<(), DatabaseError> {
        self.write(|_| Ok(())).await
    }
}

#[cfg(test)]
mod tests;
