//! The archive: what of chats and messages stands in the database.

use relay::vocabulary::{Chat, ChatId, HISTORY_MAX, History, Member, Message};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Bytes of text after which a page of history ends.
const PAGE_BYTES: usize = 128 << 10;

/// Where a message stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    pub(super) at: u64,
    /// False if its key was known already.
    pub(super) fresh: bool,
}

/// Finds or makes the direct chat of two accounts.
pub(super) fn open(c: &Connection, one: u64, other: u64, now: u64) -> rusqlite::Result<(ChatId, bool)> {
    let pair = format!("{}:{}", one.min(other), one.max(other));
    let found = c.query_row("SELECT id FROM chats WHERE pair = ?1", [&pair], |row| row.get(0)).optional()?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    let insert = "INSERT INTO chats (pair, created_at) VALUES (?1, ?2) RETURNING id";
    let id: ChatId = c.query_row(insert, params![pair, now], |row| row.get(0))?;
    for account in [one, other] {
        c.execute("INSERT OR IGNORE INTO members (chat, account) VALUES (?1, ?2)", params![id, account])?;
    }
    Ok((id, true))
}

/// The members of a chat and its newest sequence.
pub(super) fn room(c: &Connection, chat: ChatId) -> rusqlite::Result<Option<(Vec<Member>, u64)>> {
    let members = members(c, chat)?;
    if members.is_empty() {
        return Ok(None);
    }
    Ok(Some((members, latest(c, chat)?)))
}

/// The chats of an account, the one with the newest message first.
pub(super) fn of(c: &Connection, account: u64) -> rusqlite::Result<Vec<Chat>> {
    let sql = "SELECT m.chat, coalesce(last.sequence, 0) FROM members m JOIN chats ON chats.id = m.chat
               LEFT JOIN messages last ON last.chat = m.chat
                   AND last.sequence = (SELECT max(sequence) FROM messages WHERE chat = m.chat)
               WHERE m.account = ?1 ORDER BY coalesce(last.at, chats.created_at) DESC, m.chat DESC";
    let mut statement = c.prepare_cached(sql)?;
    let rows: Vec<(ChatId, u64)> =
        statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let chat = |(id, latest)| Ok(Chat { id, track: super::track_of(id).0, members: members(c, id)?, latest });
    rows.into_iter().map(chat).collect()
}

/// Stores a message under the next sequence of its chat, unless its key is known.
pub(super) fn store(c: &Connection, chat: ChatId, message: &Message) -> rusqlite::Result<Stored> {
    let known = "SELECT sequence, at FROM messages WHERE chat = ?1 AND author = ?2 AND key = ?3";
    let earlier = c
        .prepare_cached(known)?
        .query_row(params![chat, message.from.id, message.key], |row| {
            Ok(Stored { sequence: row.get(0)?, at: row.get(1)?, fresh: false })
        })
        .optional()?;
    if let Some(earlier) = earlier {
        return Ok(earlier);
    }
    let sequence = latest(c, chat)? + 1;
    let notice = message.notice.as_ref().map(serde_json::to_string).transpose();
    let notice = notice.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    c.prepare_cached(
        "INSERT INTO messages (chat, sequence, author, key, text, notice, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![chat, sequence, message.from.id, message.key, message.text, notice, message.at])?;
    Ok(Stored { sequence, at: message.at, fresh: true })
}

/// The messages after `after`.
pub(super) fn history(c: &Connection, chat: ChatId, after: u64, limit: u32) -> rusqlite::Result<History> {
    let limit = limit.clamp(1, HISTORY_MAX) as usize;
    let sql = "SELECT m.sequence, m.author, a.name, m.text, m.at, m.key, m.notice
               FROM messages m JOIN accounts a ON a.id = m.author
               WHERE m.chat = ?1 AND m.sequence > ?2 ORDER BY m.sequence";
    let mut statement = c.prepare_cached(sql)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![chat, after])?;
    let mut history = History::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if history.messages.len() >= limit || bytes >= PAGE_BYTES {
            history.more = true;
            break;
        }
        let message = message(row)?;
        bytes += message.text.len();
        history.messages.push(message);
    }
    Ok(history)
}

fn latest(c: &Connection, chat: ChatId) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM messages WHERE chat = ?1";
    c.prepare_cached(sql)?.query_row([chat], |row| row.get(0))
}

fn members(c: &Connection, chat: ChatId) -> rusqlite::Result<Vec<Member>> {
    let sql = "SELECT a.id, a.name FROM members m JOIN accounts a ON a.id = m.account WHERE m.chat = ?1 ORDER BY a.id";
    let mut statement = c.prepare_cached(sql)?;
    statement.query_map([chat], |row| Ok(Member { id: row.get(0)?, name: row.get(1)? }))?.collect()
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let notice: Option<String> = row.get(6)?;
    let notice = notice.map(|json| serde_json::from_str(&json)).transpose();
    let notice = notice
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, error.into()))?;
    let key: String = row.get(5)?;
    Ok(Message {
        sequence: row.get(0)?,
        from: Member { id: row.get(1)?, name: row.get(2)? },
        text: row.get(3)?,
        at: row.get(4)?,
        key: if notice.is_some() { String::new() } else { key },
        notice,
    })
}
