//! Departures: whoever's account was removed leaves the group chats they were in, and what they had waiting is not sent.

use super::rolls;
use super::{ChatRefusal, Chats, entries, membership};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, Row};
use relay::vocabulary::{ChatId, ChatRole, Member, Message, Notice, Standing};

impl Chats {
    /// Lets everyone leave whose account is removed. What was done before is not done again.
    ///
    /// # Errors
    /// [`DatabaseError`]; the rest waits for the next time.
    pub async fn part_with_removed(&self) -> Result<(), DatabaseError> {
        for (chat, who) in self.database.read(removed).await? {
            let Some(room) = self.room(chat).await? else { continue };
            match self.change(&room, move |c| part(c, chat, &who)).await {
                Ok(()) => {}
                Err(ChatRefusal::Database(error)) => return Err(error),
                Err(refusal) => tracing::warn!(chat, %refusal, "somebody who was removed did not leave a chat"),
            }
        }
        let waiting = "DELETE FROM scheduled WHERE author IN (SELECT id FROM accounts WHERE removed_at IS NOT NULL)";
        self.database.write(move |c| c.execute(waiting, &[])).await.map(drop)
    }
}

/// The seats in group chats that belong to nobody any more.
fn removed(c: &Connection) -> Result<Vec<(ChatId, Member)>, DatabaseError> {
    let sql = "SELECT m.chat, a.id, a.name FROM accounts a JOIN members m ON m.account = a.id
               JOIN chats ON chats.id = m.chat WHERE a.removed_at IS NOT NULL AND chats.kind = 1 ORDER BY m.chat, a.id";
    c.query(sql, &[], |row: &Row<'_>| Ok((row.get(0)?, Member { id: row.get(1)?, name: row.get(2)? })))
}

fn part(c: &Connection, chat: ChatId, who: &Member) -> Result<((), Vec<Message>), ChatRefusal> {
    let seat = match rolls::seat(c, chat, who.id) {
        // Gone meanwhile.
        Err(ChatRefusal::Unknown) => return Ok(((), Vec::new())),
        seat => seat?,
    };
    let now = unix_ms();
    rolls::rise(c, chat, who.id)?;
    if seat.standing != Standing::Joined {
        return Ok(((), Vec::new()));
    }
    let mut notices = vec![entries::note_now(c, chat, who, Notice::Left, now)?];
    if seat.role == ChatRole::Owner {
        notices.extend(membership::hand_over(c, chat, who, now)?);
    }
    Ok(((), notices))
}
