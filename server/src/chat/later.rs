//! Lines that are sent later: kept in the database until their time, and sent once.

use super::entries::{self, Stored};
use super::{ChatRefusal, Chats, Room};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, Row, params};
use crate::identity::AccountId;
use relay::vocabulary::{ChatId, Event, Member, SEND_LATER_MAX, Scheduled, SendMessage};
use std::sync::Arc;
use std::time::Duration;

/// Most lines of one account that may wait.
const WAITING_MAX: u32 = 100;
/// Most characters of those lines, as they are kept: the list of them is one answer.
const CHARACTERS_MAX: u64 = 200_000;
/// Lines that are looked for at a time.
const BATCH: u32 = 50;
/// The clock is looked at at least this often: a calendar can be set.
const AT_LEAST: Duration = Duration::from_secs(30);
/// How long to wait when the database does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

impl Chats {
    /// Keeps a line until `send_at`. A repeated key is answered like the first time.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn schedule(
        &self,
        room: &Arc<Room>,
        author: &Member,
        message: SendMessage,
    ) -> Result<Scheduled, ChatRefusal> {
        let (chat, by, now) = (room.id, author.id, unix_ms());
        let scheduled = self.database.attempt(move |c| keep(c, chat, by, message, now)).await?;
        self.waiting.notify_one();
        Ok(scheduled)
    }

    /// What an account has waiting in a chat, the next line first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn scheduled(&self, chat: ChatId, author: AccountId) -> Result<Vec<Scheduled>, DatabaseError> {
        let sql = "SELECT id, send_at, message FROM scheduled WHERE chat = ?1 AND author = ?2 ORDER BY send_at, id";
        self.database.read(move |c| c.query(sql, params![chat, author], scheduled)).await
    }

    /// Takes back a line that waits.
    ///
    /// # Errors
    /// [`ChatRefusal::NotScheduled`], [`ChatRefusal::Database`].
    pub async fn take_back(&self, chat: ChatId, author: AccountId, id: u64) -> Result<(), ChatRefusal> {
        let sql = "DELETE FROM scheduled WHERE id = ?1 AND chat = ?2 AND author = ?3";
        let taken = self.database.write(move |c| c.execute(sql, params![id, chat, author])).await?;
        if taken == 0 { Err(ChatRefusal::NotScheduled) } else { Ok(()) }
    }

    /// Sends what is due, for as long as it is polled.
    pub async fn send_due(&self) {
        loop {
            let wait = match self.send_what_is_due().await {
                Ok(next) => next.map_or(AT_LEAST, |at| Duration::from_millis(at.saturating_sub(unix_ms()))),
                Err(error) => {
                    tracing::warn!(%error, "lines to be sent later wait");
                    PATIENCE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait.min(AT_LEAST)) => {}
                () = self.waiting.notified() => {}
            }
        }
    }

    /// Sends what is due now; gives when the next line is.
    pub(super) async fn send_what_is_due(&self) -> Result<Option<u64>, DatabaseError> {
        loop {
            let now = unix_ms();
            let due = self.database.read(move |c| due(c, now)).await?;
            let all = due.len();
            for line in due {
                self.send_one(line).await?;
            }
            if all < BATCH as usize {
                let next = "SELECT send_at FROM scheduled ORDER BY send_at LIMIT 1";
                return self.database.read(move |c| c.query_optional(next, &[], |row| row.get(0))).await;
            }
        }
    }

    async fn send_one(&self, line: Due) -> Result<(), DatabaseError> {
        let Due { chat, author, scheduled } = line;
        let Some(room) = self.room(chat).await? else { return Ok(()) };
        let (id, message, by) = (scheduled.id, scheduled.message, author.clone());
        let sent = self.append_after(&room, move |c: &Connection| {
            let message = SendMessage { send_at: None, ..message };
            let stored = entries::store(c, chat, &by, &message, unix_ms())?;
            let taken = c.execute("DELETE FROM scheduled WHERE id = ?1", params![id])?;
            // Taken back in the last moment.
            if taken == 0 { Err(ChatRefusal::NotScheduled) } else { Ok::<Stored, ChatRefusal>(stored) }
        });
        match sent.await {
            Ok(_) | Err(ChatRefusal::NotScheduled) => Ok(()),
            Err(ChatRefusal::Database(error)) => Err(error),
            Err(refusal) => {
                let remove = "DELETE FROM scheduled WHERE id = ?1";
                self.database.write(move |c| c.execute(remove, params![id])).await?;
                let event = Event::NotSent { chat, scheduled: id, detail: format!("{refusal}.") };
                self.delivery.send(author.id, &event);
                Ok(())
            }
        }
    }
}

fn keep(
    c: &Connection,
    chat: ChatId,
    author: AccountId,
    message: SendMessage,
    now: u64,
) -> Result<Scheduled, ChatRefusal> {
    let known = "SELECT id, send_at, message FROM scheduled WHERE chat = ?1 AND author = ?2 AND key = ?3";
    if let Some(known) = c.query_optional(known, params![chat, author, message.key], scheduled)? {
        return Ok(known);
    }
    let send_at = message.send_at.filter(|at| (now..=now + SEND_LATER_MAX).contains(at)).ok_or(ChatRefusal::SendAt)?;
    entries::may_write(c, chat, author)?;
    let json = serde_json::to_string(&message)
        .map_err(|error| DatabaseError::Sql(format!("a line cannot be kept: {error}")))?;
    let waiting = "SELECT count(*), CAST(coalesce(sum(length(message)), 0) AS BIGINT) FROM scheduled WHERE author = ?1";
    let waiting = c.query_row(waiting, params![author], |row| Ok((row.get::<u32>(0)?, row.get::<u64>(1)?)));
    let (lines, characters) = waiting?;
    if lines >= WAITING_MAX || characters + json.chars().count() as u64 > CHARACTERS_MAX {
        return Err(ChatRefusal::TooManyScheduled(WAITING_MAX, CHARACTERS_MAX));
    }
    let insert = "INSERT INTO scheduled (chat, author, key, message, send_at) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
    let id = c.query_row(insert, params![chat, author, message.key, json, send_at], |row| row.get(0))?;
    Ok(Scheduled { id, send_at, message })
}

struct Due {
    chat: ChatId,
    author: Member,
    scheduled: Scheduled,
}

fn due(c: &Connection, now: u64) -> Result<Vec<Due>, DatabaseError> {
    let sql = format!(
        "SELECT s.id, s.send_at, s.message, s.chat, a.id, a.name FROM scheduled s JOIN accounts a ON a.id = s.author
         WHERE s.send_at <= ?1 ORDER BY s.send_at, s.id LIMIT {BATCH}"
    );
    c.query(&sql, params![now], |row| {
        let author = Member { id: row.get(4)?, name: row.get(5)? };
        Ok(Due { chat: row.get(3)?, author, scheduled: scheduled(row)? })
    })
}

fn scheduled(row: &Row<'_>) -> Result<Scheduled, DatabaseError> {
    let json: String = row.get(2)?;
    let message = serde_json::from_str(&json)
        .map_err(|error| DatabaseError::Sql(format!("a line that waits cannot be read: {error}")))?;
    Ok(Scheduled { id: row.get(0)?, send_at: row.get(1)?, message })
}
