//! Commands that are given once more with the same key: what was answered the first time is answered again.
//!
//! That a command was carried out is stored in the transaction of its first write, so a key never makes two of anything,
//! whenever the server dies. The answer is stored right after it. A server that dies between the two knows that it was
//! done and no longer what it answered: then [`Known::AnswerLost`] is said. Commands that write nothing into the database
//! (a call) are noted with their answer alone.

mod envelope;

pub use envelope::{Envelopes, EnvelopesError};

use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError, beside, params};
use crate::identity::AccountId;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long a key is known.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many keys of one account are known; beyond that the oldest are forgotten.
pub const KEYS_MAX: u32 = 2_000;
/// Longest answer that is kept, in bytes. Of a longer one it is known only that it was given.
pub const ANSWER_MAX: usize = 64 * 1024;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body, or nothing.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: the command is to be carried out.
    Nothing,
    /// It was used for another request.
    OtherRequest,
    /// This was answered.
    Answered(Answer),
    /// The command was carried out; its answer is not there any more.
    AnswerLost,
}

/// One request: what tells it from another one with the same key ([`Repeats::fingerprint`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<u8>);

/// All keys that are known.
#[derive(Debug)]
pub struct Repeats {
    database: Arc<Database>,
    envelopes: Envelopes,
    working: Arc<Mutex<HashSet<(AccountId, String)>>>,
}

/// Holds a key while its command is carried out.
#[derive(Debug)]
pub struct Working {
    all: Arc<Mutex<HashSet<(AccountId, String)>>>,
    one: (AccountId, String),
}

impl Drop for Working {
    fn drop(&mut self) {
        self.all.lock().remove(&self.one);
    }
}

impl Repeats {
    /// The keys in `database`, their answers in `envelopes`.
    pub fn new(database: Arc<Database>, envelopes: Envelopes) -> Self {
        Self { database, envelopes, working: Arc::default() }
    }

    /// The fingerprint of a method, a path with its query, and a body.
    pub fn fingerprint(&self, method: &str, path: &str, body: &[u8]) -> Fingerprint {
        Fingerprint(self.envelopes.fingerprint(&[method.as_bytes(), path.as_bytes(), body]))
    }

    /// Takes a key for as long as the command is carried out; `None` if one with this key still is.
    pub fn begin(&self, account: AccountId, key: &str) -> Option<Working> {
        let one = (account, key.to_owned());
        let new = self.working.lock().insert(one.clone());
        new.then(|| Working { all: self.working.clone(), one })
    }

    /// What is known of the key that is held.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn known(&self, held: &Working, request: &Fingerprint) -> Result<Known, DatabaseError> {
        let (account, key) = held.one.clone();
        let oldest = oldest();
        let sql = "SELECT request, answer FROM repeats WHERE account = ?1 AND key = ?2 AND at > ?3";
        let read = |row: &crate::database::Row<'_>| Ok((row.get::<Vec<u8>>(0)?, row.get::<Option<Vec<u8>>>(1)?));
        let found = self.database.read(move |c| c.query_optional(sql, params![account, key, oldest], read)).await?;
        let Some((before, sealed)) = found else { return Ok(Known::Nothing) };
        if before != request.0 {
            return Ok(Known::OtherRequest);
        }
        let answer = sealed.and_then(|sealed| self.envelopes.open(account, &held.one.1, sealed));
        Ok(answer.map_or(Known::AnswerLost, Known::Answered))
    }

    /// Carries out a command whose first write stores the key as well.
    pub async fn carry_out<F: Future>(&self, held: &Working, request: &Fingerprint, command: F) -> F::Output {
        let ((account, key), request) = (held.one.clone(), request.clone());
        beside(move |c| store(c, account, &key, &request, None), command).await
    }

    /// Stores what was answered.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn answered(&self, held: &Working, request: &Fingerprint, answer: &Answer) -> Result<(), DatabaseError> {
        let ((account, key), request) = (held.one.clone(), request.clone());
        let kept = answer.body.len() <= ANSWER_MAX;
        let sealed = if kept { self.envelopes.seal(account, &key, answer) } else { None };
        self.database.write(move |c| store(c, account, &key, &request, sealed)).await
    }

    /// Forgets keys that are too old.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget(&self) -> Result<(), DatabaseError> {
        let oldest = oldest();
        self.database.write(move |c| c.execute("DELETE FROM repeats WHERE at <= ?1", params![oldest])).await.map(drop)
    }
}

fn oldest() -> u64 {
    unix_ms().saturating_sub(u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX))
}

fn store(
    c: &Connection,
    account: AccountId,
    key: &str,
    request: &Fingerprint,
    answer: Option<Vec<u8>>,
) -> Result<(), DatabaseError> {
    // A key that is too old may still stand there.
    c.execute("DELETE FROM repeats WHERE account = ?1 AND key = ?2 AND at <= ?3", params![account, key, oldest()])?;
    let sql = "INSERT INTO repeats (account, key, request, answer, at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (account, key) DO UPDATE SET answer = coalesce(?4, repeats.answer)";
    c.execute(sql, params![account, key, request.0, answer, unix_ms()])?;
    let surplus = "DELETE FROM repeats WHERE account = ?1 AND number <=
                   (SELECT number FROM repeats WHERE account = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    c.execute(surplus, params![account, KEYS_MAX]).map(drop)
}

#[cfg(test)]
mod tests;
