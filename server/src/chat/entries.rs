//! Entries in the database: storing one under the next sequence of its chat, with what it does to earlier ones.

use super::refusal::ChatRefusal;
use super::rights::Act;
use super::rolls::{self, Seat};
use crate::contact;
use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{
    Attachment, Change, ChatId, ChatKind, Erased, Member, Message, Notice, REACTIONS_MAX, SendMessage, Standing,
};
use serde::{Deserialize, Serialize};

/// Most pinned lines of a chat.
const PINS_MAX: u32 = 100;

/// The kinds of entries, as the database numbers them. Those below 2 are shown.
pub(super) mod kind {
    pub const LINE: u8 = 0;
    pub const NOTICE: u8 = 1;
    pub const EDIT: u8 = 2;
    pub const DELETION: u8 = 3;
    pub const REACTION: u8 = 4;
    pub const PIN: u8 = 5;
    pub const EXPIRED: u8 = 9;
}

/// Where an entry stands.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) message: Message,
    /// False if its key was known already; then only sequence and time are of the entry stored before.
    pub(super) fresh: bool,
    /// Whether its author accepted a request by it.
    pub(super) joined: bool,
    /// Earlier entries of which it leaves nothing but their places.
    pub(super) erased: Vec<Message>,
}

/// What stands beside a line's text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Attachment>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
}

/// Stores what someone sends, unless its key is known.
pub(super) fn store(
    c: &Connection,
    chat: ChatId,
    from: &Member,
    sent: &SendMessage,
    now: u64,
) -> Result<Stored, ChatRefusal> {
    if let Some(known) = known(c, chat, from, &sent.key)? {
        return Ok(known);
    }
    let (seat, joined) = writer(c, chat, from.id)?;
    let mut message = Message::line(rolls::latest(c, chat)? + 1, from.clone(), sent.text.clone(), now, &sent.key);
    message.silent = sent.silent;
    match &sent.change {
        Some(change) => {
            let change = changed(c, chat, from.id, &seat, change, now)?;
            let (text, rest) = split(&change);
            insert(c, chat, code(&change), Some(change.of()), text, Some(&rest), &message)?;
            message.change = Some(change);
        }
        None => {
            if let Some(of) = sent.reply_to {
                line(c, chat, of, &seat)?;
                message.reply_to = Some(of);
            }
            message.mentions = present(c, chat, &sent.mentions)?;
            message.files = super::attached::attach(c, chat, message.sequence, from.id, &sent.files)?;
            let details =
                Details { mentions: message.mentions.clone(), files: message.files.clone(), silent: message.silent };
            let plain = details.mentions.is_empty() && details.files.is_empty() && !details.silent;
            let details = Some(&details).filter(|_| !plain);
            insert(c, chat, kind::LINE, message.reply_to, &message.text, details, &message)?;
        }
    }
    let erased = match &message.change {
        Some(Change::Delete { of }) => erased(c, chat, *of)?,
        _ => Vec::new(),
    };
    Ok(Stored { message, fresh: true, joined, erased })
}

/// Writes a notice of the server's own, caused by `from`, once for each `key`.
pub(super) fn note(
    c: &Connection,
    chat: ChatId,
    from: &Member,
    key: &str,
    notice: Notice,
    now: u64,
) -> Result<Stored, DatabaseError> {
    // No client can send a key with a control character.
    let key = format!("\u{1}{key}");
    if let Some(known) = known(c, chat, from, &key)? {
        return Ok(known);
    }
    let text = super::notices::text(&notice);
    let mut message = Message::line(rolls::latest(c, chat)? + 1, from.clone(), text, now, key);
    insert(c, chat, kind::NOTICE, None, &message.text, Some(&notice), &message)?;
    message.notice = Some(notice);
    message.key.clear();
    Ok(Stored { message, fresh: true, joined: false, erased: Vec::new() })
}

/// Writes a notice that has no name of its own.
pub(super) fn note_now(
    c: &Connection,
    chat: ChatId,
    from: &Member,
    notice: Notice,
    now: u64,
) -> Result<Message, DatabaseError> {
    // Unique, because a chat has each sequence once.
    let key = format!("at-{}", rolls::latest(c, chat)? + 1);
    Ok(note(c, chat, from, &key, notice, now)?.message)
}

/// The columns that [`read`] reads, of entries as `e` and their authors as `a`.
pub(super) const COLUMNS: &str = "e.sequence, e.author, a.name, e.text, e.at, e.key, e.kind, e.target, e.details,
    e.edited_at, e.erased_at, e.pinned_at";

/// Reads an entry, without its reactions.
pub(super) fn read(row: &Row<'_>) -> Result<Message, DatabaseError> {
    let from = Member { id: row.get(1)?, name: row.get(2)? };
    let text: String = row.get(3)?;
    let mut message = Message::line(row.get(0)?, from, "", row.get(4)?, row.get::<String>(5)?);
    let (kind, target): (u8, Option<u64>) = (row.get(6)?, row.get(7)?);
    let details: Option<String> = row.get(8)?;
    let details = details.as_deref();
    match kind {
        kind::LINE => {
            let details: Details = details.map(parsed).transpose()?.unwrap_or_default();
            (message.mentions, message.files, message.silent) = (details.mentions, details.files, details.silent);
            (message.text, message.reply_to) = (text, target);
        }
        kind::NOTICE => {
            message.notice = details.map(parsed).transpose()?;
            message.text = text;
            message.key.clear();
        }
        kind::EXPIRED => message.erased = Some(Erased::Expired),
        _ => {
            let mut change: Change = details.map(parsed).transpose()?.unwrap_or(Change::Unknown);
            if let Change::Edit { text: new, .. } = &mut change {
                *new = text;
            }
            message.change = Some(change);
        }
    }
    message.edited_at = row.get(9)?;
    if message.erased.is_none() && row.get::<Option<u64>>(10)?.is_some() {
        message.erased = Some(Erased::Deleted);
    }
    message.pinned = row.get::<Option<u64>>(11)?.is_some();
    Ok(message)
}

/// Leaves nothing of a line but its place, as `kind` from now on.
pub(super) fn erase(c: &Connection, chat: ChatId, sequence: u64, kind: u8, now: u64) -> Result<(), DatabaseError> {
    let erased = "UPDATE entries SET kind = ?3, text = '', details = NULL, erased_at = ?4, pinned_at = NULL
                  WHERE chat = ?1 AND sequence = ?2";
    c.execute(erased, params![chat, sequence, kind, now])?;
    c.execute("UPDATE entries SET text = '' WHERE chat = ?1 AND target = ?2 AND kind = 2", params![chat, sequence])?;
    c.execute("DELETE FROM reactions WHERE chat = ?1 AND sequence = ?2", params![chat, sequence])?;
    super::attached::detach(c, chat, sequence)
}

fn known(c: &Connection, chat: ChatId, from: &Member, key: &str) -> Result<Option<Stored>, DatabaseError> {
    let sql = "SELECT sequence, at FROM entries WHERE chat = ?1 AND author = ?2 AND key = ?3";
    c.query_optional(sql, params![chat, from.id, key], |row| {
        let message = Message::line(row.get(0)?, from.clone(), "", row.get(1)?, key);
        Ok(Stored { message, fresh: false, joined: false, erased: Vec::new() })
    })
}

/// A line that was erased, and the entries that had changed it, as they are now.
fn erased(c: &Connection, chat: ChatId, of: u64) -> Result<Vec<Message>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN accounts a ON a.id = e.author
         WHERE e.chat = ?1 AND (e.sequence = ?2 OR e.target = ?2 AND e.kind = 2)"
    );
    c.query(&sql, params![chat, of], read)
}

/// Whether someone may write into a chat at all.
pub(super) fn may_write(c: &Connection, chat: ChatId, account: u64) -> Result<(), ChatRefusal> {
    writer(c, chat, account).map(drop)
}

/// The seat of someone who writes. Writing into a direct chat accepts its request.
fn writer(c: &Connection, chat: ChatId, account: u64) -> Result<(Seat, bool), ChatRefusal> {
    let seat = rolls::seat(c, chat, account)?;
    let joined = match seat.standing {
        Standing::Joined => false,
        Standing::Requested | Standing::Ignored if seat.kind == ChatKind::Direct => {
            rolls::set_standing(c, chat, account, Standing::Joined)?;
            true
        }
        Standing::Requested | Standing::Ignored => return Err(ChatRefusal::NotAccepted),
        _ => return Err(ChatRefusal::Unknown),
    };
    if seat.kind == ChatKind::Direct {
        let other = "SELECT a.id, a.name, m.standing, a.removed_at FROM members m JOIN accounts a ON a.id = m.account
                     WHERE m.chat = ?1 AND m.account <> ?2";
        let read = |row: &Row<'_>| {
            let (declined, removed) = (row.get::<u8>(2)? == 3, row.get::<Option<u64>>(3)?.is_some());
            Ok((Member { id: row.get(0)?, name: row.get(1)? }, declined, removed))
        };
        if let Some((other, declined, removed)) = c.query_optional(other, params![chat, account], read)? {
            contact::may_reach_now(c, account, &other)?;
            if removed {
                return Err(ChatRefusal::Gone(other.name));
            }
            if declined {
                return Err(ChatRefusal::Declined);
            }
        }
    }
    Ok((seat, joined))
}

/// A line that can be answered or changed, with its author.
fn line(c: &Connection, chat: ChatId, of: u64, seat: &Seat) -> Result<u64, ChatRefusal> {
    let sql = "SELECT author FROM entries
               WHERE chat = ?1 AND sequence = ?2 AND sequence > ?3 AND kind = 0 AND erased_at IS NULL";
    let author = c.query_optional(sql, params![chat, of, seat.since], |row| row.get(0))?;
    author.ok_or(ChatRefusal::NoLine(of))
}

/// Lets a change happen to its line.
fn changed(
    c: &Connection,
    chat: ChatId,
    by: u64,
    seat: &Seat,
    change: &Change,
    now: u64,
) -> Result<Change, ChatRefusal> {
    let of = change.of();
    let author = line(c, chat, of, seat)?;
    match change {
        Change::Edit { text, .. } => {
            if author != by {
                return Err(ChatRefusal::NotAllowed("only what you wrote yourself can be edited"));
            }
            let sql = "UPDATE entries SET text = ?3, edited_at = ?4 WHERE chat = ?1 AND sequence = ?2";
            c.execute(sql, params![chat, of, text, now])?;
        }
        Change::Delete { .. } => {
            if author != by {
                rolls::seat_for(c, chat, by, Act::EraseOthers)?;
            }
            erase(c, chat, of, kind::LINE, now)?;
        }
        Change::React { emoji, on, .. } => react(c, chat, of, emoji, by, *on, now)?,
        Change::Pin { on, .. } => {
            rolls::seat_for(c, chat, by, Act::Pin)?;
            let pins = "SELECT count(*) FROM entries WHERE chat = ?1 AND pinned_at IS NOT NULL AND sequence <> ?2";
            let pins: u32 = c.query_row(pins, params![chat, of], |row| row.get(0))?;
            if *on && pins >= PINS_MAX {
                return Err(ChatRefusal::TooManyPins(PINS_MAX));
            }
            let sql = "UPDATE entries SET pinned_at = ?3 WHERE chat = ?1 AND sequence = ?2";
            c.execute(sql, params![chat, of, on.then_some(now)])?;
        }
        Change::Unknown => return Err(ChatRefusal::NoLine(of)),
    }
    Ok(change.clone())
}

fn react(c: &Connection, chat: ChatId, of: u64, emoji: &str, by: u64, on: bool, now: u64) -> Result<(), ChatRefusal> {
    if !on {
        let sql = "DELETE FROM reactions WHERE chat = ?1 AND sequence = ?2 AND emoji = ?3 AND account = ?4";
        c.execute(sql, params![chat, of, emoji, by])?;
        return Ok(());
    }
    let others = "SELECT count(DISTINCT emoji) FROM reactions WHERE chat = ?1 AND sequence = ?2 AND emoji <> ?3";
    let others: u64 = c.query_row(others, params![chat, of, emoji], |row| row.get(0))?;
    if others >= REACTIONS_MAX as u64 {
        return Err(ChatRefusal::TooManyReactions);
    }
    let sql = "INSERT INTO reactions (chat, sequence, emoji, account, at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO NOTHING";
    c.execute(sql, params![chat, of, emoji, by, now])?;
    Ok(())
}

/// Those of `accounts` who are in the chat.
fn present(c: &Connection, chat: ChatId, accounts: &[u64]) -> Result<Vec<u64>, DatabaseError> {
    let mut present = Vec::new();
    for account in accounts {
        let here = "SELECT 1 FROM members WHERE chat = ?1 AND account = ?2 AND standing < 2";
        if !present.contains(account) && c.exists(here, params![chat, account])? {
            present.push(*account);
        }
    }
    Ok(present)
}

fn insert(
    c: &Connection,
    chat: ChatId,
    kind: u8,
    target: Option<u64>,
    text: &str,
    details: Option<&impl Serialize>,
    message: &Message,
) -> Result<(), DatabaseError> {
    let written = |error| DatabaseError::Sql(format!("an entry cannot be written: {error}"));
    let details = details.map(serde_json::to_string).transpose().map_err(written)?;
    let sql = "INSERT INTO entries (chat, sequence, author, key, kind, target, text, details, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (sequence, author, key) = (message.sequence, message.from.id, message.key.as_str());
    c.execute(sql, params![chat, sequence, author, key, kind, target, text, details, message.at]).map(drop)
}

fn code(change: &Change) -> u8 {
    match change {
        Change::Edit { .. } => kind::EDIT,
        Change::Delete { .. } | Change::Unknown => kind::DELETION,
        Change::React { .. } => kind::REACTION,
        Change::Pin { .. } => kind::PIN,
    }
}

/// An edit's new text stands in a column of its own, where it can be erased.
fn split(change: &Change) -> (&str, Change) {
    match change {
        Change::Edit { of, text } => (text, Change::Edit { of: *of, text: String::new() }),
        other => ("", other.clone()),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, DatabaseError> {
    serde_json::from_str(json).map_err(|error| DatabaseError::Sql(format!("an entry cannot be read: {error}")))
}
