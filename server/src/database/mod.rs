//! The embedded database: one SQLite file in the data folder, one writer that commits in groups, a few readers.
//!
//! A write is answered after its transaction has reached the disk (WAL, `synchronous=FULL`). Writes that wait at the
//! same time share one transaction and so one fsync. Queues are bounded: what does not fit is refused at once.

mod error;
mod folder;
mod readers;
mod schema;
mod writer;

pub use error::DatabaseError;
pub use folder::FolderLock;

use readers::Readers;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::Writer;

/// Name of the database file inside the data folder.
pub const FILE: &str = "komado.sqlite3";
/// How long a connection waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle on the open database. Dropping it finishes the queued writes and closes the file.
#[derive(Debug)]
pub struct Database {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens the database in `folder`, creating or migrating it first.
    ///
    /// # Errors
    /// [`DatabaseError`]: held by another process, of a newer version, not a database of Komado's, not readable.
    pub fn open(folder: &Path) -> Result<Self, DatabaseError> {
        folder::create(folder)?;
        let path = folder.join(FILE);
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::migrate(&mut connection, &path)?;
        folder::keep_private(&path)?;
        Ok(Self { writer: Writer::start(connection), readers: Readers::new(path) })
    }

    /// Runs `job` inside a transaction and answers after the commit. `job` is rolled back alone if it fails.
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing of `job` is kept then.
    pub async fn write<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.write_then(job, |_| ()).await
    }

    /// As [`Database::write`], and calls `after` once the commit is on the disk, in the order of the writes, before
    /// anyone is answered. `after` runs on the writer's thread: it must not block.
    ///
    /// # Errors
    /// [`DatabaseError`]; `after` is not called then.
    pub async fn write_then<T, J, A>(&self, job: J, after: A) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        self.writer.submit(job, after)?.await.map_err(|_| DatabaseError::Stopped)?
    }

    /// Runs `job` on a connection that only reads and sees everything committed before.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn read<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
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

/// Opens one connection with the settings that all of them share.
fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, DatabaseError> {
    let opened = |error| DatabaseError::opening(path, error);
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(opened)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(opened)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(opened)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(opened)?;
    Ok(connection)
}

/// The path of the database in `folder`.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn open() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        (folder, database)
    }

    async fn account(database: &Database, name: &str) -> Result<i64, DatabaseError> {
        let name = name.to_owned();
        database
            .write(move |c| {
                c.execute("INSERT INTO accounts (name, password, created_at) VALUES (?1, '', 0)", params![name])?;
                Ok(c.last_insert_rowid())
            })
            .await
    }

    async fn count(database: &Database) -> i64 {
        database.read(|c| c.query_row("SELECT count(*) FROM accounts", [], |r| r.get(0))).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_survives() {
        let (folder, database) = open();
        account(&database, "alice").await.unwrap();
        assert_eq!(count(&database).await, 1);
        drop(database);
        assert_eq!(count(&Database::open(folder.path()).unwrap()).await, 1);
    }

    #[tokio::test]
    async fn a_failing_write_leaves_its_neighbours_alone() {
        let (_folder, database) = open();
        let database = Arc::new(database);
        let mut writes = tokio::task::JoinSet::new();
        for n in 0..100 {
            let database = database.clone();
            // Every second name is the same: all but one of those fail.
            let name = if n % 2 == 0 { "same".to_owned() } else { format!("name{n}") };
            writes.spawn(async move { account(&database, &name).await.is_ok() });
        }
        let fine = writes.join_all().await.into_iter().filter(|fine| *fine).count();
        assert_eq!(fine, 51);
        assert_eq!(count(&database).await, 51);
    }

    #[tokio::test]
    async fn after_runs_in_the_order_of_the_writes() {
        let (_folder, database) = open();
        let (database, seen) = (Arc::new(database), Arc::new(parking_lot::Mutex::new(Vec::new())));
        let next = Arc::new(AtomicU64::new(0));
        let mut writes = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (database, seen, next) = (database.clone(), seen.clone(), next.clone());
            writes.spawn(async move {
                let job = move |_: &Connection| Ok(next.fetch_add(1, Ordering::Relaxed));
                database.write_then(job, move |n| seen.lock().push(*n)).await.unwrap()
            });
        }
        writes.join_all().await;
        assert_eq!(*seen.lock(), (0..200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_survived() {
        let (_folder, database) = open();
        database
            .write(|c| {
                let pages: i64 = c.pragma_query_value(None, "page_count", |r| r.get(0))?;
                c.query_row(&format!("PRAGMA max_page_count = {}", pages + 1), [], |_| Ok(()))
            })
            .await
            .unwrap();
        let long = "x".repeat(20_000);
        assert!(matches!(account(&database, &long).await, Err(DatabaseError::Full)));
        assert_eq!(count(&database).await, 0);
        // There is room again.
        database.write(|c| c.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))).await.unwrap();
        account(&database, &long).await.unwrap();
        assert_eq!(count(&database).await, 1);
    }

    #[tokio::test]
    async fn an_overfull_queue_refuses_at_once() {
        let (_folder, database) = open();
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let blocker = database.writer.submit(move |_| Ok(held.recv().is_ok()), |_| ()).unwrap();
        let mut refused = 0;
        let mut accepted = Vec::new();
        for _ in 0..writer::QUEUE * 2 {
            match database.writer.submit(|_| Ok(()), |()| ()) {
                Ok(answer) => accepted.push(answer),
                Err(DatabaseError::Overloaded) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0 && accepted.len() >= writer::QUEUE - 1);
        hold.send(()).unwrap();
        assert!(blocker.await.unwrap().unwrap());
        for answer in accepted {
            answer.await.unwrap().unwrap();
        }
        assert!(database.flush().await.is_ok());
    }

    #[tokio::test]
    async fn a_database_held_by_another_process_says_so() {
        let folder = tempfile::tempdir().unwrap();
        drop(Database::open(folder.path()).unwrap());
        let other = Connection::open(path(folder.path())).unwrap();
        other.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
        let folder_path = folder.path().to_owned();
        let error = tokio::task::spawn_blocking(move || Database::open(&folder_path)).await.unwrap().unwrap_err();
        assert!(matches!(error, DatabaseError::Locked { .. }), "{error:?}");
    }

    #[test]
    fn a_file_that_is_no_database_says_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path()), "this is a shopping list, not a database".repeat(100)).unwrap();
        let error = Database::open(folder.path()).unwrap_err();
        assert!(matches!(error, DatabaseError::Unreadable { .. }), "{error:?}");
    }
}
