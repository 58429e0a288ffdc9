//! Rolls in the database: loading one, and the statements that change who belongs to a chat and how.

use super::refusal::ChatRefusal;
use super::roll::{Person, Roll};
use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{
    ChatId, ChatKind, ChatRequest, ChatRole, GROUP_MAX, Marks, Member, REQUEST_TEXT_MAX, Standing,
};

/// A chat and its newest sequence.
pub(super) fn load(c: &Connection, chat: ChatId) -> Result<Option<(Roll, u64)>, DatabaseError> {
    let sql = "SELECT kind, name, picture, retention_ms, expired FROM chats WHERE id = ?1";
    let found = c.query_optional(sql, params![chat], |row| {
        Ok(Roll {
            kind: kind(row.get(0)?),
            name: row.get(1)?,
            picture: row.get(2)?,
            retention_ms: row.get(3)?,
            expired: row.get(4)?,
            people: Vec::new(),
        })
    })?;
    let Some(mut roll) = found else { return Ok(None) };
    roll.people = people(c, chat)?;
    Ok(Some((roll, latest(c, chat)?)))
}

/// The newest sequence of a chat, 0 while there is none.
pub(super) fn latest(c: &Connection, chat: ChatId) -> Result<u64, DatabaseError> {
    let sql = "SELECT sequence FROM entries WHERE chat = ?1 ORDER BY sequence DESC LIMIT 1";
    Ok(c.query_optional(sql, params![chat], |row| row.get(0))?.unwrap_or(0))
}

fn people(c: &Connection, chat: ChatId) -> Result<Vec<Person>, DatabaseError> {
    let sql = "SELECT m.account, a.name, m.role, m.standing, m.since, m.delivered, m.seen, m.asked, m.asked_at,
                      by.id, by.name
               FROM members m JOIN accounts a ON a.id = m.account LEFT JOIN accounts by ON by.id = m.asker
               WHERE m.chat = ?1 ORDER BY m.account";
    c.query(sql, params![chat], person)
}

fn person(row: &Row<'_>) -> Result<Person, DatabaseError> {
    let account = row.get(0)?;
    let request = match row.get::<Option<u64>>(9)? {
        Some(id) => {
            let from = Member { id, name: row.get(10)? };
            Some(ChatRequest { from, text: row.get(7)?, at: row.get(8)? })
        }
        None => None,
    };
    Ok(Person {
        member: Member { id: account, name: row.get(1)? },
        role: role(row.get(2)?),
        standing: standing(row.get(3)?),
        since: row.get(4)?,
        marks: Marks { account, delivered: row.get(5)?, read: row.get(6)? },
        request,
    })
}

/// How someone stands to a chat, as a job that is about to change it finds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) kind: ChatKind,
    pub(super) role: ChatRole,
    pub(super) standing: Standing,
    pub(super) since: u64,
}

/// The caller's seat.
pub(super) fn seat(c: &Connection, chat: ChatId, account: u64) -> Result<Seat, ChatRefusal> {
    let sql = "SELECT chats.kind, m.role, m.standing, m.since FROM members m JOIN chats ON chats.id = m.chat
               WHERE m.chat = ?1 AND m.account = ?2";
    let read = |row: &Row<'_>| {
        let (kind, role, standing) = (kind(row.get(0)?), role(row.get(1)?), standing(row.get(2)?));
        Ok(Seat { kind, role, standing, since: row.get(3)? })
    };
    c.query_optional(sql, params![chat, account], read)?.ok_or(ChatRefusal::Unknown)
}

/// The caller's seat, if they are in the chat and their role allows this.
pub(super) fn seat_for(
    c: &Connection,
    chat: ChatId,
    account: u64,
    act: super::rights::Act,
) -> Result<Seat, ChatRefusal> {
    let seat = seat(c, chat, account)?;
    match seat.standing {
        Standing::Joined if super::rights::may(seat.kind, seat.role, act) => Ok(seat),
        Standing::Joined => Err(ChatRefusal::not_allowed(seat.kind, act)),
        Standing::Requested | Standing::Ignored => Err(ChatRefusal::NotAccepted),
        _ => Err(ChatRefusal::Unknown),
    }
}

/// Makes the direct chat of two accounts, or finds it; whoever opens it is in it from now on, and of two friends the other
/// one as well. True if it was made.
pub(super) fn open_direct(
    c: &Connection,
    opener: u64,
    other: u64,
    friends: bool,
    text: &str,
    now: u64,
) -> Result<(ChatId, bool), DatabaseError> {
    let pair = format!("{}:{}", opener.min(other), opener.max(other));
    let found = c.query_optional("SELECT id FROM chats WHERE pair = ?1", params![pair], |row| row.get(0))?;
    if let Some(id) = found {
        set_standing(c, id, opener, Standing::Joined)?;
        return Ok((id, false));
    }
    let insert = "INSERT INTO chats (pair, created_at) VALUES (?1, ?2) RETURNING id";
    let id: ChatId = c.query_row(insert, params![pair, now], |row| row.get(0))?;
    sit(c, id, opener, ChatRole::Member, None)?;
    let asking = Asking { asker: opener, text, since: 0, now };
    sit(c, id, other, ChatRole::Member, Some(&asking).filter(|_| !friends))?;
    Ok((id, true))
}

/// Makes a group chat of its owner alone, or finds the one that was made under this key. True if it was made.
pub(super) fn open_group(
    c: &Connection,
    owner: u64,
    key: &str,
    name: &str,
    now: u64,
) -> Result<(ChatId, bool), DatabaseError> {
    let known = "SELECT id FROM chats WHERE creator = ?1 AND key = ?2";
    if let Some(id) = c.query_optional(known, params![owner, key], |row| row.get(0))? {
        return Ok((id, false));
    }
    let insert = "INSERT INTO chats (kind, creator, key, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
    let inserted = params![GROUP, owner, key, name, now];
    let id: ChatId = c.query_row(insert, inserted, |row| row.get(0))?;
    sit(c, id, owner, ChatRole::Owner, None)?;
    Ok((id, true))
}

/// The words of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) asker: u64,
    pub(super) text: &'a str,
    /// What was said after this sequence is theirs to read.
    pub(super) since: u64,
    pub(super) now: u64,
}

/// Gives someone a seat: at once, or when they accept what they are asked.
fn sit(
    c: &Connection,
    chat: ChatId,
    account: u64,
    role: ChatRole,
    asking: Option<&Asking<'_>>,
) -> Result<(), DatabaseError> {
    let standing = if asking.is_some() { Standing::Requested } else { Standing::Joined };
    let insert = "INSERT INTO members (chat, account, role, standing, since, delivered, seen, asker, asked, asked_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let since = asking.map_or(0, |asking| asking.since);
    let text = asking.map_or("", |asking| excerpt(asking.text));
    let (asker, now) = (asking.map(|asking| asking.asker), asking.map_or(0, |asking| asking.now));
    let (role, standing) = (role_code(role), standing_code(standing));
    c.execute(insert, params![chat, account, role, standing, since, asker, text, now]).map(drop)
}

/// The first line of a text, and no more of it than a list of many requests can show.
fn excerpt(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let end = line.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= REQUEST_TEXT_MAX).last();
    line.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Asks others in. Gives those who did not belong to the chat before; whoever declined is asked once more.
pub(super) fn ask_in(
    c: &Connection,
    chat: ChatId,
    names: &[String],
    asking: &Asking<'_>,
) -> Result<Vec<Member>, ChatRefusal> {
    let mut asked: Vec<Member> = Vec::new();
    for name in names {
        let sql = "SELECT id, name FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok(Member { id: row.get(0)?, name: row.get(1)? });
        let found = c.query_optional(sql, params![name.to_ascii_lowercase()], read)?;
        let member = found.ok_or_else(|| ChatRefusal::NoAccount(name.clone()))?;
        let there = "SELECT standing FROM members WHERE chat = ?1 AND account = ?2";
        let standing = c.query_optional(there, params![chat, member.id], |row| Ok(standing(row.get(0)?)))?;
        match standing {
            None => {}
            Some(Standing::Declined) => rise(c, chat, member.id)?,
            Some(_) => continue,
        }
        sit(c, chat, member.id, ChatRole::Member, Some(asking))?;
        asked.push(member);
    }
    let count = "SELECT count(*) FROM members WHERE chat = ?1";
    let people: u64 = c.query_row(count, params![chat], |row| row.get(0))?;
    if people > GROUP_MAX as u64 { Err(ChatRefusal::Full) } else { Ok(asked) }
}

/// Takes someone's seat away.
pub(super) fn rise(c: &Connection, chat: ChatId, account: u64) -> Result<(), DatabaseError> {
    c.execute("DELETE FROM members WHERE chat = ?1 AND account = ?2", params![chat, account]).map(drop)
}

/// Changes how someone stands to a chat.
pub(super) fn set_standing(c: &Connection, chat: ChatId, account: u64, to: Standing) -> Result<(), DatabaseError> {
    let sql = "UPDATE members SET standing = ?3 WHERE chat = ?1 AND account = ?2 AND standing <> ?3";
    c.execute(sql, params![chat, account, standing_code(to)]).map(drop)
}

/// Gives someone another role.
pub(super) fn set_role(c: &Connection, chat: ChatId, account: u64, to: ChatRole) -> Result<(), DatabaseError> {
    let sql = "UPDATE members SET role = ?3 WHERE chat = ?1 AND account = ?2";
    c.execute(sql, params![chat, account, role_code(to)]).map(drop)
}

/// Who takes over when the owner leaves: a moderator before a member, whoever was asked in first among them.
pub(super) fn heir(c: &Connection, chat: ChatId) -> Result<Option<Member>, DatabaseError> {
    let sql = "SELECT a.id, a.name FROM members m JOIN accounts a ON a.id = m.account
               WHERE m.chat = ?1 AND m.standing = 0 AND a.removed_at IS NULL ORDER BY m.role DESC, m.asked_at, m.account LIMIT 1";
    c.query_optional(sql, params![chat], |row| Ok(Member { id: row.get(0)?, name: row.get(1)? }))
}

/// Someone in the chat, with their role.
pub(super) fn seated(c: &Connection, chat: ChatId, account: u64) -> Result<(Member, Seat), ChatRefusal> {
    let seat = seat(c, chat, account).map_err(|refusal| match refusal {
        ChatRefusal::Unknown => ChatRefusal::NotIn,
        other => other,
    })?;
    let sql = "SELECT name FROM accounts WHERE id = ?1";
    let name = c.query_row(sql, params![account], |row| row.get(0))?;
    Ok((Member { id: account, name }, seat))
}

const GROUP: u8 = 1;

fn kind(code: u8) -> ChatKind {
    if code == GROUP { ChatKind::Group } else { ChatKind::Direct }
}

fn role(code: u8) -> ChatRole {
    match code {
        2 => ChatRole::Owner,
        1 => ChatRole::Moderator,
        _ => ChatRole::Member,
    }
}

fn role_code(role: ChatRole) -> u8 {
    match role {
        ChatRole::Member => 0,
        ChatRole::Moderator => 1,
        ChatRole::Owner => 2,
    }
}

fn standing(code: u8) -> Standing {
    match code {
        0 => Standing::Joined,
        1 => Standing::Requested,
        2 => Standing::Ignored,
        3 => Standing::Declined,
        _ => Standing::Unknown,
    }
}

fn standing_code(standing: Standing) -> u8 {
    match standing {
        Standing::Joined => 0,
        Standing::Requested => 1,
        Standing::Ignored => 2,
        Standing::Declined => 3,
        Standing::Unknown => 4,
    }
}
