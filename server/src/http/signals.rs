//! Commands about what passes in a chat without being an entry: how far someone has come, who types.

use super::caller::Known;
use super::chats::{may_talk, of_caller};
use super::extract::{At, Body};
use super::problem::Refused;
use crate::state::State;
use axum::Json;
use http::StatusCode;
use relay::vocabulary::{AllMarks, ChatId, Marks, SetMarks, SetTyping};
use std::sync::Arc;

type Shared = axum::extract::State<Arc<State>>;

/// `GET /v1/chats/{id}/marks`
pub(super) async fn marks(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
) -> Result<Json<AllMarks>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    Ok(Json(AllMarks { marks: room.roll().joined().map(|person| person.marks).collect() }))
}

/// `PUT /v1/chats/{id}/marks`
pub(super) async fn set_marks(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Body(set): Body<SetMarks>,
) -> Result<Json<Marks>, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    Ok(Json(state.chats.mark(&room, known.identity.account, set).await?))
}

/// `POST /v1/chats/{id}/typing`
pub(super) async fn set_typing(
    axum::extract::State(state): Shared,
    known: Known,
    At(chat): At<ChatId>,
    Body(set): Body<SetTyping>,
) -> Result<StatusCode, Refused> {
    let room = of_caller(&state, &known, chat).await?;
    may_talk(&state, &known, &room).await?;
    state.chats.typing(&room, known.identity.account, set.on);
    Ok(StatusCode::NO_CONTENT)
}
