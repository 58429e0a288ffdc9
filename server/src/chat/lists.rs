//! The list of someone's chats, page by page, with what they have not read.

use super::{Chats, entries::kind};
use crate::database::{Connection, DatabaseError, Row, params};
use crate::identity::AccountId;
use relay::vocabulary::{CHATS_MAX, Chat, ChatId, UNREAD_MAX};
use std::str::FromStr;

/// Most chats that one listener follows.
const FOLLOWED_MAX: u32 = 2_000;

/// Where a page of the list begins: after the chat with this last activity and number. Written as `at-number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    active: u64,
    chat: ChatId,
}

/// Not what a page of the list said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`after` is what the page before said as `next`")]
pub struct PlaceError;

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.active, self.chat)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (active, chat) = text.split_once('-').ok_or(PlaceError)?;
        let number = |text: &str| text.parse().map_err(|_| PlaceError);
        Ok(Self { active: number(active)?, chat: number(chat)? })
    }
}

impl Chats {
    /// A page of the chats of an account, the one with the newest entry first, and where the next page begins. Ignored
    /// requests are left out unless they are asked for, and then they alone come.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn of(
        &self,
        account: AccountId,
        ignored: bool,
        after: Option<Place>,
        limit: u32,
    ) -> Result<(Vec<Chat>, Option<Place>), DatabaseError> {
        let limit = limit.clamp(1, CHATS_MAX);
        let (mut rows, more) = self.database.read(move |c| page(c, account, ignored, after, limit)).await?;
        let next = rows.last().filter(|_| more).map(|row| row.place);
        let mut chats = Vec::with_capacity(rows.len());
        for row in rows.drain(..) {
            let Some(room) = self.room(row.place.chat).await? else { continue };
            chats.extend(room.view(account).map(|chat| Chat { unread: row.unread, ..chat }));
        }
        Ok((chats, next))
    }

    /// The chats in the list of an account (or this one of them), each with its newest entry among those up to number
    /// `stored` of the whole database. At most [`FOLLOWED_MAX`], the newest chats.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn places(
        &self,
        account: AccountId,
        only: Option<ChatId>,
        stored: u64,
    ) -> Result<Vec<(ChatId, u64)>, DatabaseError> {
        let sql = format!(
            "SELECT m.chat, coalesce((SELECT e.sequence FROM entries e WHERE e.chat = m.chat AND e.number <= ?2
                                      ORDER BY e.sequence DESC LIMIT 1), 0)
             FROM members m WHERE m.account = ?1 AND m.standing < 2 AND (?3 = 0 OR m.chat = ?3)
             ORDER BY m.chat DESC LIMIT {FOLLOWED_MAX}"
        );
        // No chat has the number 0.
        let only = only.unwrap_or_default();
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.database.read(move |c| c.query(&sql, params![account, stored, only], read)).await
    }

    /// The number of the newest entry of the whole database; every entry up to it stands on its chat's track when this is
    /// answered.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn barrier(&self) -> Result<u64, DatabaseError> {
        // By way of the writer, which puts entries on their tracks in the order of its jobs.
        self.database
            .write(|c| c.query_row("SELECT coalesce(max(number), 0) FROM entries", &[], |row| row.get(0)))
            .await
    }

    /// How many lines of others an account has not read.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn unread(&self, chat: ChatId, account: AccountId, read: u64) -> Result<u32, DatabaseError> {
        self.database.read(move |c| unread(c, chat, account, read)).await
    }
}

struct Listed {
    place: Place,
    unread: u32,
}

fn page(
    c: &Connection,
    account: AccountId,
    ignored: bool,
    after: Option<Place>,
    limit: u32,
) -> Result<(Vec<Listed>, bool), DatabaseError> {
    let standings = if ignored { "= 2" } else { "< 2" };
    let sql = format!(
        "SELECT chat, active, seen, since FROM
             (SELECT m.chat AS chat, m.seen AS seen, m.since AS since, coalesce(
                  (SELECT e.at FROM entries e WHERE e.chat = m.chat ORDER BY e.sequence DESC LIMIT 1),
                  chats.created_at) AS active
              FROM members m JOIN chats ON chats.id = m.chat WHERE m.account = ?1 AND m.standing {standings}) AS listed
         WHERE active < ?2 OR active = ?2 AND chat < ?3 ORDER BY active DESC, chat DESC LIMIT ?4"
    );
    let after = after.unwrap_or(Place { active: u64::MAX, chat: u64::MAX });
    let rows = c.query(&sql, params![account, after.active, after.chat, limit + 1], |row| {
        let place = Place { chat: row.get(0)?, active: row.get(1)? };
        Ok((place, row.get::<u64>(2)?.max(row.get(3)?)))
    })?;
    let more = rows.len() > limit as usize;
    let listed = rows.into_iter().take(limit as usize);
    let listed = listed.map(|(place, read)| Ok(Listed { place, unread: unread(c, place.chat, account, read)? }));
    Ok((listed.collect::<Result<_, DatabaseError>>()?, more))
}

fn unread(c: &Connection, chat: ChatId, account: AccountId, read: u64) -> Result<u32, DatabaseError> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM entries WHERE chat = ?1 AND sequence > ?2 AND author <> ?3
             AND kind < 2 AND kind = {} AND erased_at IS NULL LIMIT {UNREAD_MAX}) AS lines",
        kind::LINE
    );
    c.query_row(&sql, params![chat, read, account], |row| row.get(0))
}
