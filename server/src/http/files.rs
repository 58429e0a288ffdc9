//! Commands about files: announce, send pieces, see what has come, get content and thumbnail.

use super::caller::Known;
use super::extract::{Asked, At, Body};
use super::problem::Refused;
use crate::file::{Content, FileRefusal};
use crate::state::State;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use relay::vocabulary::{BULK_BYTES_MAX, FileProgress, PIECE_MAX, Problem, SendFile, code};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

type Shared = axum::extract::State<Arc<State>>;

/// How long a client may take to send a piece.
const PATIENCE: Duration = Duration::from_secs(120);
/// Media types that a browser may show as what they are; everything else is a stream of octets to it.
const SHOWN: [&str; 9] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "audio/ogg",
    "audio/mpeg",
    "audio/x-matroska",
    "video/mp4",
    "video/webm",
];

/// `POST /v1/files`
pub(super) async fn announce(
    axum::extract::State(state): Shared,
    known: Known,
    Body(file): Body<SendFile>,
) -> Result<(StatusCode, Json<FileProgress>), Refused> {
    let progress = state.files.announce(known.identity.account, file).await?;
    Ok((StatusCode::CREATED, Json(progress)))
}

/// `GET /v1/files/{id}`
pub(super) async fn progress(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<String>,
) -> Result<Json<FileProgress>, Refused> {
    Ok(Json(state.files.progress(known.identity.account, &id).await?))
}

/// Where a piece begins.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PieceAt {
    /// Where the piece begins, in bytes.
    at: u64,
}

/// `PUT /v1/files/{id}?at=`: the body is the piece.
pub(super) async fn write(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<String>,
    Asked(piece): Asked<PieceAt>,
    request: Request,
) -> Result<Json<FileProgress>, Refused> {
    let arriving = tokio::time::timeout(PATIENCE, Bytes::from_request(request, &()));
    let slow = |_| Problem::new(408, code::MALFORMED, "The piece did not arrive in time. Send smaller ones.");
    let bytes = arriving.await.map_err(slow)?.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(413, code::TOO_LONG, format!("A piece has at most {PIECE_MAX} bytes."))
        }
        _ => Problem::new(400, code::MALFORMED, "The piece broke off. Ask how much of the file has come."),
    })?;
    Ok(Json(state.files.write(known.identity.account, &id, piece.at, bytes).await?))
}

/// Which part of a file is wanted; a plain request may say so in a `Range` header instead.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Part {
    /// Where the part begins, in bytes.
    from: Option<u64>,
    /// How many bytes it has.
    length: Option<u64>,
}

/// `GET /v1/files/{id}/content?from=&length=`
pub(super) async fn content(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<String>,
    Asked(part): Asked<Part>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let content = state.files.content(known.identity.account, &id, false).await?;
    give(content, &part, &headers, known.link.is_some()).await
}

/// `GET /v1/files/{id}/thumbnail`
pub(super) async fn thumbnail(
    axum::extract::State(state): Shared,
    known: Known,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let content = state.files.content(known.identity.account, &id, true).await?;
    give(content, &Part { from: None, length: None }, &headers, known.link.is_some()).await
}

async fn give(content: Content, part: &Part, headers: &HeaderMap, in_link: bool) -> Result<Response, Refused> {
    let tag = format!("\"{}\"", content.hash);
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let known = text(header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&tag));
    // A part of another content than the one that was begun would be of no use.
    let same = text(header::IF_RANGE).is_none_or(|condition| condition == tag);
    let size = content.size;
    let ranged = text(header::RANGE).filter(|_| same).and_then(|range| parse_range(range, size));
    let (from, length) = match (part.from, part.length, ranged) {
        (None, None, Some(range)) => range,
        (from, length, _) => (from.unwrap_or(0), length.unwrap_or(u64::MAX)),
    };
    let mut answer = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let described = describe(&content);
        let length = if in_link { length.min(BULK_BYTES_MAX as u64) } else { length };
        let end = size.min(from.saturating_add(length));
        let whole = from == 0 && end == size;
        let body = if in_link {
            let length = usize::try_from(length).unwrap_or(BULK_BYTES_MAX);
            axum::body::Body::from(content.piece(from, length).await?)
        } else {
            axum::body::Body::new(content.body(from, length).await?)
        };
        let status = if whole { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
        let mut answer = (status, body).into_response();
        answer.headers_mut().extend(described);
        if !whole {
            let range = format!("bytes {from}-{}/{size}", end.saturating_sub(1));
            answer.headers_mut().insert(header::CONTENT_RANGE, ascii(&range));
        }
        answer
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, ascii(&tag));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A content never changes, but the right to have it may end.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(answer)
}

/// What a browser must know of bytes that some person sent.
fn describe(content: &Content) -> HeaderMap {
    let media = if content.small || SHOWN.contains(&content.media.as_str()) {
        content.media.as_str()
    } else {
        "application/octet-stream"
    };
    let disposition = if content.small { "inline".to_owned() } else { attachment(&content.name) };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, ascii(media));
    headers.insert(header::CONTENT_DISPOSITION, ascii(&disposition));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers
}

/// RFC 6266 with the encoding of RFC 8187.
fn attachment(name: &str) -> String {
    let mut encoded = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// One range of RFC 9110, section 14.1.2, as its begin and its length; several are answered with everything.
fn parse_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", suffix) => {
            let length = suffix.parse::<u64>().ok()?.min(size);
            Some((size - length, length))
        }
        (first, "") => Some((first.parse().ok()?, u64::MAX)),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            Some((first, last.checked_sub(first)?.saturating_add(1)))
        }
    }
}

impl From<FileRefusal> for Refused {
    fn from(refusal: FileRefusal) -> Self {
        let (status, code) = match &refusal {
            FileRefusal::Database(_) | FileRefusal::Disk(_) | FileRefusal::Unable | FileRefusal::NoRandom => {
                return match refusal {
                    FileRefusal::Database(error) => error.into(),
                    other => {
                        tracing::error!(error = %other, "a file was not kept or read");
                        Problem::new(500, code::INTERNAL, "The fault is the server's. Its log says more.").into()
                    }
                };
            }
            FileRefusal::Unknown | FileRefusal::NoThumbnail => (404, code::NOT_FOUND),
            FileRefusal::TooLarge(_) => (413, code::TOO_LONG),
            FileRefusal::Media(..) | FileRefusal::NoSound | FileRefusal::Beyond(_) => (422, code::INVALID),
            FileRefusal::Quota(_) => (409, code::LIMIT_REACHED),
            FileRefusal::OtherFile => (409, code::INVALID),
            FileRefusal::Offset { .. } => (409, code::WRONG_OFFSET),
            FileRefusal::Range(_) => (416, code::INVALID),
            FileRefusal::Full => (507, code::DISK_FULL),
        };
        super::problem::said(status, code, &refusal).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(parse_range("bytes=0-9", 100), Some((0, 10)));
        assert_eq!(parse_range("bytes=90-", 100), Some((90, u64::MAX)));
        assert_eq!(parse_range("bytes=-10", 100), Some((90, 10)));
        assert_eq!(parse_range("bytes=-1000", 100), Some((0, 100)));
        for bad in ["bytes=9-0", "bytes=a-b", "bytes=0-1,3-4", "lines=0-9", "bytes=", "bytes=-"] {
            assert_eq!(parse_range(bad, 100), None, "{bad}");
        }
    }

    #[test]
    fn a_name_in_a_header_is_ascii() {
        assert_eq!(attachment("報 告\".pdf"), "attachment; filename*=UTF-8''%E5%A0%B1%20%E5%91%8A%22.pdf");
    }
}
