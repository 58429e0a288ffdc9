//! Commands about people's pictures: as images over https, as base64 in JSON through a link.

use super::caller::Known;
use super::extract::At;
use super::problem::Refused;
use crate::content::ContentId;
use crate::state::State;
use axum::Json;
use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use relay::vocabulary::{Check, PICTURE_MAX, PictureData, PictureKept, Problem, code};
use std::sync::Arc;
use std::time::Duration;

/// How long a client may take to send a picture.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a name stands for never changes, and is nobody's business but the reader's.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// `PUT /v1/me/picture`
pub(super) async fn put(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    request: Request,
) -> Result<Json<PictureKept>, Refused> {
    let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let arriving = tokio::time::timeout(PATIENCE, Bytes::from_request(request, &()));
    let slow = |_| Problem::new(408, code::MALFORMED, "The picture did not arrive in time. Send it faster.");
    let sent = arriving.await.map_err(slow)?.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(413, code::TOO_LONG, format!("The picture is over the limit of {PICTURE_MAX} bytes."))
        } else {
            Problem::new(400, code::MALFORMED, "The picture broke off.")
        }
    })?;
    let image = if is_json { decoded(&sent)? } else { sent.to_vec() };
    let kept = state.profiles.set_picture(known.identity.account, image).await?;
    Ok(Json(PictureKept { picture: kept.to_string() }))
}

fn decoded(json: &[u8]) -> Result<Vec<u8>, Problem> {
    let malformed = |error: &dyn std::fmt::Display| Problem::new(400, code::MALFORMED, format!("{error}."));
    let data: PictureData = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
    data.check().map_err(|error| Problem::from(&error))?;
    STANDARD.decode(data.image).map_err(|error| malformed(&error))
}

/// `DELETE /v1/me/picture`
pub(super) async fn clear(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
) -> Result<StatusCode, Refused> {
    state.profiles.clear_picture(known.identity.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/pictures/{picture}`
pub(super) async fn show(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    known: Known,
    At(id): At<ContentId>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let tag = format!("\"{id}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let missing = || Problem::new(404, code::NOT_FOUND, "There is no such picture. Its owner may have another by now.");
    let image = state.profiles.picture(id).await?.ok_or_else(missing)?;
    if known.link.is_some() {
        return Ok(Json(PictureData { image: STANDARD.encode(image) }).into_response());
    }
    let mut response = image.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, CACHE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}
