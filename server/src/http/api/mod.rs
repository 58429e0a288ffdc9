//! The document of the API (OpenAPI 3.1), made from the routes themselves, and the page that shows it.

mod document;
mod page;
mod shape;
mod words;

pub(crate) use shape::{Describe, Shape};

use super::problem::Refused;
use super::routes::Routes;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use std::sync::{Arc, LazyLock};

/// The document.
pub static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(document::document);

static AS_JSON: LazyLock<Served> = LazyLock::new(|| Served::new(DOCUMENT.to_string(), "application/json"));
static AS_PAGE: LazyLock<Served> = LazyLock::new(|| Served::new(page::page(&DOCUMENT), "text/html; charset=utf-8"));

pub(super) fn routes() -> Routes<Arc<crate::state::State>> {
    Routes::new().on(Method::GET, "/v1/openapi.json", document).on(Method::GET, "/v1/docs", page)
}

/// `GET /v1/openapi.json`
async fn document(headers: HeaderMap) -> Result<Response, Refused> {
    Ok(AS_JSON.answer(&headers))
}

/// `GET /v1/docs`
async fn page(headers: HeaderMap) -> Result<Response, Refused> {
    Ok(AS_PAGE.answer(&headers))
}

/// What is the same for everyone for as long as the server runs.
struct Served {
    body: Bytes,
    tag: String,
    media: &'static str,
}

impl Served {
    fn new(body: String, media: &'static str) -> Self {
        Self { tag: super::tags::tag_of(body.as_bytes()), body: body.into(), media }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let known = super::tags::matches(headers, &self.tag);
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = self.body.clone().into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
            response
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
        // The page has one style sheet inside and no script; nothing is fetched from anywhere.
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
