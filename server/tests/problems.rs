//! Every refusal is a problem (RFC 9457): on every route, whatever is wrong with the request.

mod world;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use relay::vocabulary::{Problem, Role, code};
use server::http::router;
use server::identity::authority::TABLE;
use world::World;

/// What is done to a request so that it must be refused.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// A method that the path does not have.
    Method,
    /// More bytes than the route takes.
    TooLong,
    /// JSON that breaks off.
    BrokenJson,
    /// A form instead of JSON.
    Form,
    /// A query of another shape.
    Query,
}

/// A client that opens a connection for each request: a body that is not taken ends the one it came by.
struct Client<'a> {
    world: &'a World,
    session: String,
}

impl Client<'_> {
    /// The answer's status, code and `Allow`, once it is seen that it is a problem of RFC 9457 with a code that stands in
    /// the list.
    async fn refused(&self, method: &str, path: &str, media: &str, body: Bytes) -> (u16, String, Option<String>) {
        let request = http::Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {}", self.session)).header("content-type", media);
        let stream = TokioIo::new(self.world.tls(&[b"http/1.1"]).await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let what = format!("{method} {path} ({media}): {}", head.status);
        assert!(head.status.as_u16() >= 400, "{what}");
        assert_eq!(head.headers["content-type"], "application/problem+json", "{what}");
        assert_eq!(head.headers["cache-control"], "no-store", "{what}");
        let problem: Problem = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!(problem.status, head.status.as_u16(), "{what}: {problem}");
        assert!(code::ALL.iter().any(|(known, ..)| *known == problem.code), "{what}: {problem}");
        assert_eq!(problem.kind, format!("urn:komado:problem:{}", problem.code));
        assert!(problem.detail.len() > 10 && problem.detail.ends_with('.'), "{what}: {problem}");
        let allow = head.headers.get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        (problem.status, problem.code.into_owned(), allow)
    }
}

fn filled(path: &str) -> String {
    path.replace("{picture}", &"0".repeat(64))
        .replace("{name}", "lobby")
        .replace("{link}", &"0".repeat(32))
        .replace("{track}", "2")
        .replace("{account}", "999")
        .replace("{scheduled}", "1")
        .replace("{id}", "999")
}

/// Routes whose body is JSON that is looked at before anything else can go wrong.
fn takes_json(method: &str, path: &str) -> bool {
    let bodiless = ["/accept", "/decline", "/ignore", "/hangup", "/keyframe", "/renew", "/logout", "/reset"];
    let bodiless = bodiless.iter().any(|end| path.ends_with(end)) && path != "/v1/reset";
    let octets = path.starts_with("/v1/link") || path == "/v1/files/{id}" || path == "/v1/me/picture";
    ["POST", "PUT", "PATCH"].contains(&method) && !bodiless && !octets && !path.starts_with("/v1/blocks/")
}

#[tokio::test]
async fn whatever_is_wrong_on_whichever_route_is_told_as_a_problem() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let session = world.session(root).await;
    let client = Client { world: &world, session };
    let long = Bytes::from(vec![b'['; 120 * 1024]);
    let mut tried = 0;
    for (method, path, _) in TABLE {
        for fault in [Fault::Method, Fault::TooLong, Fault::BrokenJson, Fault::Form, Fault::Query] {
            let json = takes_json(method, path);
            let queried = ["/up", "/down", "/search", "/v1/files/{id}"].iter().any(|end| path.ends_with(end));
            let at = filled(path);
            let (expected, answer) = match fault {
                Fault::Method => {
                    let answer = client.refused("TRACE", &at, "text/plain", Bytes::new()).await;
                    assert!(answer.2.as_ref().is_some_and(|allow| allow.contains(method)), "{path}: {answer:?}");
                    ((405, code::METHOD_NOT_ALLOWED), answer)
                }
                Fault::TooLong if json || path.starts_with("/v1/link/seal") => {
                    ((413, code::TOO_LONG), client.refused(method, &at, "application/json", long.clone()).await)
                }
                Fault::BrokenJson if json => {
                    let broken = Bytes::from_static(b"{\"text\":");
                    ((400, code::MALFORMED), client.refused(method, &at, "application/json", broken).await)
                }
                Fault::Form if json => {
                    let form = Bytes::from_static(b"text=hello");
                    let media = "application/x-www-form-urlencoded";
                    ((415, code::UNSUPPORTED_MEDIA), client.refused(method, &at, media, form).await)
                }
                Fault::Query if queried && *method != "GET" || path.ends_with("/down") || *path == "/v1/search" => {
                    let at = format!("{at}?x=many&at=nowhere&limit=few");
                    ((400, code::MALFORMED), client.refused(method, &at, "text/plain", Bytes::new()).await)
                }
                _ => continue,
            };
            assert_eq!((answer.0, answer.1.as_str()), expected, "{fault:?}: {method} {path}");
            tried += 1;
        }
    }
    assert!(tried > TABLE.len() + 70, "{tried}");
    assert_eq!(router::listed().len(), TABLE.len());
}

#[tokio::test]
async fn what_stands_on_no_route_is_told_as_a_problem() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    let session = world.session(alice).await;
    let client = Client { world: &world, session };
    let not_found = (404, code::NOT_FOUND);
    let gone = (410, code::LINK_GONE);
    let link = "0".repeat(32);
    for (method, path, expected) in [
        ("GET", "/".to_owned(), not_found),
        ("POST", "/v2/login".to_owned(), not_found),
        ("GET", "/v1/chats/".to_owned(), not_found),
        ("GET", "/v1/chats/x".to_owned(), not_found),
        ("GET", "/v1/chats/%ff".to_owned(), not_found),
        ("PUT", "/v1/chats/1/members/-1".to_owned(), not_found),
        ("GET", "/v1/public/nobody".to_owned(), not_found),
        ("GET", "/v1/link/%ff/down?x=1".to_owned(), not_found),
        ("GET", "/v1/link/x/down?x=1".to_owned(), gone),
        ("POST", format!("/v1/link/{link}/up?x=1"), gone),
        ("POST", format!("/v1/link/{link}/up"), (400, code::MALFORMED)),
        ("POST", format!("/v1/link/seal/{link}"), (410, code::LINK_GONE)),
        ("POST", "/v1/link/seal".to_owned(), (400, code::MALFORMED)),
        ("POST", "/v1/link".to_owned(), (400, code::MALFORMED)),
        ("OPTIONS", "/v1/link".to_owned(), (405, code::METHOD_NOT_ALLOWED)),
    ] {
        let body = if path.ends_with(&link) { Bytes::from_static(relay::link::record::MAGIC) } else { Bytes::new() };
        let answer = client.refused(method, &path, "application/json", body).await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{method} {path}");
    }
}
