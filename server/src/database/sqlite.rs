//! The embedded engine: opening its file, its settings, and copies of it.

use super::connection::Engine;
use super::{Connection, DatabaseError, folder};
use rusqlite::OpenFlags;
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 128;

/// Opens the connection that writes, creating the file if need be.
pub(super) fn writer(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // The file is not looked at before it is first used; here what is wrong with it can be told apart.
    let looked_at = connection.pragma_query_value(None, "schema_version", |_| Ok(()));
    looked_at.map_err(|error| DatabaseError::opening(path, &error))?;
    Ok(Connection::new(Engine::Sqlite(connection)))
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, DatabaseError> {
    Ok(Connection::new(Engine::Sqlite(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)))
}

fn connect(path: &Path, mode: OpenFlags) -> Result<rusqlite::Connection, DatabaseError> {
    let opened = |error: rusqlite::Error| DatabaseError::opening(path, &error);
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(opened)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(opened)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(opened)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(opened)?;
    Ok(connection)
}

/// Turns the write-ahead log on.
pub(super) fn log_ahead(connection: &Connection) -> Result<(), DatabaseError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", &[], |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(mode, "this file system does not allow SQLite's write-ahead log; writes will be slower");
    }
    Ok(())
}

/// Copies the database beside itself before its schema is changed.
pub(super) fn back_up(connection: &Connection, path: &Path, version: u32) -> Result<(), DatabaseError> {
    let copy = path.with_extension(format!("v{version}-{}.backup", crate::clock::unix_ms()));
    let unnamed = || DatabaseError::unreadable(&copy, "its name is not UTF-8; choose another folder with --data");
    let name = copy.to_str().ok_or_else(unnamed)?;
    connection.execute("VACUUM INTO ?1", super::params![name])?;
    folder::keep_private(&copy)?;
    tracing::info!(from = version, backup = %copy.display(), "bringing the database to a newer version");
    Ok(())
}
