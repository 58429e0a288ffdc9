//! What handlers take from a request, with a problem for whatever is not right about it.

use super::problem::Refused;
use super::repeating::Key;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use relay::vocabulary::{Check, Problem, VocabularyError, body, code};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

/// How long a client may take to send a command's body.
const PATIENCE: Duration = Duration::from_secs(15);

/// A command's body: JSON that keeps its limits. An empty body counts as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Check, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let json = is_json(request.headers());
        let key = request.extensions().get::<Key>().cloned();
        let Octets(bytes) = Octets::from_request(request, state).await?;
        if !json && !bytes.is_empty() {
            let detail = "Send the body as JSON: `Content-Type: application/json`.";
            return Err(Problem::new(415, code::UNSUPPORTED_MEDIA, detail).into());
        }
        let malformed =
            |error: serde_json::Error| VocabularyError::Malformed { what: "body", reason: error.to_string() };
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut value: Value = serde_json::from_slice(bytes).map_err(malformed)?;
        // What has a key of its own has the request's, unless it says another one: whatever is made is made once by it.
        if let (Some(Key(key)), Some(fields)) = (key, value.as_object_mut()) {
            fields.entry("key").or_insert(Value::String(key));
        }
        Ok(Self(body(value)?))
    }
}

/// Whether a body is JSON by its media type. One without any counts as JSON: there is nothing else that it could be.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(media) = headers.get(header::CONTENT_TYPE) else { return true };
    let media = media.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media.starts_with("application/") && media.ends_with("+json")
}

/// A body as it came, within the route's limit.
pub(crate) struct Octets(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Octets {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let arriving = tokio::time::timeout(PATIENCE, Bytes::from_request(request, state));
        let slow = |_| Problem::new(408, code::MALFORMED, "The body did not arrive in time. Send it faster.");
        let bytes = arriving.await.map_err(slow)?.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(413, code::TOO_LONG, "The body is over the limit of this address: send less at a time.")
            }
            _ => Problem::new(400, code::MALFORMED, "The body broke off."),
        })?;
        Ok(Self(bytes))
    }
}

/// The one parameter of a path, such as a number.
pub(crate) struct At<T>(pub(crate) T);

impl<T: FromStr + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let missing = || Problem::new(404, code::NOT_FOUND, format!("There is nothing at {}.", parts.uri.path()));
        let problem = missing();
        let path = Path::<String>::from_request_parts(parts, state).await;
        let value = path.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self(value.ok_or(problem)?))
    }
}

/// The two parameters of a path, such as a chat's number and that of something in it.
pub(crate) struct Within<A, B>(pub(crate) A, pub(crate) B);

impl<A: FromStr + Send, B: FromStr + Send, S: Send + Sync> FromRequestParts<S> for Within<A, B> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let problem = Problem::new(404, code::NOT_FOUND, format!("There is nothing at {}.", parts.uri.path()));
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let both = path.ok().and_then(|Path((one, other))| Some(Self(one.parse().ok()?, other.parse().ok()?)));
        Ok(both.ok_or(problem)?)
    }
}

/// The query's parameters.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::new(400, code::MALFORMED, format!("{}.", rejection.body_text())).into()),
        }
    }
}
