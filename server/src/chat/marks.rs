//! Marks and typing: how far each member has come, which is stored, and who types, which is not.

use super::{ChatRefusal, Chats, Room};
use crate::clock::unix_ms;
use crate::database::{DatabaseError, params};
use crate::identity::AccountId;
use relay::vocabulary::{Marks, SetMarks, Signal};
use std::sync::Arc;

impl Chats {
    /// Moves someone's marks forward, stores them and shows them to whoever looks. Marks beyond the newest entry stop
    /// there; what is there already is not stored again.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn mark(&self, room: &Arc<Room>, account: AccountId, set: SetMarks) -> Result<Marks, ChatRefusal> {
        let latest = room.latest();
        let known = room.roll().person(account).map(|person| person.marks).ok_or(ChatRefusal::Unknown)?;
        let read = set.read.unwrap_or_default().min(latest).max(known.read);
        let delivered = set.delivered.unwrap_or_default().min(latest).max(known.delivered).max(read);
        let marks = Marks { account, delivered, read };
        if marks == known {
            return Ok(marks);
        }
        let (chat, marking, clock) = (room.id, room.clone(), self.clock);
        let job = move |c: &crate::database::Connection| {
            let sql = "UPDATE members SET
                           delivered = CASE WHEN delivered < ?3 THEN ?3 ELSE delivered END,
                           seen = CASE WHEN seen < ?4 THEN ?4 ELSE seen END
                       WHERE chat = ?1 AND account = ?2";
            c.execute(sql, params![chat, account, delivered, read])
        };
        let after = move |_: &u64| {
            if let Some(marks) = marking.mark(marks) {
                marking.signal(&Signal::Marks(marks), clock.micros());
            }
        };
        self.database.write_then::<_, DatabaseError, _, _>(job, after).await?;
        Ok(marks)
    }

    /// Shows whoever looks that someone types, or has stopped.
    pub fn typing(&self, room: &Room, account: AccountId, on: bool) {
        if !room.roll().has(account) {
            return;
        }
        room.signal(&Signal::Typing { account, on, at: unix_ms() }, self.clock.micros());
    }
}
