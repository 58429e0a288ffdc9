//! What people and chats are called, and which chat is whose.

use relay::vocabulary::{Chat, ChatId, ChatKind, Profile};

use super::{Scene, Value};
use crate::engine::State;

/// How someone wants to be called.
pub fn of_profile(profile: &Profile) -> &str {
    if profile.display_name.is_empty() { &profile.name } else { &profile.display_name }
}

/// How the account with this number wants to be called, if it is a contact or oneself; else the name that the chat knows.
pub fn of_member<'a>(state: &'a State, account: u64, otherwise: &'a str) -> &'a str {
    if let Some(me) = state.me.as_ref().filter(|me| me.profile.id == account) {
        return of_profile(&me.profile);
    }
    state.roster.contacts.get(&account).map_or(otherwise, |contact| of_profile(&contact.who))
}

/// The other one of a direct chat.
pub fn other(chat: &Chat, me: u64) -> Option<(u64, &str)> {
    let others = chat.members.iter().filter(|member| member.id != me);
    others.map(|member| (member.id, member.name.as_str())).next()
}

/// What a chat is called.
pub fn of_chat(scene: &Scene<'_>, chat: &Chat) -> String {
    if chat.kind == ChatKind::Direct {
        return match other(chat, scene.me()) {
            Some((id, name)) => of_member(&scene.view.state, id, name).to_owned(),
            None => scene.say("chat-with-yourself"),
        };
    }
    if !chat.name.is_empty() {
        return chat.name.clone();
    }
    let others = chat.members.iter().filter(|member| member.id != scene.me()).take(3);
    let names: Vec<&str> = others.map(|member| of_member(&scene.view.state, member.id, &member.name)).collect();
    match names.is_empty() {
        true => scene.words.with("chat-group-of", &[("count", Value::Number(u64::from(chat.joined)))]),
        false => names.join(", "),
    }
}

/// The direct chat with someone, if there is one.
pub fn direct_chat_with(state: &State, name: &str) -> Option<ChatId> {
    let me = state.account.as_ref().map_or(0, |account| account.id);
    let is_with = |chat: &Chat| {
        chat.kind == ChatKind::Direct && other(chat, me).is_some_and(|(_, other)| other.eq_ignore_ascii_case(name))
    };
    state.chats.iter().find(|(_, known)| is_with(&known.chat)).map(|(id, _)| *id)
}

/// The direct chat with an account, if there is one.
pub fn direct_chat_of(state: &State, account: u64) -> Option<ChatId> {
    let me = state.account.as_ref().map_or(0, |account| account.id);
    let is_with =
        |chat: &Chat| chat.kind == ChatKind::Direct && other(chat, me).is_some_and(|(other, _)| other == account);
    state.chats.iter().find(|(_, known)| is_with(&known.chat)).map(|(id, _)| *id)
}
