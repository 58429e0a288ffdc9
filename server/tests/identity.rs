//! Accounts as their owners and administrators live with them, over https and through links.

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt;
use relay::vocabulary::{ChangeAccount, InvitationLink, Role};
use serde_json::{Value, json};
use server::config::Registration;
use server::delivery::CloseReason;
use server::identity::Actor;
use std::collections::BTreeSet;
use world::postgres::{Engine, on_both};
use world::{Https, PASSWORD, World};

fn code_of(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

async fn administrator(world: &World) -> Https {
    let root = world.account_of("root", Role::Administrator).await;
    world.with_session(root).await
}

/// What the log says, the newest first: who, what, about whom.
async fn log(admin: &mut Https) -> Vec<(String, String, String)> {
    let name = |account: &Value| account["name"].as_str().unwrap_or("-").to_owned();
    let (status, page) = admin.get("/v1/admin/audit").await;
    assert_eq!(status, 200, "{page}");
    let entries = page["entries"].as_array().unwrap();
    entries.iter().map(|e| (name(&e["actor"]), e["act"].as_str().unwrap().to_owned(), name(&e["subject"]))).collect()
}

fn logged(entries: &[(String, String, String)], who: &str, act: &str, subject: &str) -> bool {
    entries.iter().any(|(by, what, about)| (by.as_str(), what.as_str(), about.as_str()) == (who, act, subject))
}

async fn people_join_by_invitation_and_by_nothing_else(engine: Engine) {
    let world = World::on(engine);
    let mut admin = administrator(&world).await;
    let (status, invited) = admin.post("/v1/admin/invitations", json!({"uses": 2, "note": "the studio"})).await;
    assert_eq!(status, 201, "{invited}");
    let link: InvitationLink = invited["link"].as_str().unwrap().parse().unwrap();
    assert_eq!(link.fingerprint, world.running.state.certificate.fingerprint);
    assert_eq!(link.url(), format!("http://localhost:{}", world.address().port()));

    let join =
        |code: Option<&str>, user: &str| json!({"code": code, "user": user, "password": PASSWORD, "device": "d"});
    let mut stranger = world.https().await;
    assert_eq!(code_of(&stranger.post("/v1/join", join(None, "carol")).await), (403, "invitation_needed"));
    assert_eq!(code_of(&stranger.post("/v1/join", join(Some("WRONG"), "carol")).await), (401, "wrong_code"));
    let short = json!({"code": link.code, "user": "carol", "password": "short", "device": "d"});
    assert_eq!(code_of(&stranger.post("/v1/join", short).await), (422, "invalid"));
    // Over a link the one who joins is logged in there at once.
    let mut over_link = world.stranger();
    let joined = over_link.post("/v1/join", join(Some(&link.code.to_lowercase()), "carol")).await;
    assert_eq!((joined.status, joined.body["account"]["name"].as_str()), (201, Some("carol")));
    assert_eq!(over_link.send("GET", "/v1/chats", json!(null)).await.status, 200);
    assert_eq!(code_of(&stranger.post("/v1/join", join(Some(&link.code), "Carol")).await), (409, "name_taken"));
    assert_eq!(stranger.post("/v1/join", join(Some(&link.code), "dave")).await.0, 201);
    assert_eq!(code_of(&stranger.post("/v1/join", join(Some(&link.code), "erin")).await), (401, "wrong_code"));

    admin.post("/v1/admin/invitations", json!({})).await;
    let list = admin.get("/v1/admin/invitations").await.1;
    let id = list["invitations"][0]["id"].as_u64().unwrap();
    assert_eq!(list["invitations"].as_array().unwrap().len(), 1, "what is used up is not good any more");
    let path = format!("/v1/admin/invitations/{id}");
    assert_eq!(admin.send("DELETE", &path, Bytes::new()).await.0, 204);
    assert_eq!(admin.send("DELETE", &path, Bytes::new()).await.0, 404);
    let entries = log(&mut admin).await;
    assert!(logged(&entries, "carol", "account.joined", "carol") && logged(&entries, "root", "invitation.made", "-"));
    assert!(logged(&entries, "-", "invitation.failed", "-") && logged(&entries, "root", "invitation.withdrawn", "-"));
}

#[tokio::test]
async fn where_everyone_may_register_no_invitation_is_needed() {
    let world = World::with(|config| config.registration = Registration::Open).await;
    let mut https = world.https().await;
    let join = json!({"user": "carol", "password": PASSWORD, "device": "desk"});
    let (status, joined) = https.post("/v1/join", join.clone()).await;
    assert_eq!(status, 201, "{joined}");
    https.session = joined["session"].as_str().map(str::to_owned);
    assert_eq!(https.get("/v1/me").await.1, json!({"id": 1, "name": "carol", "language": "", "role": "member"}));
    https.session = None;
    // Trying names out gets slow.
    let mut answers = Vec::new();
    for _ in 0..21 {
        answers.push(https.post("/v1/join", join.clone()).await);
    }
    assert_eq!(code_of(&answers[0]), (409, "name_taken"));
    assert_eq!(code_of(&answers[20]), (429, "too_many_attempts"));
}

async fn a_forgotten_password_is_reset_by_a_code(engine: Engine) {
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    let mut admin = administrator(&world).await;
    let link = world.link("alice", "desk").await;
    let path = format!("/v1/admin/accounts/{alice}/reset");
    let (status, made) = admin.post(&path, json!({})).await;
    assert_eq!(status, 201, "{made}");
    let mut stranger = world.https().await;
    let reset = |user: &str, code: &str| json!({"user": user, "code": code, "password": "battery staple"});
    let code = made["code"].as_str().unwrap();
    let wrong = stranger.post("/v1/reset", reset("alice", "0000-0000-0000-0000")).await;
    let unknown = stranger.post("/v1/reset", reset("nobody", code)).await;
    assert_eq!(code_of(&wrong), (401, "wrong_code"));
    assert_eq!(wrong, unknown, "an unknown name is answered like a wrong code");
    assert_eq!(stranger.post("/v1/reset", reset("alice", code)).await.0, 204);
    assert_eq!(link.handle.closed().await, CloseReason::SessionEnded);
    assert_eq!(code_of(&stranger.post("/v1/reset", reset("alice", code)).await), (401, "wrong_code"));
    let login = json!({"user": "alice", "password": "battery staple", "device": "desk"});
    assert_eq!(stranger.post("/v1/login", login).await.0, 201);
    let entries = log(&mut admin).await;
    assert!(logged(&entries, "root", "password.reset_made", "alice"));
    assert!(logged(&entries, "alice", "password.reset_used", "alice"));
    assert!(logged(&entries, "-", "password.reset_failed", "alice"));
}

async fn sessions_are_listed_renewed_and_ended(engine: Engine) {
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    let mut desk = world.logged_in("alice", "desk").await;
    let phone = world.link("alice", "phone").await;
    let (status, bot) = desk.post("/v1/sessions", json!({"device": "bot"})).await;
    assert_eq!(status, 201, "{bot}");
    let list = desk.get("/v1/sessions").await.1;
    let sessions = list["sessions"].as_array().unwrap();
    let devices: BTreeSet<_> = sessions.iter().map(|session| session["device"].as_str().unwrap()).collect();
    assert_eq!(devices, BTreeSet::from(["bot", "desk", "phone"]));
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(
        (current.len(), &current[0]["device"], &current[0]["address"]),
        (1, &json!("desk"), &json!("127.0.0.1"))
    );

    // Renewed: the new token holds, the old one until the new one was shown.
    let old = desk.session.clone();
    let (status, renewed) = desk.post("/v1/session/renew", json!({})).await;
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(desk.get("/v1/me").await.0, 200);
    desk.session = renewed["session"].as_str().map(str::to_owned);
    assert_eq!(desk.get("/v1/me").await.0, 200);
    let new = std::mem::replace(&mut desk.session, old);
    assert_eq!(code_of(&desk.get("/v1/me").await), (401, "session_expired"));
    desk.session = new;
    assert_eq!(code_of(&desk.get("/v1/me").await), (401, "session_expired"), "nobody knows who the thief is");

    desk.session = None;
    desk.log_in("alice", "desk").await;
    let phones = sessions.iter().find(|session| session["device"] == "phone").unwrap()["id"].clone();
    assert_eq!(desk.send("DELETE", &format!("/v1/sessions/{phones}"), Bytes::new()).await.0, 204);
    assert_eq!(phone.handle.closed().await, CloseReason::SessionEnded);
    assert_eq!(desk.send("DELETE", &format!("/v1/sessions/{phones}"), Bytes::new()).await.0, 404);
    assert_eq!(desk.send("DELETE", "/v1/sessions", Bytes::new()).await.0, 204);
    assert_eq!(desk.get("/v1/sessions").await.1["sessions"].as_array().unwrap().len(), 1);
    let mut script = world.https().await;
    script.session = bot["session"].as_str().map(str::to_owned);
    assert_eq!(code_of(&script.get("/v1/me").await), (401, "session_expired"));

    let mut admin = administrator(&world).await;
    let path = format!("/v1/admin/accounts/{alice}/sessions");
    assert_eq!(admin.get(&path).await.1["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(admin.send("DELETE", &path, Bytes::new()).await.0, 204);
    assert_eq!(code_of(&desk.get("/v1/me").await), (401, "session_expired"));
    assert!(logged(&log(&mut admin).await, "-", "session.token_reused", "alice"));
}

async fn one_says_of_oneself_what_one_wants_and_changes_the_password(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    let mut desk = world.logged_in("alice", "desk").await;
    let phone = world.link("alice", "phone").await;
    let change = json!({"display_name": "Alice A.", "status_text": "at lunch", "language": "de-AT"}).to_string();
    let (status, me) = desk.send("PATCH", "/v1/me", change.into()).await;
    assert_eq!((status, &me["display_name"], &me["language"]), (200, &json!("Alice A."), &json!("de-AT")));
    let (_, me) = desk.send("PATCH", "/v1/me", r#"{"status_text":""}"#.into()).await;
    assert_eq!((&me["display_name"], me.get("status_text")), (&json!("Alice A."), None));
    for (field, value) in [("display_name", "a\nb"), ("language", "not a tag"), ("status_text", "\0")] {
        let answer = desk.send("PATCH", "/v1/me", json!({field: value}).to_string().into()).await;
        assert_eq!(code_of(&answer), (422, "invalid"), "{field}");
    }
    let password = |old: &str, new: &str| Bytes::from(json!({"old": old, "new": new}).to_string());
    let wrong = desk.send("PUT", "/v1/me/password", password("wrong", "battery staple")).await;
    assert_eq!(code_of(&wrong), (401, "wrong_password"));
    let short = desk.send("PUT", "/v1/me/password", password(PASSWORD, "short")).await;
    assert_eq!(code_of(&short), (422, "invalid"));
    assert_eq!(desk.send("PUT", "/v1/me/password", password(PASSWORD, "battery staple")).await.0, 204);
    assert_eq!(phone.handle.closed().await, CloseReason::SessionEnded);
    assert_eq!(desk.get("/v1/me").await.0, 200, "the session that changed it goes on");
}

fn png(shade: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::GrayImage::from_pixel(600, 300, image::Luma([shade]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn a_picture_is_kept_small_and_shown_over_both_carriers() {
    let world = World::new().await;
    let (alice, _) = (world.account("alice", false).await, world.account("bob", false).await);
    let mut desk = world.with_session(alice).await;
    let (status, kept) = desk.send("PUT", "/v1/me/picture", png(40).into()).await;
    assert_eq!(status, 200, "{kept}");
    let name = kept["picture"].as_str().unwrap().to_owned();
    assert_eq!(desk.get("/v1/me").await.1["picture"], name);
    // As an image over https, by which browsers and caches know it.
    let response = desk.raw_get(&format!("/v1/pictures/{name}"), &[]).await;
    let headers = response.headers().clone();
    assert_eq!(
        (headers["content-type"].as_bytes(), headers["etag"].to_str().unwrap()),
        (&b"image/jpeg"[..], format!("\"{name}\"").as_str())
    );
    let jpeg = response.into_body().collect().await.unwrap().to_bytes();
    let picture = image::load_from_memory(&jpeg).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 128));
    let again = desk.raw_get(&format!("/v1/pictures/{name}"), &[("if-none-match", &format!("\"{name}\""))]).await;
    assert_eq!(again.status(), 304);

    let mut link = world.link("bob", "desk").await;
    let shown = link.send("GET", &format!("/v1/pictures/{name}"), json!(null)).await;
    assert_eq!(STANDARD.decode(shown.body["image"].as_str().unwrap()).unwrap(), jpeg);
    let sent = link.send("PUT", "/v1/me/picture", json!({"image": STANDARD.encode(png(200))})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    for (body, problem) in [
        (Bytes::from_static(b"no picture"), (422, "unusable_picture")),
        (Bytes::from(vec![0; relay::vocabulary::PICTURE_MAX]), (422, "unusable_picture")),
    ] {
        assert_eq!(code_of(&desk.send("PUT", "/v1/me/picture", body).await), problem);
    }
    let long = link.send("PUT", "/v1/me/picture", json!({"image": "A".repeat(110_000)})).await;
    assert_eq!((long.status, &long.body["code"]), (413, &json!("too_long")));
    assert_eq!(desk.send("DELETE", "/v1/me/picture", Bytes::new()).await.0, 204);
    assert_eq!(code_of(&desk.get(&format!("/v1/pictures/{name}")).await), (404, "not_found"));
    // Last: a body that is not read to its end costs the connection.
    let large = Bytes::from(vec![0; relay::vocabulary::PICTURE_MAX + 1]);
    assert_eq!(code_of(&desk.send("PUT", "/v1/me/picture", large).await), (413, "too_long"));
}

#[tokio::test]
async fn a_locked_account_says_so_only_to_who_knows_its_password() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    let lock = ChangeAccount { role: None, locked: Some(true) };
    world.running.state.accounts.change(alice, lock, None, Actor::console()).await.unwrap();
    let mut https = world.https().await;
    let login = |user: &str, password: &str| json!({"user": user, "password": password, "device": "desk"});
    let right = https.post("/v1/login", login("alice", PASSWORD)).await;
    assert_eq!(code_of(&right), (403, "account_locked"));
    let wrong = https.post("/v1/login", login("alice", "wrong")).await;
    let nobody = https.post("/v1/login", login("nobody", "wrong")).await;
    assert_eq!(code_of(&wrong), (401, "wrong_password"));
    assert_eq!(wrong, nobody);
    let entries = log(&mut administrator(&world).await).await;
    assert_eq!(entries.iter().filter(|(_, act, _)| act == "login.failed").count(), 3);
    assert!(logged(&entries, "-", "login.failed", "alice") && logged(&entries, "-", "login.failed", "-"));
}

#[tokio::test]
async fn guessing_gets_slow_wherever_something_can_be_guessed() {
    let wrong = "not the password";
    for (method, path, body, attempts) in [
        ("POST", "/v1/login", json!({"user": "alice", "password": wrong, "device": "d"}), 6),
        ("POST", "/v1/reset", json!({"user": "alice", "code": "0", "password": "correct horse"}), 6),
        ("PUT", "/v1/me/password", json!({"old": wrong, "new": "correct horse"}), 6),
        ("DELETE", "/v1/me", json!({"password": wrong}), 6),
        ("POST", "/v1/join", json!({"code": "0", "user": "x", "password": "correct horse", "device": "d"}), 21),
    ] {
        let world = World::new().await;
        let alice = world.account("alice", false).await;
        let mut https = world.with_session(alice).await;
        let mut answers = Vec::new();
        for _ in 0..attempts {
            answers.push(https.send(method, path, body.to_string().into()).await);
        }
        let (status, last) = answers.pop().unwrap();
        assert_eq!((status, &last["code"]), (429, &json!("too_many_attempts")), "{method} {path}");
        assert!(last["retry_after_ms"].as_u64().unwrap() <= 1000);
        assert!(answers.iter().all(|(status, _)| *status == 401), "{method} {path}");
        // The same account by another way: what was learnt at one door is not forgotten at the next.
        if attempts == 6 {
            let login = https.post("/v1/login", json!({"user": "Alice", "password": PASSWORD, "device": "d"})).await;
            assert_eq!(code_of(&login), (429, "too_many_attempts"), "{method} {path}");
        }
    }
}

async fn who_leaves_takes_everything_but_the_messages(engine: Engine) {
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    world.account("bob", false).await;
    let mut admin = administrator(&world).await;
    let mut desk = world.logged_in("alice", "desk").await;
    let mut bob = world.logged_in("bob", "desk").await;
    let chat = desk.post("/v1/chats", json!({"with": "bob"})).await.1["id"].clone();
    let messages = format!("/v1/chats/{chat}/messages");
    desk.post(&messages, json!({"text": "farewell", "key": "1"})).await;
    let open = json!({"with": ["bob"], "key": "group"});
    let group = desk.post("/v1/chats", open).await.1["id"].clone();
    assert_eq!(bob.post(&format!("/v1/chats/{group}/accept"), json!({})).await.0, 200);
    let picture = desk.send("PUT", "/v1/me/picture", png(9).into()).await.1["picture"].as_str().unwrap().to_owned();
    let link = world.link("alice", "phone").await;

    let leave = |password: &str| Bytes::from(json!({"password": password}).to_string());
    assert_eq!(code_of(&desk.send("DELETE", "/v1/me", leave("wrong")).await), (401, "wrong_password"));
    assert_eq!(desk.send("DELETE", "/v1/me", leave(PASSWORD)).await.0, 204);
    assert_eq!(link.handle.closed().await, CloseReason::SessionEnded);
    assert_eq!(code_of(&desk.get("/v1/me").await), (401, "session_expired"));
    let history = bob.get(&messages).await.1;
    assert_eq!(
        (&history["messages"][0]["text"], &history["messages"][0]["from"]["name"]),
        (&json!("farewell"), &json!("alice"))
    );
    let late = bob.post(&messages, json!({"text": "Are you there?", "key": "late"})).await;
    assert_eq!((late.0, late.1["detail"].as_str().unwrap().contains("alice has no account")), (404, true), "{late:?}");
    let left = bob.get(&format!("/v1/chats/{group}")).await.1;
    assert_eq!((&left["role"], &left["joined"]), (&json!("owner"), &json!(1)), "{left}");
    assert_eq!(code_of(&bob.get(&format!("/v1/pictures/{picture}")).await), (404, "not_found"));
    assert_eq!(code_of(&admin.get(&format!("/v1/admin/accounts/{alice}")).await), (404, "not_found"));
    assert_eq!(code_of(&bob.post("/v1/chats", json!({"with": "alice"})).await), (404, "not_found"));
    let again = admin.post("/v1/admin/accounts", json!({"user": "ALICE"})).await;
    assert_eq!(code_of(&again), (409, "name_taken"));
    assert!(logged(&log(&mut admin).await, "alice", "account.removed", "alice"));
}

async fn administrators_do_over_the_network_what_the_command_line_does(engine: Engine) {
    let world = World::on(engine);
    let mut admin = administrator(&world).await;
    let made = json!({"user": "studio", "password": PASSWORD, "role": "provider"});
    let (status, account) = admin.post("/v1/admin/accounts", made.clone()).await;
    assert_eq!((status, &account["name"]), (201, &json!("studio")));
    assert_eq!(code_of(&admin.post("/v1/admin/accounts", made).await), (409, "name_taken"));
    // Without a password nobody gets in, not even with an empty one.
    let (_, later) = admin.post("/v1/admin/accounts", json!({"user": "later"})).await;
    let mut stranger = world.https().await;
    let empty = stranger.post("/v1/login", json!({"user": "later", "password": "", "device": "d"})).await;
    assert_eq!(code_of(&empty), (401, "wrong_password"));

    let page = admin.get("/v1/admin/accounts?limit=2").await.1;
    assert_eq!((page["accounts"].as_array().unwrap().len(), &page["more"]), (2, &json!(true)));
    assert_eq!(page["accounts"][1]["role"], "provider");
    let rest = admin.get(&format!("/v1/admin/accounts?after={}", page["accounts"][1]["id"])).await.1;
    assert_eq!((&rest["accounts"][0]["id"], &rest["more"]), (&later["id"], &json!(false)));
    let path = format!("/v1/admin/accounts/{}", later["id"]);
    assert_eq!(admin.send("DELETE", &path, Bytes::new()).await.0, 204);
    assert_eq!(code_of(&admin.send("DELETE", &path, Bytes::new()).await), (404, "not_found"));
    let first = admin.get("/v1/admin/audit?limit=2").await.1;
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["more"]), (2, &json!(true)));
    assert_eq!(
        (&first["entries"][0]["act"], &first["entries"][0]["from"]),
        (&json!("account.removed"), &json!("127.0.0.1"))
    );
    let before = first["entries"][1]["id"].as_u64().unwrap();
    let older = admin.get(&format!("/v1/admin/audit?before={before}")).await.1;
    assert!(older["entries"].as_array().unwrap().iter().all(|entry| entry["id"].as_u64().unwrap() < before));
    assert_eq!(older["more"], false);
}

on_both!(
    people_join_by_invitation_and_by_nothing_else,
    a_forgotten_password_is_reset_by_a_code,
    sessions_are_listed_renewed_and_ended,
    one_says_of_oneself_what_one_wants_and_changes_the_password,
    who_leaves_takes_everything_but_the_messages,
    administrators_do_over_the_network_what_the_command_line_does,
);
