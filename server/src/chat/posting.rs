//! Writing into a chat: stored first, then put on its track.

use super::entries::{self, Stored};
use super::{ChatRefusal, Chats, Roll, Room, rolls};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError};
use crate::identity::AccountId;
use relay::vocabulary::markup::{self, Block, Meaning};
use relay::vocabulary::{MENTIONS_MAX, Member, MessageAccepted, Notice, SendMessage};
use std::sync::Arc;

impl Chats {
    /// Stores a line or a change, then puts it on the track. A repeated key is answered like the first time and changes
    /// nothing.
    ///
    /// # Errors
    /// [`ChatRefusal`]; nothing is stored then.
    pub async fn post(
        &self,
        room: &Arc<Room>,
        author: Member,
        mut message: SendMessage,
    ) -> Result<MessageAccepted, ChatRefusal> {
        let (chat, now) = (room.id, unix_ms());
        message.mentions.extend(mentioned(&room.roll(), &message.text));
        message.mentions.truncate(MENTIONS_MAX);
        let job = move |c: &Connection| entries::store(c, chat, &author, &message, now);
        self.append_after(room, job).await
    }

    /// Writes a notice of the server's own, caused by `author`, once for each `key`.
    ///
    /// # Errors
    /// [`DatabaseError`]; the notice is not stored then.
    pub async fn note(
        &self,
        room: &Arc<Room>,
        author: AccountId,
        key: String,
        notice: Notice,
    ) -> Result<MessageAccepted, DatabaseError> {
        let (chat, now) = (room.id, unix_ms());
        let known = room.roll().person(author).map(|person| person.member.clone());
        let author = known.unwrap_or_else(|| Member { id: author, name: String::new() });
        let job = move |c: &Connection| entries::note(c, chat, &author, &key, notice, now);
        self.append_after(room, job).await
    }

    /// Runs a job that stores an entry, and puts the entry on the track once it is on the disk.
    pub(super) async fn append_after<E, J>(&self, room: &Arc<Room>, job: J) -> Result<MessageAccepted, E>
    where
        E: From<DatabaseError> + Send + 'static,
        J: FnOnce(&Connection) -> Result<Stored, E> + Send + 'static,
    {
        let (id, appending) = (room.id, room.clone());
        let (delivery, clock, written) = (self.delivery.clone(), self.clock, self.written.clone());
        let job = move |c: &Connection| {
            let stored = job(c)?;
            let roll = if stored.joined { rolls::load(c, id)?.map(|(roll, _)| roll) } else { None };
            Ok::<_, E>((stored, roll))
        };
        let after = move |(stored, roll): &(Stored, Option<Roll>)| {
            if let Some(roll) = roll {
                appending.renew(roll.clone(), &delivery);
            }
            if stored.fresh {
                let now = clock.micros();
                stored.erased.iter().for_each(|erased| appending.replace(erased, now));
                appending.append(&stored.message, now);
                written.notify_one();
            }
        };
        let (stored, _) = self.database.write_then(job, after).await?;
        if stored.joined {
            self.tell_changed(room);
        }
        Ok(MessageAccepted { sequence: stored.message.sequence, at: stored.message.at })
    }
}

/// The members whom a text names with an `@`: for those who write it without knowing anyone's number.
fn mentioned(roll: &Roll, text: &str) -> Vec<u64> {
    if !text.contains('@') {
        return Vec::new();
    }
    let spans = markup::parse(text).into_iter().flat_map(|block| match block {
        Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans) => spans,
        Block::Code { .. } => Vec::new(),
    });
    let names = spans.filter(|span| span.meaning == Meaning::Mention).filter_map(|span| span.text.strip_prefix('@'));
    let named = names.filter_map(|name| roll.people.iter().find(|one| one.member.name.eq_ignore_ascii_case(name)));
    named.map(|person| person.member.id).take(MENTIONS_MAX).collect()
}
