//! Commands about chats: list, open, ask in, answer, leave, remove, roles, name and picture.

use super::caller::Known;
use super::extract::{Asked, At, Body, Within};
use super::pages::cursor;
use super::problem::Refused;
use crate::chat::{Answer, Place, Room};
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{
    AskIn, CHATS_MAX, ChangeChat, Chat, ChatId, ChatKind, ChatMembers, Chats, OpenChat, Problem, SetRole, With, code,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

type Shared = axum::extract::State<Arc<State>>;

/// Which page of the list is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListPage {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// The same by its earlier name.
    after: Option<String>,
    /// How many at most.
    limit: Option<u32>,
    /// Only the requests that the caller ignores.
    #[serde(default)]
    ignored: bool,
}

/// `GET /v1/chats?cursor=&limit=&ignored=`
pub(super) async fn list(
    axum::extract::State(state): Shared,
    known: Known,
    Asked(page): Asked<ListPage>,
) -> Result<Json<Chats>, Refused> {
    let after: Option<Place> = cursor(page.cursor.or(page.after).as_deref())?;
    let limit = page.limit.unwrap_or(CHATS_MAX);
    let (chats, next) = state.chats.of(known.identity.account, page.ignored, after, limit).await?;
    Ok(Json(Chats { chats, next: next.map(|place| place.to_string()) }))
}

/// `POST /v1/chats`
pub(super) async fn open(
    axum::extract::State(state): Shared,
    known: Known,
    Body(open): Body<OpenChat>,
) -> Result<(StatusCode, Json<Chat>), Refused> {
    let me = known.identity.member();
    let mut friends = false;
    match &open.with {
        With::One(name) => {
            // One who is not there is refused like any other, by the chats.
            if let Some(other) = state.accounts.by_name(name).await? {
                state.contacts.may_reach(me.id, &other).await?;
                friends = state.contacts.know_each_other(me.id, other.id).await?;
            }
        }
        With::Group(names) => may_ask(&state, &known, names).await?,
    }
    let (room, made) = state.chats.open(&me, open, friends).await?;
    let chat = seen(&state, &known, &room).await?;
    Ok((if made { StatusCode::CREATED } else { StatusCode::OK }, Json(chat)))
}

/// `GET /v1/chats/{id}`
pub(super) async fn show(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<Json<Chat>, Refused> {
    let room = any_of_caller(&state, &known, chat).await?;
    Ok(Json(seen(&state, &known, &room).await?))
}

/// `PATCH /v1/chats/{id}`
pub(super) async fn change(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Body(change): Body<ChangeChat>,
) -> Result<Json<Chat>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    state.chats.describe(&room, &known.identity.member(), change).await?;
    Ok(Json(seen(&state, &known, &room).await?))
}

/// Whether the caller may say something in a chat or call from it: between two, neither may have blocked the other.
pub(super) async fn may_talk(state: &State, known: &Known, room: &Room) -> Result<(), Refused> {
    let (account, roll) = (known.identity.account, room.roll());
    if roll.kind == ChatKind::Direct
        && let Some(other) = roll.people.iter().find(|person| person.member.id != account)
    {
        state.contacts.may_reach(account, &other.member).await?;
    }
    Ok(())
}

/// Whether the caller may ask all of these into a chat: none may have blocked the caller, or be blocked.
async fn may_ask(state: &State, known: &Known, names: &[String]) -> Result<(), Refused> {
    for name in names {
        if let Some(other) = state.accounts.by_name(name).await? {
            state.contacts.may_reach(known.identity.account, &other).await?;
        }
    }
    Ok(())
}

/// `GET /v1/chats/{id}/members`
pub(super) async fn members(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<Json<ChatMembers>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    Ok(Json(ChatMembers { members: room.roll().members() }))
}

/// `POST /v1/chats/{id}/members`
pub(super) async fn ask_in(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Body(ask): Body<AskIn>,
) -> Result<Json<ChatMembers>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    may_ask(&state, &known, &ask.names).await?;
    state.chats.ask_in(&room, &known.identity.member(), ask).await?;
    Ok(Json(ChatMembers { members: room.roll().members() }))
}

/// `PUT /v1/chats/{id}/members/{account}`
pub(super) async fn set_role(
    axum::extract::State(state): Shared,
    known: Known,
    Within(chat, account): Within<ChatId, u64>,
    Body(set): Body<SetRole>,
) -> Result<StatusCode, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    state.chats.set_role(&room, &known.identity.member(), account, set.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/chats/{id}/members/{account}`: removes someone; the caller themselves leaves.
pub(super) async fn remove(
    axum::extract::State(state): Shared,
    known: Known,
    Within(chat, account): Within<ChatId, u64>,
) -> Result<StatusCode, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    let me = known.identity.member();
    if account == me.id {
        state.chats.leave(&room, &me).await?;
    } else {
        state.chats.remove(&room, &me, account).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/chats/{id}/accept`
pub(super) async fn accept(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<Json<Chat>, Refused> {
    let room = any_of_caller(&state, &known, chat).await?;
    state.chats.answer(&room, &known.identity.member(), Answer::Accept).await?;
    Ok(Json(seen(&state, &known, &room).await?))
}

/// `POST /v1/chats/{id}/decline`
pub(super) async fn decline(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<StatusCode, Refused> {
    let room = any_of_caller(&state, &known, chat).await?;
    state.chats.answer(&room, &known.identity.member(), Answer::Decline).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/chats/{id}/ignore`
pub(super) async fn ignore(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<StatusCode, Refused> {
    let room = any_of_caller(&state, &known, chat).await?;
    state.chats.answer(&room, &known.identity.member(), Answer::Ignore).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The chat of that number, if the caller may read it. Others learn nothing of it.
pub(super) async fn of_caller(state: &State, known: &Known, chat: ChatId) -> Result<Arc<Room>, Refused> {
    let room = state.chats.room(chat).await?.filter(|room| room.roll().reader(known.identity.account).is_some());
    Ok(room.ok_or_else(|| no_chat(chat))?)
}

/// The chat of that number, if the caller has anything to do with it: a request is enough.
async fn any_of_caller(state: &State, known: &Known, chat: ChatId) -> Result<Arc<Room>, Refused> {
    let room = state.chats.room(chat).await?.filter(|room| room.roll().person(known.identity.account).is_some());
    Ok(room.ok_or_else(|| no_chat(chat))?)
}

/// The chat as the caller sees it, with what they have not read.
async fn seen(state: &State, known: &Known, room: &Room) -> Result<Chat, Refused> {
    let chat = room.view(known.identity.account).ok_or_else(|| no_chat(room.id))?;
    let unread = state.chats.unread(room.id, known.identity.account, chat.read.max(chat.since)).await?;
    Ok(Chat { unread, ..chat })
}

fn no_chat(chat: ChatId) -> Problem {
    Problem::new(404, code::NOT_FOUND, format!("There is no chat {chat} of yours."))
}
