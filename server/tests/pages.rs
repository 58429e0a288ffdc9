//! Lists page by page, the same way everywhere, and answers that have not changed.

mod world;

use relay::vocabulary::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use world::{Https, World};

/// Follows `next` from page to page of at most `limit`, and gives what all of them hold.
async fn all(https: &mut Https, path: &str, field: &str, limit: usize) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let mark = if path.contains('?') { '&' } else { '?' };
    loop {
        let (status, page) = https.get(&format!("{path}{mark}limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{path}: {page}");
        let items = page[field].as_array().unwrap();
        assert!(items.len() <= limit, "{path}");
        found.extend(items.iter().cloned());
        match &page["next"] {
            Value::Null => return found,
            Value::String(next) => cursor = format!("&cursor={next}"),
            Value::Number(next) => cursor = format!("&cursor={next}"),
            other => panic!("{path}: {other}"),
        }
        assert!(!items.is_empty(), "{path}: a page with nothing on it goes on");
    }
}

#[tokio::test]
async fn every_list_that_grows_is_read_page_by_page_and_whole() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let mut people = Vec::new();
    for at in 0..7 {
        people.push(world.account(&format!("person{at}"), false).await);
    }
    let mut https = world.with_session(root).await;
    for (at, person) in people.into_iter().enumerate() {
        let name = format!("person{at}");
        let mut other = world.with_session(person).await;
        https.post("/v1/contacts/requests", json!({"to": name})).await;
        assert!(other.post(&format!("/v1/contacts/requests/{root}/accept"), json!({})).await.0 < 300);
        https.post("/v1/chats", json!({"with": name})).await;
        https.post("/v1/admin/invitations", json!({"note": name})).await;
        https.post("/v1/chats/1/messages", json!({"text": format!("noodles {at}"), "key": name})).await;
    }
    let _links = [world.link("person0", "desk").await, world.link("person1", "desk").await];
    for (path, field, count, id) in [
        ("/v1/contacts", "contacts", 7, "/who/id"),
        ("/v1/directory?prefix=person", "people", 7, "/id"),
        ("/v1/chats", "chats", 7, "/id"),
        ("/v1/chats/1/messages", "messages", 7, "/sequence"),
        ("/v1/chats/1/messages?after=2", "messages", 5, "/sequence"),
        ("/v1/search?q=noodles", "hits", 7, "/message/sequence"),
        ("/v1/admin/accounts", "accounts", 8, "/id"),
        ("/v1/admin/invitations", "invitations", 7, "/id"),
        ("/v1/admin/audit", "entries", 25, "/id"),
    ] {
        for limit in [1, 3, 100] {
            // With `after`, only the first page is asked for so: `cursor` says the rest.
            let found = if path.ends_with("?after=2") && limit < 100 {
                let (_, first) = https.get(&format!("{path}&limit={limit}")).await;
                let mut found = first["messages"].as_array().unwrap().clone();
                let mut next = first["next"].clone();
                while let Some(cursor) = next.as_str() {
                    let (_, page) = https.get(&format!("/v1/chats/1/messages?limit={limit}&cursor={cursor}")).await;
                    found.extend(page["messages"].as_array().unwrap().iter().cloned());
                    next = page["next"].clone();
                }
                found
            } else {
                all(&mut https, path, field, limit).await
            };
            let ids: BTreeSet<_> = found.iter().map(|one| one.pointer(id).unwrap().to_string()).collect();
            assert_eq!((found.len(), ids.len()), (count, count), "{path} by {limit}");
        }
        if path != "/v1/directory?prefix=person" {
            let mark = if path.contains('?') { '&' } else { '?' };
            let (status, refused) = https.get(&format!("{path}{mark}cursor=yesterday")).await;
            assert_eq!((status, &refused["code"]), (422, &json!("invalid")), "{path}");
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    world.account("bob", false).await;
    let mut https = world.with_session(root).await;
    https.post("/v1/chats", json!({"with": "bob"})).await;
    for path in [
        "/v1/me",
        "/v1/chats",
        "/v1/chats/1",
        "/v1/chats/1/messages",
        "/v1/contacts",
        "/v1/admin/accounts",
        "/v1/blocks",
    ] {
        let first = https.bytes(path, &[]).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(first.headers()["cache-control"], "private, no-cache", "{path}");
        let same = https.bytes(path, &[("if-none-match", &tag)]).await;
        assert_eq!((same.status().as_u16(), same.body().len()), (304, 0), "{path}");
        assert_eq!(same.headers()["etag"].to_str().unwrap(), tag);
        let other = https.bytes(path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!((other.status().as_u16(), other.body()), (200, first.body()), "{path}");
    }
    let before = https.bytes("/v1/chats/1/messages", &[]).await.headers()["etag"].to_str().unwrap().to_owned();
    https.post("/v1/chats/1/messages", json!({"text": "hello", "key": "k"})).await;
    assert_eq!(https.bytes("/v1/chats/1/messages", &[("if-none-match", &before)]).await.status(), 200);
    // Not to whoever may not see it.
    https.session = None;
    let refused = https.bytes("/v1/chats/1/messages", &[("if-none-match", "*")]).await;
    assert_eq!(refused.status(), 401);
    assert!(!refused.headers().contains_key("etag"));
}
