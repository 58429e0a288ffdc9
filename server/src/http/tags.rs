//! ETags: whoever has an answer already is told only that it is still the same.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use relay::vocabulary::{Problem, RESPONSE_MAX, code};
use ring::digest::{SHA256, digest};

use super::problem::Refused;

/// Bytes of a hash that make a tag.
const TAG_BYTES: usize = 16;

/// Whether a request's `If-None-Match` names this tag (RFC 9110, section 13.1.2).
pub(super) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    known.flat_map(|known| known.split(',')).map(str::trim).any(|known| {
        // What is weak matches as well: the comparison is the weak one.
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// Gives the JSON answer of a GET its tag, and answers 304 without it to who has it.
pub(super) async fn tag(request: Request, next: Next) -> Result<Response, Refused> {
    if request.method() != Method::GET {
        return Ok(next.run(request).await);
    }
    let asked: HeaderMap = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .map(|known| (header::IF_NONE_MATCH, known.clone()))
        .collect();
    let response = next.run(request).await;
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == "application/json");
    if response.status() != StatusCode::OK || !json || response.headers().contains_key(header::ETAG) {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let broken = |error| {
        tracing::error!(%error, "an answer broke off");
        Problem::new(500, code::INTERNAL, "The fault is the server's. Its log says more.")
    };
    let body = to_bytes(body, RESPONSE_MAX).await.map_err(broken)?;
    let tag = tag_of(&body);
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if matches(&asked, &tag) {
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.status = StatusCode::NOT_MODIFIED;
        return Ok((parts.status, parts.headers, Body::empty()).into_response());
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The tag of a content.
pub(super) fn tag_of(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let digits: String = hash.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_not() {
        let asked = |values: &[&'static str]| {
            let values = values.iter().map(|value| (header::IF_NONE_MATCH, HeaderValue::from_static(value)));
            values.collect::<HeaderMap>()
        };
        for known in [&["\"a\""][..], &["\"b\", \"a\""], &["W/\"a\""], &["*"], &["\"b\"", "\"a\""]] {
            assert!(matches(&asked(known), "\"a\""), "{known:?}");
        }
        for unknown in [&[][..], &["\"ab\""], &["a"], &["\"b\""]] {
            assert!(!matches(&asked(unknown), "\"a\""), "{unknown:?}");
        }
        assert_ne!(tag_of(b"one"), tag_of(b"two"));
    }
}
