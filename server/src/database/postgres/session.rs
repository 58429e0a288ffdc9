//! One session with PostgreSQL: statements kept prepared, transactions whose fate can be asked for later.

use super::super::connection::{Fate, TransactionId, Uncommitted};
use super::super::{DatabaseError, Value};
use super::{LOCK_WRITER, LOCKS, failure};
use postgres::error::SqlState;
use postgres::types::{ToSql, Type};
use postgres::{Client, Row, SimpleQueryMessage, Statement};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Statements kept prepared; all are let go of when there are more.
const STATEMENTS: usize = 256;

pub(in crate::database) struct Session {
    client: RefCell<Client>,
    /// By their SQL and the letters of their parameters.
    statements: RefCell<HashMap<String, Statement>>,
    /// The database, for messages.
    name: String,
    backend: i32,
    transaction: Cell<Option<TransactionId>>,
    lost: Cell<bool>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("name", &self.name).field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(client: Client, name: String, backend: i32) -> Self {
        Self {
            client: RefCell::new(client),
            statements: RefCell::default(),
            name,
            backend,
            transaction: Cell::new(None),
            lost: Cell::new(false),
        }
    }

    /// PostgreSQL's process that serves this session.
    pub(in crate::database) fn backend(&self) -> i32 {
        self.backend
    }

    pub(in crate::database) fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64, DatabaseError> {
        let statement = self.prepared(sql, params)?;
        let params = borrowed(params);
        self.heed(self.client.borrow_mut().execute(&statement, &params))
    }

    pub(in crate::database) fn query(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError> {
        let statement = self.prepared(sql, params)?;
        let params = borrowed(params);
        self.heed(self.client.borrow_mut().query(&statement, &params))
    }

    pub(in crate::database) fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        self.heed(self.client.borrow_mut().batch_execute(sql))
    }

    /// Begins a transaction as the only writer.
    pub(in crate::database) fn begin(&self) -> Result<(), DatabaseError> {
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCKS}, {LOCK_WRITER}); SELECT txid_current()");
        let answers = self.heed(self.client.borrow_mut().simple_query(&begin));
        let id = answers.and_then(|answers| {
            let rows = answers.iter().filter_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => row.get(0).and_then(|text| text.parse().ok()),
                _ => None,
            });
            rows.last().ok_or_else(|| DatabaseError::Sql("PostgreSQL gave a transaction no number".to_owned()))
        });
        match id {
            Ok(id) => {
                self.transaction.set(Some(TransactionId(id)));
                Ok(())
            }
            Err(error) => {
                if !self.lost.get() {
                    self.execute_batch("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }

    pub(in crate::database) fn commit(&self) -> Result<(), Uncommitted> {
        let transaction = self.transaction.take();
        self.execute_batch("COMMIT").map_err(|error| match transaction {
            Some(id) if self.lost.get() => Uncommitted::Unknown(error, id),
            _ => Uncommitted::Refused(error),
        })
    }

    pub(in crate::database) fn roll_back(&self) -> Result<(), DatabaseError> {
        self.transaction.set(None);
        self.execute_batch("ROLLBACK")
    }

    pub(in crate::database) fn is_in_transaction(&self) -> bool {
        self.transaction.get().is_some() && !self.lost.get()
    }

    /// Looks, without waiting, whether PostgreSQL has closed the session.
    pub(in crate::database) fn is_lost(&self) -> bool {
        if !self.lost.get() {
            let mut client = self.client.borrow_mut();
            let broken =
                postgres::fallible_iterator::FallibleIterator::next(&mut client.notifications().iter()).is_err();
            self.lost.set(broken || client.is_closed());
        }
        self.lost.get()
    }

    pub(in crate::database) fn became_of(&self, transaction: TransactionId) -> Result<Fate, DatabaseError> {
        let rows = self.query("SELECT txid_status(?1)", &[Value::Integer(Some(transaction.0))])?;
        let status: Option<String> = match rows.first() {
            Some(row) => row.try_get(0).map_err(|error| failure::working(&self.name, &error))?,
            None => None,
        };
        match status.as_deref() {
            Some("committed") => Ok(Fate::Committed),
            Some("aborted") => Ok(Fate::Aborted),
            Some("in progress") => Ok(Fate::InProgress),
            _ => Err(DatabaseError::Sql("PostgreSQL no longer knows what became of a transaction".to_owned())),
        }
    }

    fn prepared(&self, sql: &str, params: &[Value<'_>]) -> Result<Statement, DatabaseError> {
        let key: String = sql.chars().chain(['\0']).chain(params.iter().map(Value::letter)).collect();
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = params.iter().map(Value::postgres_type).collect();
        let statement = self.heed(self.client.borrow_mut().prepare_typed(&numbered(sql), &types))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(key, statement.clone());
        Ok(statement)
    }

    /// Notes what an answer says about the session itself.
    fn heed<T>(&self, answer: Result<T, postgres::Error>) -> Result<T, DatabaseError> {
        answer.map_err(|error| {
            if failure::is_loss(&error) {
                self.lost.set(true);
            }
            // Another process has brought the schema forward: what was prepared before is of no use.
            if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) {
                self.statements.borrow_mut().clear();
            }
            failure::working(&self.name, &error)
        })
    }
}

fn borrowed<'a>(params: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// SQLite's `?1` as PostgreSQL's `$1`, outside of quotes.
fn numbered(sql: &str) -> String {
    let mut written = String::with_capacity(sql.len());
    let mut quote = None;
    for character in sql.chars() {
        match (quote, character) {
            (None, '?') => written.push('$'),
            (None, '\'' | '"') => {
                quote = Some(character);
                written.push(character);
            }
            (Some(open), _) if open == character => {
                quote = None;
                written.push(character);
            }
            _ => written.push(character),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_postgresql_numbers_them() {
        assert_eq!(numbered("SELECT ?1, '?2', \"?3\" WHERE a = ?12"), "SELECT $1, '?2', \"?3\" WHERE a = $12");
        assert_eq!(numbered("SELECT 'it''s ?1' || ?1"), "SELECT 'it''s ?1' || $1");
    }
}
