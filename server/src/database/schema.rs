//! The schema and its versions. A database of an older version is backed up and brought forward; a newer one is refused.

use super::DatabaseError;
use rusqlite::Connection;
use std::path::Path;

/// "KOMA": marks a SQLite file as ours.
const APPLICATION_ID: u32 = 0x4b4f_4d41;

/// The steps from each version to the next. Never change one that was released: add another.
const STEPS: &[&str] = &["
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password TEXT NOT NULL,
        publisher INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        removed_at INTEGER
    ) STRICT;
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        token BLOB NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES accounts (id),
        device TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sessions_of_account ON sessions (account, created_at);
    CREATE TABLE chats (
        id INTEGER PRIMARY KEY,
        pair TEXT UNIQUE,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE members (
        chat INTEGER NOT NULL REFERENCES chats (id),
        account INTEGER NOT NULL REFERENCES accounts (id),
        PRIMARY KEY (chat, account)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX chats_of_account ON members (account);
    CREATE TABLE messages (
        chat INTEGER NOT NULL REFERENCES chats (id),
        sequence INTEGER NOT NULL,
        author INTEGER NOT NULL REFERENCES accounts (id),
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        notice TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (chat, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_by_key ON messages (chat, author, key);
"];

/// Brings the database to the newest version.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), DatabaseError> {
    migrate_by(connection, path, STEPS)
}

fn migrate_by(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), DatabaseError> {
    let opening = |error| DatabaseError::opening(path, error);
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let pragma =
        |connection: &Connection, name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let found = pragma(connection, "user_version").map_err(opening)?;
    let ours = pragma(connection, "application_id").map_err(opening)? == APPLICATION_ID;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(opening)?;
    if tables > 0 && !ours {
        return Err(DatabaseError::Unreadable {
            path: path.to_owned(),
            reason: "it is a database of another program; move it away or choose another folder with --data".to_owned(),
        });
    }
    if found > known {
        return Err(DatabaseError::Newer { path: path.to_owned(), found, known });
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(opening)?;
    if mode != "wal" {
        tracing::warn!(mode, "this file system does not allow SQLite's write-ahead log; writes will be slower");
    }
    if found == known {
        return Ok(());
    }
    if found > 0 {
        back_up(connection, path, found)?;
    }
    // One transaction: a step that fails leaves the old version untouched. Another process may be migrating as well.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(opening)?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).map_err(opening)?;
    for step in steps.iter().skip(found as usize) {
        transaction.execute_batch(step).map_err(opening)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(opening)?;
    transaction.pragma_update(None, "user_version", known).map_err(opening)?;
    transaction.commit().map_err(opening)?;
    Ok(())
}

/// Copies the database beside itself before its schema is changed.
fn back_up(connection: &Connection, path: &Path, version: u32) -> Result<(), DatabaseError> {
    let copy = path.with_extension(format!("v{version}-{}.backup", crate::clock::unix_ms()));
    let name = copy.to_str().ok_or_else(|| DatabaseError::Unreadable {
        path: copy.clone(),
        reason: "its name is not UTF-8; choose another folder with --data".to_owned(),
    })?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| DatabaseError::opening(&copy, error))?;
    super::folder::keep_private(&copy)?;
    tracing::info!(from = version, backup = %copy.display(), "bringing the database to a newer version");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Connection {
        Connection::open(path).unwrap()
    }

    #[test]
    fn an_older_database_is_backed_up_and_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.sqlite3");
        let first = ["CREATE TABLE a (x); INSERT INTO a VALUES (1);"];
        let both = [first[0], "CREATE TABLE b (y); INSERT INTO b SELECT x + 1 FROM a;"];
        migrate_by(&mut open(&path), &path, &first).unwrap();
        migrate_by(&mut open(&path), &path, &both).unwrap();
        let y: i64 = open(&path).query_row("SELECT y FROM b", [], |r| r.get(0)).unwrap();
        assert_eq!(y, 2);
        let backups: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "backup"))
            .collect();
        assert_eq!(backups.len(), 1);
        let x: i64 = open(&backups[0]).query_row("SELECT x FROM a", [], |r| r.get(0)).unwrap();
        assert_eq!(x, 1);
        // Nothing to do: no further backup.
        migrate_by(&mut open(&path), &path, &both).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path())
                .unwrap()
                .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "backup"))
                .count(),
            1
        );
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.sqlite3");
        migrate_by(&mut open(&path), &path, &["CREATE TABLE a (x);"]).unwrap();
        assert!(migrate_by(&mut open(&path), &path, &["", "CREATE TABLE b (y);", "nonsense"]).is_err());
        let connection = open(&path);
        let version: u32 = connection.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
        assert_eq!(version, 1);
        assert!(connection.prepare("SELECT y FROM b").is_err());
    }

    #[test]
    fn a_newer_database_and_one_of_another_program_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.sqlite3");
        migrate(&mut open(&path), &path).unwrap();
        open(&path).pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut open(&path), &path).unwrap_err();
        assert!(matches!(error, DatabaseError::Newer { found: 99, .. }), "{error}");

        let path = folder.path().join("other.sqlite3");
        open(&path).execute_batch("CREATE TABLE recipes (x)").unwrap();
        assert!(matches!(migrate(&mut open(&path), &path), Err(DatabaseError::Unreadable { .. })));
    }
}
