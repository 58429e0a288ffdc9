//! One connection to the database, the same whichever engine is behind it.
//!
//! SQL is written once, in what SQLite and PostgreSQL have in common:
//! - Parameters are `?1`, `?2`, …, given by [`params!`](super::params); several uses of one number are one parameter.
//! - Integers, reals, texts and blobs only; truth is 0 or 1, times are Unix milliseconds.
//! - `INSERT … ON CONFLICT DO NOTHING` (or `DO UPDATE`), `RETURNING id` for the number of a new row,
//!   `coalesce`, `CASE` instead of `max(a, b)`, `CAST(sum(x) AS BIGINT)`, `lower(name)` for ASCII.
//! - An error ends the job: on PostgreSQL nothing more works in a transaction after one.
//!
//! What cannot be said in common asks [`Connection::dialect`].

use super::postgres::Session;
use super::{DatabaseError, Row, Value};
use std::cell::RefCell;

/// Which SQL the engine speaks, for the few things that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, with FTS5.
    Sqlite,
    /// PostgreSQL, 12 and newer.
    Postgres,
}

/// A connection that a job works with.
#[derive(Debug)]
pub struct Connection {
    engine: Engine,
    /// What a statement met last: who shares a transaction with it hears of that.
    last_error: RefCell<Option<DatabaseError>>,
}

#[derive(Debug)]
pub(super) enum Engine {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(super) enum Uncommitted {
    /// It was not; nothing of it is kept.
    Refused(DatabaseError),
    /// The connection was lost before the answer: it may have been. [`Connection::became_of`] of a later connection
    /// knows.
    Unknown(DatabaseError, TransactionId),
}

/// PostgreSQL's number of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TransactionId(pub(super) i64);

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    Aborted,
    /// PostgreSQL has not noticed yet that its client is gone.
    InProgress,
}

impl Connection {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, last_error: RefCell::default() }
    }

    /// Which SQL the engine speaks.
    pub fn dialect(&self) -> Dialect {
        match self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64, DatabaseError> {
        storable(params)?;
        self.noted(match &self.engine {
            Engine::Sqlite(connection) => execute_sqlite(connection, sql, params).map_err(DatabaseError::from),
            Engine::Postgres(session) => session.execute(sql, params),
        })
    }

    /// Every row of a result, in its order. Bound it with `LIMIT`: all of it is fetched.
    ///
    /// # Errors
    /// [`DatabaseError`], and whatever `map` says.
    pub fn query<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        storable(params)?;
        match &self.engine {
            Engine::Sqlite(connection) => {
                let mut mapped = Vec::new();
                let every = |row: &Row<'_>| {
                    mapped.push(map(row)?);
                    Ok(true)
                };
                self.noted(query_sqlite(connection, sql, params, every))?;
                Ok(mapped)
            }
            Engine::Postgres(session) => {
                let rows = self.noted(session.query(sql, params))?;
                rows.iter().map(|row| map(&Row::of_postgres(row))).collect()
            }
        }
    }

    /// The first row of a result, if there is one.
    ///
    /// # Errors
    /// [`DatabaseError`], and whatever `map` says.
    pub fn query_optional<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnOnce(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        storable(params)?;
        match &self.engine {
            Engine::Sqlite(connection) => {
                let (mut map, mut mapped) = (Some(map), None);
                let first = |row: &Row<'_>| {
                    mapped = map.take().map(|map| map(row)).transpose()?;
                    Ok(false)
                };
                self.noted(query_sqlite(connection, sql, params, first))?;
                Ok(mapped)
            }
            Engine::Postgres(session) => {
                let rows = self.noted(session.query(sql, params))?;
                rows.first().map(|row| map(&Row::of_postgres(row))).transpose()
            }
        }
    }

    /// The first row of a result that always has one.
    ///
    /// # Errors
    /// [`DatabaseError`], [`DatabaseError::Sql`] if there is none, and whatever `map` says.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnOnce(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let found = self.query_optional(sql, params, map)?;
        found.ok_or_else(|| DatabaseError::Sql("a row is missing".to_owned()))
    }

    /// Whether a result has any row.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn exists(&self, sql: &str, params: &[Value<'_>]) -> Result<bool, DatabaseError> {
        Ok(self.query_optional(sql, params, |_| Ok(()))?.is_some())
    }

    /// Runs statements without parameters, parted by `;`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        self.noted(match &self.engine {
            Engine::Sqlite(connection) => connection.execute_batch(sql).map_err(DatabaseError::from),
            Engine::Postgres(session) => session.execute_batch(sql),
        })
    }

    /// Begins a transaction, alone among all that write: two never run at a time, whatever process they are in.
    pub(super) fn begin(&self) -> Result<(), DatabaseError> {
        self.last_error.take();
        match &self.engine {
            Engine::Sqlite(connection) => Ok(connection.execute_batch("BEGIN IMMEDIATE")?),
            Engine::Postgres(session) => session.begin(),
        }
    }

    pub(super) fn commit(&self) -> Result<(), Uncommitted> {
        match &self.engine {
            Engine::Sqlite(connection) => {
                connection.execute_batch("COMMIT").map_err(|error| Uncommitted::Refused(error.into()))
            }
            Engine::Postgres(session) => session.commit(),
        }
    }

    pub(super) fn roll_back(&self) -> Result<(), DatabaseError> {
        match &self.engine {
            Engine::Sqlite(connection) => Ok(connection.execute_batch("ROLLBACK")?),
            Engine::Postgres(session) => session.roll_back(),
        }
    }

    /// Whether a transaction goes on. SQLite gives up the whole of one on a full disk and the like, a lost connection
    /// ends it as well.
    pub(super) fn is_in_transaction(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(connection) => !connection.is_autocommit(),
            Engine::Postgres(session) => session.is_in_transaction(),
        }
    }

    /// Whether the connection is known to be lost for good.
    pub(super) fn is_lost(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            Engine::Postgres(session) => session.is_lost(),
        }
    }

    /// What went wrong since the transaction began, if anything did.
    pub(super) fn last_error(&self) -> Option<DatabaseError> {
        self.last_error.borrow().clone()
    }

    /// PostgreSQL's process that serves this connection.
    pub(super) fn backend(&self) -> Option<i32> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(session) => Some(session.backend()),
        }
    }

    fn noted<T>(&self, answer: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if let Err(error) = &answer {
            self.last_error.replace(Some(error.clone()));
        }
        answer
    }

    /// What became of a transaction whose connection was lost.
    pub(super) fn became_of(&self, transaction: TransactionId) -> Result<Fate, DatabaseError> {
        match &self.engine {
            // An embedded database is never lost.
            Engine::Sqlite(_) => Ok(Fate::Aborted),
            Engine::Postgres(session) => session.became_of(transaction),
        }
    }

    /// Leaves the database tidy at the end.
    pub(super) fn tidy(&self) {
        if let Engine::Sqlite(_) = self.engine
            && let Err(error) = self.query_row("PRAGMA wal_checkpoint(TRUNCATE)", &[], |_| Ok(()))
        {
            tracing::warn!(%error, "cannot tidy the database's log up; the next start does");
        }
    }
}

impl Uncommitted {
    /// The error alone.
    pub(super) fn into_error(self) -> DatabaseError {
        match self {
            Self::Refused(error) | Self::Unknown(error, _) => error,
        }
    }
}

fn execute_sqlite(connection: &rusqlite::Connection, sql: &str, params: &[Value<'_>]) -> rusqlite::Result<u64> {
    let changed = connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Hands rows over for as long as `each` wants more.
fn query_sqlite(
    connection: &rusqlite::Connection,
    sql: &str,
    params: &[Value<'_>],
    mut each: impl FnMut(&Row<'_>) -> Result<bool, DatabaseError>,
) -> Result<(), DatabaseError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        if !each(&Row::of_sqlite(row))? {
            break;
        }
    }
    Ok(())
}

fn storable(params: &[Value<'_>]) -> Result<(), DatabaseError> {
    if params.iter().all(Value::is_storable) { Ok(()) } else { Err(DatabaseError::Unstorable) }
}
