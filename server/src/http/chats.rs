//! Commands about chats: list, open, send, read back.

use super::caller::Known;
use super::extract::{Asked, At, Body};
use super::problem::Refused;
use crate::chat::Room;
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{
    Chat, ChatId, Chats, Event, HISTORY_MAX, History, MessageAccepted, OpenChat, Problem, SendMessage, code,
};
use serde::Deserialize;
use std::sync::Arc;

/// `GET /v1/chats`
pub(super) async fn list(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<Json<Chats>, Refused> {
    Ok(Json(Chats { chats: state.chats.of(known.identity.account).await? }))
}

/// `POST /v1/chats`
pub(super) async fn open(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    Body(open): Body<OpenChat>,
) -> Result<(StatusCode, Json<Chat>), Refused> {
    let unknown = || Problem::new(404, code::NOT_FOUND, format!("There is no account {:?} on this server.", open.with));
    let other = state.accounts.by_name(&open.with).await?.ok_or_else(unknown)?;
    if other.id == known.identity.account {
        return Err(Problem::new(422, code::INVALID, "A chat needs somebody else: name another account.").into());
    }
    state.contacts.may_reach(known.identity.account, &other).await?;
    let (room, made) = state.chats.open(known.identity.account, other.id).await?;
    let chat = room.view();
    if made {
        for member in &chat.members {
            state.delivery.send(member.id, &Event::ChatOpened { chat: chat.clone() });
        }
    }
    Ok((if made { StatusCode::CREATED } else { StatusCode::OK }, Json(chat)))
}

/// `POST /v1/chats/{id}/messages`
pub(super) async fn send(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(chat): At<ChatId>,
    Body(message): Body<SendMessage>,
) -> Result<(StatusCode, Json<MessageAccepted>), Refused> {
    let room = of_caller(&state, &known, chat).await?;
    may_talk(&state, &known, &room).await?;
    let accepted = state.chats.post(&room, known.identity.account, message).await?;
    Ok((StatusCode::CREATED, Json(accepted)))
}

/// Which page of a chat is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// `GET /v1/chats/{id}/messages?after=&limit=`
pub(super) async fn history(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(chat): At<ChatId>,
    Asked(page): Asked<Page>,
) -> Result<Json<History>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    Ok(Json(state.chats.history(room.id, page.after, page.limit.unwrap_or(HISTORY_MAX)).await?))
}

/// Whether the caller may say something in a chat or call from it: between two, neither may have blocked the other.
pub(super) async fn may_talk(state: &State, known: &Known, room: &Room) -> Result<(), Refused> {
    let account = known.identity.account;
    if let [one, other] = &room.members[..] {
        state.contacts.may_reach(account, if one.id == account { other } else { one }).await?;
    }
    Ok(())
}

/// The chat of that number, if the caller belongs to it. Others learn nothing of it.
pub(super) async fn of_caller(state: &State, known: &Known, chat: ChatId) -> Result<Arc<Room>, Refused> {
    // A number beyond what the database can hold is no chat's either.
    let room = if chat > 0 && chat < u64::from(u32::MAX) { state.chats.room(chat).await? } else { None };
    let room = room.filter(|room| room.has(known.identity.account));
    Ok(room.ok_or_else(|| Problem::new(404, code::NOT_FOUND, format!("There is no chat {chat} of yours.")))?)
}
