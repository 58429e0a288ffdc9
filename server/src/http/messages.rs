//! Commands about what is written into a chat: send, change, read back, what is pinned.

use super::caller::Known;
use super::chats::{may_talk, of_caller};
use super::extract::{Asked, At, Body, Within};
use super::pages::{Onward, Paged, cursor};
use super::problem::Refused;
use crate::chat::Page;
use crate::state::State;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use relay::vocabulary::{
    AllScheduled, ChatId, Found, HISTORY_MAX, HITS_MAX, History, Problem, SEARCH_MAX, SendMessage, code,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

type Shared = axum::extract::State<Arc<State>>;

/// `POST /v1/chats/{id}/messages`
pub(super) async fn send(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Body(message): Body<SendMessage>,
) -> Result<Response, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    may_talk(&state, &known, &room).await?;
    if message.send_at.is_some() {
        let scheduled = state.chats.schedule(&room, &known.identity.member(), message).await?;
        return Ok((StatusCode::ACCEPTED, Json(scheduled)).into_response());
    }
    let accepted = state.chats.post(&room, known.identity.member(), message).await?;
    Ok((StatusCode::CREATED, Json(accepted)).into_response())
}

/// Which page of a chat is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// Lines after this sequence.
    after: Option<u64>,
    /// Lines before this sequence.
    before: Option<u64>,
    /// Lines around this sequence.
    around: Option<u64>,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/chats/{id}/messages?cursor=|after=|before=|around=&limit=`
pub(super) async fn history(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Paged<History>>, Refused> {
    let onward: Option<Onward> = cursor(wanted.cursor.as_deref())?;
    let page = match (onward, wanted.after, wanted.before, wanted.around) {
        (None, None, None, None) => Page::Newest,
        (Some(onward), None, None, None) => onward.page(),
        (None, Some(after), None, None) => Page::After(after),
        (None, None, Some(before), None) => Page::Before(before),
        (None, None, None, Some(around)) => Page::Around(around),
        _ => {
            let detail = "Give one of cursor, after, before and around, or none for the newest lines.";
            return Err(Problem::new(422, code::INVALID, detail).into());
        }
    };
    let room = of_caller(&state, &known, chat).await?;
    let since = since(&room, &known)?;
    let history = state.chats.history(chat, since, page, wanted.limit.unwrap_or(HISTORY_MAX)).await?;
    let onward = Onward::of(page, &history);
    Ok(Json(Paged::new(history, onward)))
}

/// Which page of what is pinned is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PinsAfter {
    /// Only lines with higher sequences.
    #[serde(default)]
    after: u64,
}

/// `GET /v1/chats/{id}/pins?after=`
pub(super) async fn pins(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Asked(page): Asked<PinsAfter>,
) -> Result<Json<History>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    let after = since(&room, &known)?.max(page.after);
    Ok(Json(state.chats.pinned(chat, after).await?))
}

/// `GET /v1/chats/{id}/scheduled`
pub(super) async fn scheduled(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<Json<AllScheduled>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    Ok(Json(AllScheduled { scheduled: state.chats.scheduled(room.id, known.identity.account).await? }))
}

/// `DELETE /v1/chats/{id}/scheduled/{scheduled}`
pub(super) async fn take_back(
    axum::extract::State(state): Shared,
    known: Known,
    Within(chat, scheduled): Within<ChatId, u64>,
) -> Result<StatusCode, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    state.chats.take_back(room.id, known.identity.account, scheduled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is searched for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Search {
    /// What to look for: words, all of which must be there.
    q: String,
    /// Only in this chat.
    chat: Option<ChatId>,
    /// What the page before gave as `next`.
    cursor: Option<String>,
    /// The same by its earlier name.
    before: Option<u64>,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /v1/search?q=&chat=&cursor=&limit=`
pub(super) async fn search(
    axum::extract::State(state): Shared,
    known: Known,
    Asked(search): Asked<Search>,
) -> Result<Json<Found>, Refused> {
    if search.q.len() > SEARCH_MAX {
        let detail = format!("A search has at most {SEARCH_MAX} bytes.");
        return Err(Problem::new(413, code::TOO_LONG, detail).into());
    }
    let limit = search.limit.unwrap_or(HITS_MAX);
    let before = cursor(search.cursor.as_deref())?.or(search.before);
    let found = state.chats.search(known.identity.account, &search.q, search.chat, before, limit).await?;
    Ok(Json(found.map_err(|error| Problem::new(422, code::INVALID, format!("{error}.")))?))
}

/// The sequence after which the caller may read.
fn since(room: &crate::chat::Room, known: &Known) -> Result<u64, Refused> {
    let since = room.for_reader(known.identity.account, |roll, person| roll.since(person));
    Ok(since.ok_or(crate::chat::ChatRefusal::Unknown)?)
}
