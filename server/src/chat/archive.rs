//! The archive: what of chats and messages stands in the database.

use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{Chat, ChatId, HISTORY_MAX, History, Member, Message};

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
pub(super) fn open(c: &Connection, one: u64, other: u64, now: u64) -> Result<(ChatId, bool), DatabaseError> {
    let pair = format!("{}:{}", one.min(other), one.max(other));
    let found = c.query_optional("SELECT id FROM chats WHERE pair = ?1", params![pair], |row| row.get(0))?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    let insert = "INSERT INTO chats (pair, created_at) VALUES (?1, ?2) RETURNING id";
    let id: ChatId = c.query_row(insert, params![pair, now], |row| row.get(0))?;
    for account in [one, other] {
        c.execute("INSERT INTO members (chat, account) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![id, account])?;
    }
    Ok((id, true))
}

/// The members of a chat and its newest sequence.
pub(super) fn room(c: &Connection, chat: ChatId) -> Result<Option<(Vec<Member>, u64)>, DatabaseError> {
    let members = members(c, chat)?;
    if members.is_empty() {
        return Ok(None);
    }
    Ok(Some((members, latest(c, chat)?)))
}

/// The chats of an account, the one with the newest message first.
pub(super) fn of(c: &Connection, account: u64) -> Result<Vec<Chat>, DatabaseError> {
    let sql = "SELECT m.chat, coalesce(last.sequence, 0) FROM members m JOIN chats ON chats.id = m.chat
               LEFT JOIN messages last ON last.chat = m.chat
                   AND last.sequence = (SELECT max(sequence) FROM messages WHERE chat = m.chat)
               WHERE m.account = ?1 ORDER BY coalesce(last.at, chats.created_at) DESC, m.chat DESC";
    let rows: Vec<(ChatId, u64)> = c.query(sql, params![account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let chat = |(id, latest)| Ok(Chat { id, track: super::track_of(id).0, members: members(c, id)?, latest });
    rows.into_iter().map(chat).collect()
}

/// Stores a message under the next sequence of its chat, unless its key is known.
pub(super) fn store(c: &Connection, chat: ChatId, message: &Message) -> Result<Stored, DatabaseError> {
    let known = "SELECT sequence, at FROM messages WHERE chat = ?1 AND author = ?2 AND key = ?3";
    let earlier = c.query_optional(known, params![chat, message.from.id, message.key], |row| {
        Ok(Stored { sequence: row.get(0)?, at: row.get(1)?, fresh: false })
    })?;
    if let Some(earlier) = earlier {
        return Ok(earlier);
    }
    let sequence = latest(c, chat)? + 1;
    let notice = message.notice.as_ref().map(serde_json::to_string).transpose();
    let notice = notice.map_err(|error| DatabaseError::Sql(format!("a notice cannot be written: {error}")))?;
    c.execute(
        "INSERT INTO messages (chat, sequence, author, key, text, notice, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![chat, sequence, message.from.id, message.key, message.text, notice, message.at],
    )?;
    Ok(Stored { sequence, at: message.at, fresh: true })
}

/// The messages after `after`.
pub(super) fn history(c: &Connection, chat: ChatId, after: u64, limit: u32) -> Result<History, DatabaseError> {
    let limit = limit.clamp(1, HISTORY_MAX);
    let sql = "SELECT m.sequence, m.author, a.name, m.text, m.at, m.key, m.notice
               FROM messages m JOIN accounts a ON a.id = m.author
               WHERE m.chat = ?1 AND m.sequence > ?2 ORDER BY m.sequence LIMIT ?3";
    let mut messages = c.query(sql, params![chat, after, limit + 1], message)?;
    // One more than was asked for says that there are more; the rest of too long a page is asked for again.
    let mut bytes = 0;
    let fits = |message: &Message| {
        let fits = bytes < PAGE_BYTES;
        bytes += message.text.len();
        fits
    };
    let kept = messages.iter().take(limit as usize).map(fits).take_while(|fits| *fits).count();
    let more = kept < messages.len();
    messages.truncate(kept);
    Ok(History { messages, more })
}

fn latest(c: &Connection, chat: ChatId) -> Result<u64, DatabaseError> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM messages WHERE chat = ?1";
    c.query_row(sql, params![chat], |row| row.get(0))
}

fn members(c: &Connection, chat: ChatId) -> Result<Vec<Member>, DatabaseError> {
    let sql = "SELECT a.id, a.name FROM members m JOIN accounts a ON a.id = m.account WHERE m.chat = ?1 ORDER BY a.id";
    c.query(sql, params![chat], |row| Ok(Member { id: row.get(0)?, name: row.get(1)? }))
}

fn message(row: &Row<'_>) -> Result<Message, DatabaseError> {
    let notice: Option<String> = row.get(6)?;
    let notice = notice.map(|json| serde_json::from_str(&json)).transpose();
    let notice = notice.map_err(|error| DatabaseError::Sql(format!("a notice cannot be read: {error}")))?;
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
