//! Who belongs to a chat: opening one, asking others in, answering, leaving, removing, roles, name and picture.

use super::rights::Act;
use super::rolls::{self, Asking};
use super::{ChatRefusal, Chats, Room, attached, entries};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, params};
use crate::identity::AccountId;
use relay::vocabulary::{
    AskIn, ChangeChat, ChatKind, ChatRole, ClosedReason, Event, Member, Message, Notice, OpenChat, SendMessage,
    Standing, With,
};
use std::sync::Arc;

/// How someone answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Accept,
    /// No.
    Decline,
    /// Nothing, and nothing more is wanted to be heard of it.
    Ignore,
}

impl Chats {
    /// Opens a direct chat or makes a group chat; says whether it was made just now. A first line is sent at once. Between
    /// `friends` a direct chat needs no request.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn open(&self, opener: &Member, open: OpenChat, friends: bool) -> Result<(Arc<Room>, bool), ChatRefusal> {
        let (room, made) = match open.with {
            With::One(name) => {
                let text = open.text.clone().unwrap_or_default();
                self.open_direct(opener, &name, friends, text).await?
            }
            With::Group(names) => {
                let key = open.key.clone().unwrap_or_default();
                let text = open.text.clone().unwrap_or_default();
                self.open_group(opener, key, open.name, names, text).await?
            }
        };
        if let (Some(text), Some(key)) = (open.text, open.key) {
            self.post(&room, opener.clone(), SendMessage::line(text, key)).await?;
        }
        Ok((room, made))
    }

    async fn open_direct(
        &self,
        opener: &Member,
        name: &str,
        friends: bool,
        text: String,
    ) -> Result<(Arc<Room>, bool), ChatRefusal> {
        let (me, folded) = (opener.id, name.to_ascii_lowercase());
        let find = "SELECT id FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let found = self.database.read(move |c| c.query_optional(find, params![folded], |row| row.get::<u64>(0)));
        let other = found.await?.ok_or_else(|| ChatRefusal::NoAccount(name.to_owned()))?;
        if other == me {
            return Err(ChatRefusal::Alone);
        }
        let (id, made) =
            self.database.write(move |c| rolls::open_direct(c, me, other, friends, &text, unix_ms())).await?;
        let room = self.room(id).await?.ok_or(ChatRefusal::Unknown)?;
        if made {
            self.tell_opened(&room, room.roll().listeners().map(|person| person.member.id));
        } else if !room.roll().has(me) {
            // It was opened to someone who had not answered, or had said no.
            self.change(&room, |_| Ok(((), Vec::new()))).await?;
            self.tell_opened(&room, std::iter::once(me));
            self.tell_changed(&room);
        }
        Ok((room, made))
    }

    async fn open_group(
        &self,
        owner: &Member,
        key: String,
        name: String,
        names: Vec<String>,
        text: String,
    ) -> Result<(Arc<Room>, bool), ChatRefusal> {
        let (by, now) = (owner.clone(), unix_ms());
        // Nobody but the owner can be asked before the chat is there, so all of it happens at once or not at all.
        let made = self.database.attempt(move |c| {
            let (id, made) = rolls::open_group(c, by.id, &key, &name, now)?;
            if made {
                entries::note_now(c, id, &by, Notice::Opened, now)?;
                let asking = Asking { asker: by.id, text: &text, since: 0, now };
                let who = rolls::ask_in(c, id, &names, &asking)?;
                if who.is_empty() {
                    return Err(ChatRefusal::Alone);
                }
                entries::note_now(c, id, &by, Notice::Invited { who }, now)?;
            }
            Ok((id, made))
        });
        let (id, made) = made.await?;
        let room = self.room(id).await?.ok_or(ChatRefusal::Unknown)?;
        if !room.roll().has(owner.id) {
            return Err(ChatRefusal::Unknown);
        }
        if made {
            self.tell_opened(&room, room.roll().people.iter().map(|person| person.member.id));
        }
        Ok((room, made))
    }

    /// Asks others into a group chat. Gives those who did not belong to it before.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn ask_in(&self, room: &Arc<Room>, asker: &Member, ask: AskIn) -> Result<Vec<Member>, ChatRefusal> {
        let (chat, by, now) = (room.id, asker.clone(), unix_ms());
        let asked = self.change(room, move |c| {
            rolls::seat_for(c, chat, by.id, Act::AskIn)?;
            let since = rolls::latest(c, chat)?;
            let who = rolls::ask_in(c, chat, &ask.names, &Asking { asker: by.id, text: &ask.text, since, now })?;
            if who.is_empty() {
                return Ok((who, Vec::new()));
            }
            let notice = entries::note_now(c, chat, &by, Notice::Invited { who: who.clone() }, now)?;
            Ok((who, vec![notice]))
        });
        let asked = asked.await?;
        self.tell_opened(room, asked.iter().map(|member| member.id));
        Ok(asked)
    }

    /// Answers a request. Answering as before changes nothing.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn answer(&self, room: &Arc<Room>, who: &Member, answer: Answer) -> Result<(), ChatRefusal> {
        let (chat, by, now) = (room.id, who.clone(), unix_ms());
        let to = match answer {
            Answer::Accept => Standing::Joined,
            Answer::Decline => Standing::Declined,
            Answer::Ignore => Standing::Ignored,
        };
        let changed = self.change(room, move |c| {
            let seat = rolls::seat(c, chat, by.id)?;
            if seat.standing == to {
                return Ok((false, Vec::new()));
            }
            if !matches!(seat.standing, Standing::Requested | Standing::Ignored) {
                return Err(ChatRefusal::NoRequest);
            }
            rolls::set_standing(c, chat, by.id, to)?;
            let notices = if to == Standing::Joined && seat.kind == ChatKind::Group {
                vec![entries::note_now(c, chat, &by, Notice::Joined, now)?]
            } else {
                Vec::new()
            };
            Ok((true, notices))
        });
        if !changed.await? {
            return Ok(());
        }
        match answer {
            Answer::Accept => {
                self.tell_opened(room, std::iter::once(who.id));
                if room.roll().kind == ChatKind::Direct {
                    self.tell_changed(room);
                }
            }
            Answer::Decline => {
                self.tell_closed(room, who.id, ClosedReason::Declined);
                for person in room.roll().joined() {
                    let event = Event::ChatDeclined { chat: room.id, who: who.clone() };
                    self.delivery.send(person.member.id, &event);
                }
            }
            Answer::Ignore => self.tell_closed(room, who.id, ClosedReason::Ignored),
        }
        Ok(())
    }

    /// Leaves a group chat. An owner who leaves hands it over.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn leave(&self, room: &Arc<Room>, who: &Member) -> Result<(), ChatRefusal> {
        let (chat, by, now) = (room.id, who.clone(), unix_ms());
        let left = self.change(room, move |c| {
            let seat = rolls::seat_for(c, chat, by.id, Act::Leave)?;
            rolls::rise(c, chat, by.id)?;
            let mut notices = vec![entries::note_now(c, chat, &by, Notice::Left, now)?];
            if seat.role == ChatRole::Owner {
                notices.extend(hand_over(c, chat, &by, now)?);
            }
            Ok(((), notices))
        });
        left.await?;
        self.tell_closed(room, who.id, ClosedReason::Left);
        Ok(())
    }

    /// Removes someone from a group chat, or takes a request back.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn remove(&self, room: &Arc<Room>, by: &Member, whom: AccountId) -> Result<(), ChatRefusal> {
        let (chat, by, now) = (room.id, by.clone(), unix_ms());
        let removed = self.change(room, move |c| {
            let own = rolls::seat(c, chat, by.id)?;
            let (member, seat) = rolls::seated(c, chat, whom).map_err(|refusal| match own.standing {
                Standing::Joined => refusal,
                _ => ChatRefusal::Unknown,
            })?;
            rolls::seat_for(c, chat, by.id, Act::Remove(seat.role))?;
            rolls::rise(c, chat, whom)?;
            let notice = entries::note_now(c, chat, &by, Notice::Removed { who: member }, now)?;
            Ok(((), vec![notice]))
        });
        removed.await?;
        self.tell_closed(room, whom, ClosedReason::Removed);
        Ok(())
    }

    /// Gives a member another role. An owner who makes another one owner is a moderator afterwards.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn set_role(
        &self,
        room: &Arc<Room>,
        by: &Member,
        whom: AccountId,
        role: ChatRole,
    ) -> Result<(), ChatRefusal> {
        let (chat, by, now) = (room.id, by.clone(), unix_ms());
        let set = self.change(room, move |c| {
            rolls::seat_for(c, chat, by.id, Act::SetRole)?;
            let (member, seat) = rolls::seated(c, chat, whom)?;
            if seat.standing != Standing::Joined {
                return Err(ChatRefusal::NotIn);
            }
            if seat.role == role {
                return Ok(((), Vec::new()));
            }
            if whom == by.id {
                return Err(ChatRefusal::NotAllowed("a chat has an owner: make somebody else the owner instead"));
            }
            let mut notices = vec![promote(c, chat, &by, member, role, now)?];
            if role == ChatRole::Owner {
                notices.push(promote(c, chat, &by, by.clone(), ChatRole::Moderator, now)?);
            }
            Ok(((), notices))
        });
        set.await
    }

    /// Changes a chat's name, its picture or how long it keeps lines.
    ///
    /// # Errors
    /// [`ChatRefusal`].
    pub async fn describe(&self, room: &Arc<Room>, by: &Member, change: ChangeChat) -> Result<(), ChatRefusal> {
        let (chat, by, now) = (room.id, by.clone(), unix_ms());
        let described = self.change(room, move |c| {
            let mut notices = Vec::new();
            if let Some(name) = change.name {
                rolls::seat_for(c, chat, by.id, Act::Describe)?;
                c.execute("UPDATE chats SET name = ?2 WHERE id = ?1", params![chat, name])?;
                notices.push(Notice::Named { name });
            }
            if let Some(picture) = change.picture {
                rolls::seat_for(c, chat, by.id, Act::Describe)?;
                let file = Some(picture).filter(|file| !file.is_empty());
                if let Some(file) = &file {
                    let found = attached::attachment(c, by.id, file)?;
                    let found = found.ok_or_else(|| ChatRefusal::NoFile(file.clone()))?;
                    found.picture.ok_or_else(|| ChatRefusal::NoPicture(file.clone()))?;
                }
                c.execute("UPDATE chats SET picture = ?2 WHERE id = ?1", params![chat, file])?;
                notices.push(Notice::Picture { file });
            }
            if let Some(retention) = change.retention_ms {
                rolls::seat_for(c, chat, by.id, Act::Retain)?;
                let ms = Some(retention).filter(|ms| *ms > 0);
                c.execute("UPDATE chats SET retention_ms = ?2 WHERE id = ?1", params![chat, ms])?;
                notices.push(Notice::Retention { ms });
            }
            let noted = notices.into_iter().map(|notice| entries::note_now(c, chat, &by, notice, now));
            Ok(((), noted.collect::<Result<_, DatabaseError>>()?))
        });
        described.await
    }

    /// Tells people that a chat has come into their lists.
    fn tell_opened(&self, room: &Room, accounts: impl Iterator<Item = AccountId>) {
        for account in accounts {
            if let Some(chat) = room.view(account) {
                self.delivery.send(account, &Event::ChatOpened { chat: Box::new(chat) });
            }
        }
    }

    /// Tells everyone in a chat how it stands now.
    pub(super) fn tell_changed(&self, room: &Room) {
        for person in room.roll().joined() {
            if let Some(chat) = room.view(person.member.id) {
                self.delivery.send(person.member.id, &Event::ChatChanged { chat: Box::new(chat) });
            }
        }
    }

    fn tell_closed(&self, room: &Room, account: AccountId, reason: ClosedReason) {
        self.delivery.send(account, &Event::ChatClosed { chat: room.id, reason });
    }
}

/// The owner has left: somebody else is it from now on, if there is anybody.
pub(super) fn hand_over(c: &Connection, chat: u64, by: &Member, now: u64) -> Result<Option<Message>, DatabaseError> {
    let heir = rolls::heir(c, chat)?;
    heir.map(|heir| promote(c, chat, by, heir, ChatRole::Owner, now)).transpose()
}

fn promote(
    c: &Connection,
    chat: u64,
    by: &Member,
    who: Member,
    role: ChatRole,
    now: u64,
) -> Result<Message, DatabaseError> {
    rolls::set_role(c, chat, who.id, role)?;
    entries::note_now(c, chat, by, Notice::Role { who, role }, now)
}
