//! Search over the lines of chats: an index that follows the log, and what has not reached it yet.
//!
//! The index is one more reader of the log: it takes entries in the order of their numbers, a few at a time, off the way
//! of those who write. A search looks into the index and, for what is newer, at the lines themselves.

use super::entries::kind;
use super::terms::{self, Wanted};
use super::{Chats, pages};
use crate::database::{Connection, DatabaseError, Dialect, params};
use crate::identity::AccountId;
use relay::vocabulary::{ChatId, Found, HITS_MAX, Hit};
use std::collections::HashMap;
use std::time::Duration;

/// Entries that are taken into the index at a time.
const BATCH: u32 = 64;
/// What comes within this time is taken in together.
const PAUSE: Duration = Duration::from_millis(250);
/// Lines that may wait for the index and are still found.
const FRESH_MAX: u32 = 2_000;
/// Lines that one search looks at, at most: `next` says where to go on.
const LOOKED_AT: u32 = 2_000;
/// Most chats that one search looks into, those used last first.
const CHATS_MAX: u32 = 500;

/// A search without anything to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("search for at least one letter, digit or character")]
pub struct NothingWanted;

impl Chats {
    /// The newest lines that an account may read and that have every word of `search`: before the number `before`, and in
    /// one chat alone if that is given. `Ok(Err(_))` if there is nothing to search for.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn search(
        &self,
        account: AccountId,
        search: &str,
        chat: Option<ChatId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Result<Found, NothingWanted>, DatabaseError> {
        let Some(wanted) = Wanted::parse(search) else { return Ok(Err(NothingWanted)) };
        let limit = limit.clamp(1, HITS_MAX);
        self.database.read(move |c| find(c, account, &wanted, chat, before, limit)).await.map(Ok)
    }

    /// Takes what was written into the index, for as long as it is polled.
    pub async fn keep_index(&self) {
        loop {
            match self.database.write(index_some).await {
                Ok(BATCH) => {}
                Ok(_) => {
                    self.written.notified().await;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the index of lines waits");
                    tokio::time::sleep(PAUSE * 20).await;
                }
            }
        }
    }
}

/// Takes the next entries into the index; gives how many there were.
pub(super) fn index_some(c: &Connection) -> Result<u32, DatabaseError> {
    let sql = "SELECT number, chat, sequence, kind, target, text, erased_at FROM entries
               WHERE number > ?1 ORDER BY number LIMIT ?2";
    struct Taken {
        number: u64,
        chat: ChatId,
        kind: u8,
        target: Option<u64>,
        text: String,
        erased: bool,
    }
    let taken = c.query(sql, params![progress(c)?, BATCH], |row| {
        Ok(Taken {
            number: row.get(0)?,
            chat: row.get(1)?,
            kind: row.get(3)?,
            target: row.get(4)?,
            text: row.get(5)?,
            erased: row.get::<Option<u64>>(6)?.is_some(),
        })
    })?;
    for entry in &taken {
        match (entry.kind, entry.target) {
            (kind::LINE, _) if !entry.erased => put(c, entry.number, entry.chat, &entry.text)?,
            (kind::EDIT, Some(of)) => {
                let line = "SELECT number, text FROM entries
                            WHERE chat = ?1 AND sequence = ?2 AND kind = 0 AND erased_at IS NULL";
                let read = |row: &crate::database::Row<'_>| Ok((row.get::<u64>(0)?, row.get::<String>(1)?));
                if let Some((number, text)) = c.query_optional(line, params![entry.chat, of], read)? {
                    put(c, number, entry.chat, &text)?;
                }
            }
            (kind::DELETION, Some(of)) => forget(c, entry.chat, of)?,
            _ => {}
        }
    }
    if let Some(last) = taken.last() {
        c.execute("UPDATE search_progress SET number = ?1 WHERE one = 1", params![last.number])?;
    }
    Ok(u32::try_from(taken.len()).unwrap_or(BATCH))
}

/// Takes a line out of the index.
pub(super) fn forget(c: &Connection, chat: ChatId, sequence: u64) -> Result<(), DatabaseError> {
    let row = match c.dialect() {
        Dialect::Sqlite => "rowid",
        Dialect::Postgres => "number",
    };
    let sql =
        format!("DELETE FROM search WHERE {row} = (SELECT number FROM entries WHERE chat = ?1 AND sequence = ?2)");
    c.execute(&sql, params![chat, sequence]).map(drop)
}

fn put(c: &Connection, number: u64, chat: ChatId, text: &str) -> Result<(), DatabaseError> {
    let terms = terms::of(text);
    if terms.is_empty() {
        return Ok(());
    }
    let terms: Vec<String> = terms.into_iter().chain([chat_term(chat)]).collect();
    let sql = match c.dialect() {
        Dialect::Sqlite => "INSERT OR REPLACE INTO search (rowid, terms) VALUES (?1, ?2)",
        Dialect::Postgres => {
            "INSERT INTO search (number, terms) VALUES (?1, array_to_tsvector(string_to_array(?2, ' ')))
             ON CONFLICT (number) DO UPDATE SET terms = excluded.terms"
        }
    };
    c.execute(sql, params![number, terms.join(" ")]).map(drop)
}

fn progress(c: &Connection) -> Result<u64, DatabaseError> {
    c.query_row("SELECT number FROM search_progress WHERE one = 1", &[], |row| row.get(0))
}

/// No text has a term with a `z`.
fn chat_term(chat: ChatId) -> String {
    format!("z{chat}")
}

/// A line that may be what is searched for.
struct Candidate {
    number: u64,
    chat: ChatId,
    sequence: u64,
    text: String,
}

fn find(
    c: &Connection,
    account: AccountId,
    wanted: &Wanted,
    chat: Option<ChatId>,
    before: Option<u64>,
    limit: u32,
) -> Result<Found, DatabaseError> {
    let chats = readable(c, account, chat)?;
    if chats.is_empty() {
        return Ok(Found::default());
    }
    let (before, indexed) = (before.unwrap_or(u64::MAX), progress(c)?);
    let candidates = fresh(c, &chats, indexed, before)?.into_iter().chain(known(c, &chats, wanted, indexed, before)?);
    let (mut hits, mut numbers): (Vec<(ChatId, u64)>, Vec<u64>) = (Vec::new(), Vec::new());
    let (mut looked_at, mut bytes, mut next) = (0, 0, None);
    for candidate in candidates {
        if hits.len() >= limit as usize || looked_at >= LOOKED_AT || bytes >= pages::PAGE_BYTES {
            next = Some(candidate.number + 1);
            break;
        }
        looked_at += 1;
        let readable = chats.get(&candidate.chat).is_some_and(|since| candidate.sequence > *since);
        if readable && wanted.is_in(&candidate.text) {
            hits.push((candidate.chat, candidate.sequence));
            numbers.push(candidate.number);
            bytes += candidate.text.len();
        }
    }
    let mut hits = pages::lines(c, &hits)?.into_iter().map(|(chat, message)| Hit { chat, message }).collect::<Vec<_>>();
    // Lines with very many reactions: the rest comes with the next page.
    let mut weight: usize = hits.iter().map(|hit| pages::weight(&hit.message)).sum();
    while hits.len() > 1 && weight > pages::PAGE_WEIGHT {
        weight -= hits.pop().map_or(0, |hit| pages::weight(&hit.message));
        next = numbers.get(hits.len()).map(|number| number + 1);
    }
    Ok(Found { hits, next })
}

/// The chats that an account may read, each with the sequence after which it may.
fn readable(c: &Connection, account: AccountId, chat: Option<ChatId>) -> Result<HashMap<ChatId, u64>, DatabaseError> {
    let sql = format!(
        "SELECT m.chat, CASE WHEN m.since < chats.expired THEN chats.expired ELSE m.since END
         FROM members m JOIN chats ON chats.id = m.chat
         WHERE m.account = ?1 AND (?2 = 0 OR m.chat = ?2) AND (m.standing = 0 OR chats.kind = 0 AND m.standing < 3)
         ORDER BY (SELECT e.number FROM entries e WHERE e.chat = m.chat ORDER BY e.sequence DESC LIMIT 1) DESC
         LIMIT {CHATS_MAX}"
    );
    let found = c.query(&sql, params![account, chat.unwrap_or(0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.into_iter().collect())
}

/// Lines that have not reached the index, the newest first.
fn fresh(
    c: &Connection,
    chats: &HashMap<ChatId, u64>,
    indexed: u64,
    before: u64,
) -> Result<Vec<Candidate>, DatabaseError> {
    let sql = format!(
        "SELECT number, chat, sequence, text FROM entries
         WHERE number > ?1 AND number < ?2 AND kind = 0 AND erased_at IS NULL ORDER BY number DESC LIMIT {FRESH_MAX}"
    );
    let found = c.query(&sql, params![indexed, before], candidate)?;
    Ok(found.into_iter().filter(|line| chats.contains_key(&line.chat)).collect())
}

/// Lines that the index knows to have the terms, the newest first.
fn known(
    c: &Connection,
    chats: &HashMap<ChatId, u64>,
    wanted: &Wanted,
    indexed: u64,
    before: u64,
) -> Result<Vec<Candidate>, DatabaseError> {
    let mut numbers: Vec<ChatId> = chats.keys().copied().collect();
    numbers.sort_unstable();
    let (sql, or, and, goes_on, quote) = match c.dialect() {
        Dialect::Sqlite => ("search MATCH ?1 AND s.rowid < ?2 AND e.number = s.rowid", " OR ", " AND ", "*", "\""),
        Dialect::Postgres => {
            ("s.terms @@ CAST(?1 AS tsquery) AND s.number < ?2 AND e.number = s.number", " | ", " & ", ":*", "")
        }
    };
    let chats = numbers.into_iter().map(|chat| format!("{quote}{}{quote}", chat_term(chat)));
    let chats = format!("({})", chats.collect::<Vec<_>>().join(or));
    let terms = wanted.terms.iter().map(|(term, on)| format!("{quote}{term}{quote}{}", if *on { goes_on } else { "" }));
    let matched = std::iter::once(chats).chain(terms).collect::<Vec<_>>().join(and);
    let sql = format!(
        "SELECT e.number, e.chat, e.sequence, e.text FROM search s, entries e
         WHERE {sql} AND e.kind = 0 AND e.erased_at IS NULL ORDER BY e.number DESC LIMIT {}",
        LOOKED_AT + 1
    );
    // What has reached the index meanwhile is among the fresh ones already.
    c.query(&sql, params![matched, before.min(indexed.saturating_add(1))], candidate)
}

fn candidate(row: &crate::database::Row<'_>) -> Result<Candidate, DatabaseError> {
    Ok(Candidate { number: row.get(0)?, chat: row.get(1)?, sequence: row.get(2)?, text: row.get(3)? })
}
