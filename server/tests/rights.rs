//! Who may give which command: every route tried as everyone. A new route that does not stand here fails.

mod world;

use bytes::Bytes;
use relay::vocabulary::{ChangeAccount, Grant, Right, Role, Thing};
use serde_json::json;
use server::http::router;
use server::identity::Actor;
use server::identity::authority::{TABLE, Who};
use std::collections::BTreeSet;
use world::World;

/// The least that a caller must be; in the order of [`EVERYONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Least {
    Anonymous,
    Member,
    Provider,
    Moderator,
    Administrator,
}
use Least::{Administrator, Anonymous, Member, Moderator, Provider};

const EVERYONE: [Least; 5] = [Anonymous, Member, Provider, Moderator, Administrator];

/// What is not a command: no session is looked at, and anyone may read it in the clear.
const OPEN: [&str; 5] = ["/v1/health", "/v1/public", "/v1/link", "/v1/openapi.json", "/v1/docs"];

/// What each route needs, said once more and independently of the server's own table. The body is one that the command
/// understands where that matters for being admitted.
const ROUTES: &[(&str, &str, &str, Least)] = &[
    ("GET", "/v1/health", "", Anonymous),
    ("GET", "/v1/openapi.json", "", Anonymous),
    ("GET", "/v1/docs", "", Anonymous),
    ("GET", "/v1/public/{name}", "", Anonymous),
    ("POST", "/v1/link", "", Anonymous),
    ("POST", "/v1/link/seal", "", Anonymous),
    ("POST", "/v1/link/seal/{link}", "", Anonymous),
    ("POST", "/v1/link/{link}/up", "", Anonymous),
    ("GET", "/v1/link/{link}/down", "", Anonymous),
    ("POST", "/v1/link/{link}/duplex", "", Anonymous),
    ("POST", "/v1/login", r#"{"user":"nobody","password":"x","device":"d"}"#, Anonymous),
    ("POST", "/v1/session", r#"{"session":"x"}"#, Anonymous),
    ("POST", "/v1/join", r#"{"user":"x","password":"x","device":"d"}"#, Anonymous),
    ("POST", "/v1/reset", r#"{"user":"nobody","code":"x","password":"correct horse"}"#, Anonymous),
    ("POST", "/v1/logout", "", Member),
    ("GET", "/v1/me", "", Member),
    ("PATCH", "/v1/me", "", Member),
    ("DELETE", "/v1/me", r#"{"password":"wrong"}"#, Member),
    ("PUT", "/v1/me/password", r#"{"old":"wrong","new":"correct horse"}"#, Member),
    ("PUT", "/v1/me/picture", "", Member),
    ("DELETE", "/v1/me/picture", "", Member),
    ("GET", "/v1/pictures/{picture}", "", Member),
    ("GET", "/v1/sessions", "", Member),
    ("POST", "/v1/sessions", r#"{"device":"bot"}"#, Member),
    ("DELETE", "/v1/sessions", "", Member),
    ("DELETE", "/v1/sessions/{id}", "", Member),
    ("POST", "/v1/session/renew", "", Member),
    ("GET", "/v1/tokens", "", Member),
    ("POST", "/v1/tokens", r#"{"name":"bot"}"#, Member),
    ("DELETE", "/v1/tokens/{id}", "", Member),
    ("GET", "/v1/chats", "", Member),
    ("POST", "/v1/chats", r#"{"with":"nobody"}"#, Member),
    ("GET", "/v1/chats/{id}", "", Member),
    ("PATCH", "/v1/chats/{id}", "", Member),
    ("POST", "/v1/chats/{id}/accept", "", Member),
    ("POST", "/v1/chats/{id}/decline", "", Member),
    ("POST", "/v1/chats/{id}/ignore", "", Member),
    ("GET", "/v1/chats/{id}/members", "", Member),
    ("POST", "/v1/chats/{id}/members", r#"{"names":["nobody"]}"#, Member),
    ("PUT", "/v1/chats/{id}/members/{account}", r#"{"role":"owner"}"#, Member),
    ("DELETE", "/v1/chats/{id}/members/{account}", "", Member),
    ("GET", "/v1/chats/{id}/pins", "", Member),
    ("GET", "/v1/chats/{id}/scheduled", "", Member),
    ("DELETE", "/v1/chats/{id}/scheduled/{scheduled}", "", Member),
    ("GET", "/v1/chats/{id}/marks", "", Member),
    ("PUT", "/v1/chats/{id}/marks", "", Member),
    ("POST", "/v1/chats/{id}/typing", r#"{"on":true}"#, Member),
    ("GET", "/v1/search", "", Member),
    ("POST", "/v1/files", r#"{"name":"x","media":"text/plain","size":1,"key":"rights"}"#, Member),
    ("GET", "/v1/files/{id}", "", Member),
    ("PUT", "/v1/files/{id}", "", Member),
    ("GET", "/v1/files/{id}/content", "", Member),
    ("GET", "/v1/files/{id}/thumbnail", "", Member),
    ("GET", "/v1/chats/{id}/messages", "", Member),
    ("POST", "/v1/chats/{id}/messages", r#"{"text":"x","key":"k"}"#, Member),
    ("GET", "/v1/events", "", Member),
    ("GET", "/v1/calls", "", Member),
    ("POST", "/v1/calls", r#"{"chat":999}"#, Member),
    ("GET", "/v1/calls/{id}", "", Member),
    ("POST", "/v1/calls/{id}/accept", "", Member),
    ("POST", "/v1/calls/{id}/decline", "", Member),
    ("POST", "/v1/calls/{id}/hangup", "", Member),
    ("PUT", "/v1/cursors/{track}", "", Member),
    ("DELETE", "/v1/cursors/{track}", "", Member),
    ("GET", "/v1/contacts", "", Member),
    ("DELETE", "/v1/contacts/{account}", "", Member),
    ("PUT", "/v1/contacts/{account}/groups", "", Member),
    ("POST", "/v1/contacts/groups/rename", r#"{"from":"x"}"#, Member),
    ("GET", "/v1/contacts/requests", "", Member),
    ("POST", "/v1/contacts/requests", r#"{"to":"nobody"}"#, Member),
    ("DELETE", "/v1/contacts/requests/{account}", "", Member),
    ("POST", "/v1/contacts/requests/{account}/accept", "", Member),
    ("POST", "/v1/contacts/requests/{account}/decline", "", Member),
    ("GET", "/v1/blocks", "", Member),
    ("PUT", "/v1/blocks/{account}", "", Member),
    ("DELETE", "/v1/blocks/{account}", "", Member),
    ("GET", "/v1/directory", "", Member),
    ("GET", "/v1/presence", "", Member),
    ("PUT", "/v1/presence", "", Member),
    // A member needs a grant, which none has here.
    ("POST", "/v1/tracks", r#"{"name":"lobby","public":true}"#, Provider),
    ("DELETE", "/v1/tracks/{id}", "", Member),
    ("POST", "/v1/tracks/{id}/keyframe", "", Member),
    ("GET", "/v1/admin/accounts", "", Moderator),
    ("GET", "/v1/admin/accounts/{id}", "", Moderator),
    ("PATCH", "/v1/admin/accounts/{id}", "", Moderator),
    ("POST", "/v1/admin/accounts", r#"{"user":"no such name"}"#, Administrator),
    ("DELETE", "/v1/admin/accounts/{id}", "", Administrator),
    ("POST", "/v1/admin/accounts/{id}/reset", "", Administrator),
    ("GET", "/v1/admin/accounts/{id}/sessions", "", Administrator),
    ("DELETE", "/v1/admin/accounts/{id}/sessions", "", Administrator),
    ("GET", "/v1/admin/accounts/{id}/grants", "", Administrator),
    ("PUT", "/v1/admin/grants", r#"{"account":999,"thing":"chat","id":"1","right":"read"}"#, Administrator),
    ("DELETE", "/v1/admin/grants", r#"{"account":999,"thing":"chat","id":"1"}"#, Administrator),
    ("GET", "/v1/admin/invitations", "", Administrator),
    ("POST", "/v1/admin/invitations", "", Administrator),
    ("DELETE", "/v1/admin/invitations/{id}", "", Administrator),
    ("GET", "/v1/admin/audit", "", Administrator),
    ("GET", "/v1/connections", "", Administrator),
];

#[test]
fn every_route_that_is_served_stands_in_both_tables_and_nothing_else_does() {
    let served: BTreeSet<_> = router::listed().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    let said: BTreeSet<_> = ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), *path)).collect();
    let enforced: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| ((*method).to_owned(), *path)).collect();
    assert_eq!(said, served, "a route needs a row in this test: say who may use it");
    assert_eq!(enforced, served, "a route needs an entry in server/src/identity/authority/table.rs");
    // What the middleware enforces is never less than what is meant to be, and less than that only where a grant does.
    for (method, path, _, least) in ROUTES {
        let (.., who) = TABLE.iter().find(|(m, p, _)| (m, p) == (method, path)).unwrap();
        let enforced = match who {
            Who::Anyone => Anonymous,
            Who::AtLeast(Role::Member) => Member,
            Who::AtLeast(Role::Provider) => Provider,
            Who::AtLeast(Role::Moderator) => Moderator,
            Who::AtLeast(Role::Administrator) => Administrator,
        };
        let by_grant = *path == "/v1/tracks";
        assert!(enforced == *least || (by_grant && enforced < *least), "{method} {path}");
    }
}

/// A path in which every parameter is something that does not exist.
fn filled(path: &str) -> String {
    let picture = "0".repeat(64);
    path.replace("{name}", "nothing")
        .replace("{picture}", &picture)
        .replace("{link}/up", &format!("{}/up?x=1", "0".repeat(32)))
        .replace("{link}/duplex", &format!("{}/duplex?x=1", "0".repeat(32)))
        .replace("{link}/down", &format!("{}/down?x=1&hold=0", "0".repeat(32)))
        .replace("{link}", &"0".repeat(32))
        .replace("{track}", "9998")
        .replace("{account}", "999")
        .replace("{id}", "999")
}

#[tokio::test]
async fn every_route_admits_whom_it_should_and_nobody_else() {
    let world = World::new().await;
    let role = |least| match least {
        Anonymous | Member => Role::Member,
        Provider => Role::Provider,
        Moderator => Role::Moderator,
        Administrator => Role::Administrator,
    };
    let mut accounts = Vec::new();
    for who in EVERYONE {
        accounts.push(world.account_of(&format!("{who:?}"), role(who)).await);
    }
    let locked = world.account_of("locked", Role::Administrator).await;
    let of_locked = world.session(locked).await;
    let lock = ChangeAccount { role: None, locked: Some(true) };
    world.running.state.accounts.change(locked, lock, None, Actor::console()).await.unwrap();
    let mut tried = 0;
    for (method, path, body, least) in ROUTES {
        for (who, account) in EVERYONE.into_iter().zip(&accounts) {
            let mut https = world.https().await;
            if who != Anonymous {
                https.session = Some(world.session(*account).await);
            }
            let (status, answer) = https.send(method, &filled(path), Bytes::from_static(body.as_bytes())).await;
            let code = answer["code"].as_str().unwrap_or_default();
            let refused = matches!(code, "no_session" | "not_allowed");
            assert_eq!(refused, who < *least, "{who:?} {method} {path}: {status} {answer}");
            if refused {
                let expected = if who == Anonymous { (401, "no_session") } else { (403, "not_allowed") };
                assert_eq!((status, code), expected, "{who:?} {method} {path}");
            }
            tried += 1;
        }
        // A session of a locked account is none, wherever a session is looked at.
        let mut https = world.https().await;
        https.session = Some(of_locked.clone());
        let (status, answer) = https.send(method, &filled(path), Bytes::from_static(body.as_bytes())).await;
        let looks = !OPEN.iter().any(|open| path.starts_with(open));
        assert_eq!(answer["code"] == "session_expired", looks, "locked {method} {path}: {status} {answer}");
        tried += 1;
    }
    assert_eq!(tried, ROUTES.len() * 6);
}

#[tokio::test]
async fn in_the_clear_nobody_is_admitted_however_good_the_session() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let session = world.session(root).await;
    for (method, path, ..) in ROUTES {
        if OPEN.iter().any(|open| path.starts_with(open)) {
            continue;
        }
        let request = format!(
            "{method} {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {session}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            filled(path)
        );
        let answer = world::raw(world.plain().await, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("not_secure"), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_grant_lets_a_member_publish_one_channel_and_read_one_chat() {
    let world = World::new().await;
    let (alice, eve) = (world.account("alice", false).await, world.account("eve", false).await);
    world.account("bob", false).await;
    let root = world.account_of("root", Role::Administrator).await;
    let mut admin = world.with_session(root).await;
    let chat = world.with_session(alice).await.post("/v1/chats", json!({"with": "bob"})).await.1;
    let track = chat["track"].as_u64().unwrap();

    let mut link = world.link("eve", "desk").await;
    let publish = |name: &str| json!({"name": name, "public": true});
    assert_eq!(link.post("/v1/tracks", publish("lobby")).await.status, 403);
    assert_eq!(link.send("PUT", &format!("/v1/cursors/{track}"), json!({})).await.status, 404);
    let grant = |thing, id: String, right| serde_json::to_string(&Grant { account: eve, thing, id, right }).unwrap();
    for body in
        [grant(Thing::Channel, "lobby".into(), Right::Write), grant(Thing::Chat, chat["id"].to_string(), Right::Read)]
    {
        assert_eq!(admin.send("PUT", "/v1/admin/grants", body.into()).await.0, 204);
    }
    assert_eq!(link.post("/v1/tracks", publish("lobby")).await.status, 201);
    assert_eq!(link.post("/v1/tracks", publish("hall")).await.status, 403);
    assert_eq!(link.send("PUT", &format!("/v1/cursors/{track}"), json!({})).await.status, 204);
    let grants = admin.get(&format!("/v1/admin/accounts/{eve}/grants")).await.1;
    assert_eq!(grants["grants"].as_array().unwrap().len(), 2);
    let taken = json!({"account": eve, "thing": "chat", "id": chat["id"].to_string()}).to_string();
    assert_eq!(admin.send("DELETE", "/v1/admin/grants", taken.clone().into()).await.0, 204);
    assert_eq!(admin.send("DELETE", "/v1/admin/grants", taken.into()).await.0, 404);
    assert_eq!(link.send("PUT", &format!("/v1/cursors/{track}"), json!({})).await.status, 404);
}

#[tokio::test]
async fn a_role_that_changes_holds_at_once_on_a_link_that_is_open() {
    let world = World::new().await;
    let (root, alice) = (world.account_of("root", Role::Administrator).await, world.account("alice", false).await);
    let mut admin = world.with_session(root).await;
    let mut link = world.link("alice", "desk").await;
    let path = format!("/v1/admin/accounts/{alice}");
    assert_eq!(link.send("GET", "/v1/admin/accounts", json!(null)).await.status, 403);
    let (status, entry) = admin.send("PATCH", &path, r#"{"role":"moderator"}"#.into()).await;
    assert_eq!((status, &entry["role"]), (200, &json!("moderator")));
    assert_eq!(link.send("GET", "/v1/admin/accounts", json!(null)).await.status, 200);
    assert_eq!(link.send("PATCH", &format!("/v1/admin/accounts/{root}"), json!({"locked": true})).await.status, 403);

    // The command line is another process: the server hears of it within seconds.
    let back = ChangeAccount { role: Some(Role::Member), locked: None };
    world.running.state.accounts.change(alice, back, None, Actor::console()).await.unwrap();
    let noticed = async {
        while link.send("GET", "/v1/admin/accounts", json!(null)).await.status != 403 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(world::PATIENCE, noticed).await.unwrap();

    admin.send("PATCH", &path, r#"{"locked":true}"#.into()).await;
    assert_eq!(link.handle.closed().await, server::delivery::CloseReason::SessionEnded);
    let (status, last) = admin.send("PATCH", &format!("/v1/admin/accounts/{root}"), r#"{"locked":true}"#.into()).await;
    assert_eq!((status, &last["code"]), (409, &json!("last_administrator")));
}
