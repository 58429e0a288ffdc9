//! What of presence stands in the database: what people have chosen, and sparingly what they were last.

use super::person::{Remembered, Settings};
use crate::database::{Connection, DatabaseError, Row, params};
use crate::identity::AccountId;
use relay::vocabulary::{Availability, PresenceInfo, SetPresence, Wish};

/// What is stored of someone's presence, for those who are not here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What the person has chosen.
    pub settings: Settings,
    /// When the person was last seen, in Unix milliseconds.
    pub last_seen: Option<u64>,
}

impl Kept {
    /// What others are told of someone who is not here.
    pub fn info(self) -> PresenceInfo {
        PresenceInfo { status: self.settings.status, last_seen: self.last_seen, ..PresenceInfo::default() }
    }

    /// Reads it from three columns: wish, status, last seen. First and last are NULL for those who were never here.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn read(row: &Row<'_>, first: usize) -> Result<Self, DatabaseError> {
        let wish: Option<String> = row.get(first)?;
        let status: Option<String> = row.get(first + 1)?;
        let settings = Settings { wish: wish_of(wish.as_deref()), status: status.unwrap_or_default() };
        Ok(Self { settings, last_seen: row.get(first + 2)? })
    }
}

/// What someone has chosen, and when they were last seen.
pub(super) fn kept(c: &Connection, account: AccountId) -> Result<Kept, DatabaseError> {
    let sql = "SELECT p.wish, a.status_text, p.last_seen FROM accounts a LEFT JOIN presence p ON p.account = a.id
               WHERE a.id = ?1 AND a.removed_at IS NULL";
    Ok(c.query_optional(sql, params![account], |row| Kept::read(row, 0))?.unwrap_or_default())
}

/// Stores what someone chooses.
pub(super) fn choose(c: &Connection, account: AccountId, set: &SetPresence) -> Result<Kept, DatabaseError> {
    let mut kept = kept(c, account)?;
    if let Some(wish) = set.state {
        let sql = "INSERT INTO presence (account, wish) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET wish = ?2";
        c.execute(sql, params![account, word_of_wish(wish)])?;
        kept.settings.wish = wish;
    }
    if let Some(status) = set.status.as_deref().map(str::trim) {
        c.execute("UPDATE accounts SET status_text = ?2 WHERE id = ?1", params![account, status])?;
        status.clone_into(&mut kept.settings.status);
    }
    Ok(kept)
}

/// Everyone who was here when the server ended.
pub(super) fn remembered(c: &Connection) -> Result<Vec<(AccountId, Remembered)>, DatabaseError> {
    let marked: Option<u64> = c.query_optional("SELECT at FROM presence_mark", &[], |row| row.get(0))?;
    let sql = "SELECT p.account, p.wish, a.status_text, p.last_seen, p.state, p.since FROM presence p
               JOIN accounts a ON a.id = p.account WHERE p.state <> 'offline' AND a.removed_at IS NULL";
    c.query(sql, &[], |row| {
        let Kept { settings, last_seen } = Kept::read(row, 1)?;
        let state: String = row.get(4)?;
        let since = row.get::<Option<u64>>(5)?.unwrap_or_default();
        let seen = marked.max(last_seen).unwrap_or_default().max(since);
        Ok((row.get(0)?, Remembered { settings, state: state_of(&state), since, seen }))
    })
}

/// Stores what people are now.
pub(super) fn save(c: &Connection, people: &[(AccountId, PresenceInfo)]) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO presence (account, state, since, last_seen)
               SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND removed_at IS NULL)
               ON CONFLICT (account) DO UPDATE SET state = ?2, since = ?3, last_seen = coalesce(?4, presence.last_seen)";
    for (account, info) in people {
        c.execute(sql, params![*account, word_of_state(info.state), info.since, info.last_seen])?;
    }
    Ok(())
}

/// Removes what is stored of an account.
pub(super) fn forget(c: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    c.execute("DELETE FROM presence WHERE account = ?1", params![account]).map(drop)
}

/// Notes that the server runs.
pub(super) fn mark(c: &Connection, at: u64) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO presence_mark (one, at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET at = ?1";
    c.execute(sql, params![at]).map(drop)
}

/// Whom an account may see: its contacts, but for those between whom and it stands a block.
pub(super) fn watched(c: &Connection, account: AccountId) -> Result<Vec<AccountId>, DatabaseError> {
    let sql = "SELECT contact FROM contacts WHERE account = ?1 AND NOT EXISTS (SELECT 1 FROM blocks
               WHERE (blocker = account AND blocked = contact) OR (blocker = contact AND blocked = account))";
    c.query(sql, params![account], |row| row.get(0))
}

/// What is stored of some accounts.
pub(super) fn kept_of(c: &Connection, accounts: &[AccountId]) -> Result<Vec<(AccountId, Kept)>, DatabaseError> {
    accounts.iter().map(|account| Ok((*account, kept(c, *account)?))).collect()
}

fn word_of_wish(wish: Wish) -> &'static str {
    match wish {
        Wish::Available => "available",
        Wish::Away => "away",
        Wish::DoNotDisturb => "do_not_disturb",
    }
}

/// A word of a later version counts as nothing chosen.
fn wish_of(word: Option<&str>) -> Wish {
    match word {
        Some("away") => Wish::Away,
        Some("do_not_disturb") => Wish::DoNotDisturb,
        _ => Wish::Available,
    }
}

fn word_of_state(state: Availability) -> &'static str {
    match state {
        Availability::Away => "away",
        Availability::Available => "available",
        Availability::InACall => "in_a_call",
        Availability::DoNotDisturb => "do_not_disturb",
        Availability::Offline | Availability::Unknown => "offline",
    }
}

fn state_of(word: &str) -> Availability {
    match word {
        "away" => Availability::Away,
        "available" => Availability::Available,
        "in_a_call" => Availability::InACall,
        "do_not_disturb" => Availability::DoNotDisturb,
        _ => Availability::Offline,
    }
}
