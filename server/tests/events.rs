//! Events for bots, over real https: what comes, in which order, and that nothing is lost or doubled by cuts and restarts.

mod world;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use relay::vocabulary::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use world::postgres::{Engine, on_both};
use world::{Https, PATIENCE, World};

/// A reader of an event stream. Dropping it cuts the connection.
struct Stream {
    body: Incoming,
    text: String,
    comments: usize,
    _https: Https,
}

#[derive(Debug, Clone, PartialEq)]
struct Told {
    id: String,
    name: String,
    data: Value,
}

impl Told {
    /// Chat and sequence of an entry.
    fn entry(&self) -> Option<(u64, u64)> {
        (self.name == "chat.entry")
            .then(|| (self.data["chat"].as_u64().unwrap(), self.data["entry"]["sequence"].as_u64().unwrap()))
    }
}

impl Stream {
    async fn open(world: &World, token: &str, after: Option<&str>) -> Self {
        Self::of(world, token, "/v1/events", after).await
    }

    async fn of(world: &World, token: &str, path: &str, after: Option<&str>) -> Self {
        let mut https = world.https().await;
        https.session = Some(token.to_owned());
        let headers: Vec<_> = after.map(|id| ("last-event-id", id)).into_iter().collect();
        let response = https.raw_get(path, &headers).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { body: response.into_body(), text: String::new(), comments: 0, _https: https }
    }

    /// The next event but for changes of presence, which come when a stream is opened or cut; `None` at the end.
    async fn next(&mut self) -> Option<Told> {
        loop {
            let told = self.any().await?;
            if told.name != "presence.changed" {
                return Some(told);
            }
        }
    }

    async fn any(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    self.comments += 1;
                    continue;
                }
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_else(|| panic!("{name} in {event:?}")).to_owned()
                };
                let data: Value = serde_json::from_str(&field("data")).unwrap();
                assert_eq!((&data["event"], &data["v"]), (&json!(field("event")), &json!(1)), "{event}");
                return Some(Told { id: field("id"), name: field("event"), data });
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("nothing came")?.ok()?;
        self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        Some(())
    }

    /// The next of that name, whatever comes before it.
    async fn until(&mut self, name: &str) -> Told {
        loop {
            let told = self.any().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if told.name == name {
                return told;
            }
        }
    }

    /// So many entries of chats.
    async fn entries(&mut self, count: usize) -> Vec<Told> {
        let mut entries = Vec::new();
        while entries.len() < count {
            entries.push(self.until("chat.entry").await);
        }
        entries
    }
}

async fn token(https: &mut Https) -> String {
    let (status, made) = https.post("/v1/tokens", json!({"name": "bot"})).await;
    assert_eq!(status, 201, "{made}");
    made["secret"].as_str().unwrap().to_owned()
}

async fn say(https: &mut Https, chat: u64, text: &str) {
    let key = format!("{chat}-{:.20}", text);
    let (status, sent) = https.post(&format!("/v1/chats/{chat}/messages"), json!({"text": text, "key": key})).await;
    assert_eq!(status, 201, "{sent}");
}

async fn chat_with(https: &mut Https, with: Value, key: &str) -> u64 {
    let (status, chat) = https.post("/v1/chats", json!({"with": with, "key": key})).await;
    assert_eq!(status, 201, "{chat}");
    chat["id"].as_u64().unwrap()
}

/// So many groups that bob has made and alice has accepted.
async fn chats_of_two(of_alice: &mut Https, of_bob: &mut Https, count: usize) -> Vec<u64> {
    let mut chats = Vec::new();
    for at in 0..count {
        let chat = chat_with(of_bob, json!(["alice"]), &format!("chat-{at}")).await;
        of_alice.post(&format!("/v1/chats/{chat}/accept"), json!({})).await;
        chats.push(chat);
    }
    chats
}

#[tokio::test]
async fn a_bot_hears_what_a_link_hears() {
    let world = World::new().await;
    let (alice, bob) = (world.account("alice", false).await, world.account("bob", false).await);
    let mut of_alice = world.with_session(alice).await;
    let mut of_bob = world.with_session(bob).await;
    let token = token(&mut of_alice).await;
    let mut stream = Stream::of(&world, &token, "/v1/events?signals=true", None).await;
    assert_eq!(stream.next().await.unwrap().name, "stream.opened");

    of_bob.post("/v1/contacts/requests", json!({"to": "alice"})).await;
    assert_eq!(stream.until("contact.requested").await.data["request"]["from"]["name"], "bob");
    of_alice.post(&format!("/v1/contacts/requests/{bob}/accept"), json!({})).await;
    stream.until("contact.added").await;
    let mut link = world.link("bob", "desk").await;
    let mut present = stream.until("presence.changed").await;
    while present.data["account"] != bob {
        present = stream.until("presence.changed").await;
    }
    assert_eq!((&present.data["account"], &present.data["presence"]["state"]), (&json!(bob), &json!("available")));
    // Whoever listens is there.
    let contacts = of_bob.get("/v1/contacts").await.1;
    assert_eq!(contacts["contacts"][0]["presence"]["state"], "available");

    let chat = chat_with(&mut of_bob, json!("alice"), "c").await;
    stream.until("chat.opened").await;
    say(&mut of_bob, chat, "Noodles?").await;
    let entry = stream.until("chat.entry").await;
    assert_eq!((&entry.data["chat"], &entry.data["entry"]["text"]), (&json!(chat), &json!("Noodles?")));
    of_bob.post(&format!("/v1/chats/{chat}/typing"), json!({"on": true})).await;
    let signal = stream.until("chat.signal").await;
    assert_eq!((&signal.data["signal"]["signal"], &signal.data["chat"]), (&json!("typing"), &json!(chat)));

    let call = link.post("/v1/calls", json!({"chat": chat})).await;
    assert_eq!(call.status, 201, "{call:?}");
    assert_eq!(stream.until("call.invited").await.data["call"]["id"], call.body["id"]);
    // A bot has no tracks to speak on: it does not ring, and cannot take the call.
    let mut bot = world.https().await;
    bot.session = Some(token);
    let id = call.body["id"].as_u64().unwrap();
    assert_eq!(bot.post(&format!("/v1/calls/{id}/accept"), json!({})).await.1["code"], "link_needed");
    link.post(&format!("/v1/calls/{id}/hangup"), json!({})).await;
    stream.until("call.cancelled").await;
    let rang = std::iter::from_fn(|| link.events.try_recv()).any(|event| matches!(event, Event::CallRinging { .. }));
    assert!(!rang, "nobody's phone rang");
}

/// Whatever event a listener saw last, it goes on after it.
async fn after_a_cut_anywhere_the_rest_comes_once(engine: Engine) {
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    let bob = world.account("bob", false).await;
    let (mut of_alice, mut of_bob) = (world.with_session(alice).await, world.with_session(bob).await);
    let token = token(&mut of_alice).await;
    // More chats than a place names one by one.
    let chats = chats_of_two(&mut of_alice, &mut of_bob, 36).await;
    let mut stream = Stream::open(&world, &token, None).await;
    let mut all = vec![stream.next().await.unwrap()];
    for (at, chat) in chats.iter().chain(&chats[30..]).enumerate() {
        say(&mut of_bob, *chat, &format!("line {at}")).await;
        if at % 10 == 0 {
            of_alice.send("PATCH", &format!("/v1/chats/{chat}"), Bytes::new()).await;
            world.running.state.delivery.send(alice, &Event::KeyframeWanted { track: at as u64 });
        }
    }
    let expected = 42 + 5;
    while all.len() < expected + 1 {
        all.push(stream.next().await.unwrap());
    }
    assert!(all.iter().any(|told| told.id.matches('-').count() > 30), "places grow");
    let last = all.last().unwrap();
    assert!(last.id.matches('-').count() < 12, "and are drawn together: {}", last.id);
    let sorted = |told: &[Told]| {
        let mut what: Vec<_> = told.iter().map(|told| told.data.to_string()).collect();
        what.sort();
        what
    };
    for cut in (0..all.len()).step_by(3) {
        let mut again = Stream::open(&world, &token, Some(&all[cut].id)).await;
        let mut rest = Vec::new();
        while rest.len() < all.len() - cut - 1 {
            rest.push(again.next().await.unwrap());
        }
        assert!(sorted(&rest) == sorted(&all[cut + 1..]), "after a cut at {cut}: {}", all[cut].id);
        // Nothing but signs of life follows: the next is what happens next.
        world.running.state.delivery.send(alice, &Event::KeyframeWanted { track: 4711 });
        assert_eq!(again.next().await.unwrap().data["track"], 4711);
        // And the others have it as well.
        let told = stream.until("track.keyframe_wanted").await;
        assert_eq!(told.data["track"], 4711);
        let mut after = Stream::open(&world, &token, Some(&told.id)).await;
        world.running.state.delivery.send(alice, &Event::KeyframeWanted { track: 5 });
        assert_eq!(after.next().await.unwrap().data["track"], 5);
        stream.until("track.keyframe_wanted").await;
        all.retain(|told| told.data["track"] != 4711 && told.data["track"] != 5);
        // What was told for this check belongs to what later cuts miss.
        let extra = |track: u64| Told {
            id: String::new(),
            name: "track.keyframe_wanted".to_owned(),
            data: json!({"v": 1, "event": "track.keyframe_wanted", "track": track}),
        };
        for _ in 0..=cut / 3 {
            all.extend([extra(4711), extra(5)]);
        }
        if cut + 3 >= expected {
            break;
        }
    }
}

/// While a listener's place is drawn together, others go on writing: what was sent in that moment is known to be sent.
async fn what_is_written_while_a_place_is_drawn_together_comes_once(engine: Engine) {
    const WRITERS: usize = 4;
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    let bob = world.account("bob", false).await;
    let (mut of_alice, mut of_bob) = (world.with_session(alice).await, world.with_session(bob).await);
    let token = token(&mut of_alice).await;
    let chats = chats_of_two(&mut of_alice, &mut of_bob, 40).await;
    let mut stream = Stream::open(&world, &token, None).await;
    let mut all = vec![stream.next().await.unwrap()];
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (mut of_bob, chats) = (world.with_session(bob).await, chats.clone());
        writers.spawn(async move {
            for at in 0..2 * chats.len() {
                say(&mut of_bob, chats[(at + writer * 7) % chats.len()], &format!("{writer}: {at}")).await;
            }
        });
    }
    while all.len() < 1 + WRITERS * 2 * chats.len() {
        all.push(stream.next().await.unwrap());
    }
    writers.join_all().await;
    let entries = |told: &[Told]| {
        let mut entries: Vec<_> = told.iter().filter_map(Told::entry).collect();
        entries.sort_unstable();
        entries
    };
    let shortened = |at: &usize| all[*at].id.matches('-').count() < all[at - 1].id.matches('-').count();
    let cuts: Vec<usize> = (1..all.len()).filter(shortened).collect();
    assert!(cuts.len() > 3, "places are drawn together: {cuts:?}");
    for cut in cuts.into_iter().chain([all.len() - 1]) {
        let mut again = Stream::open(&world, &token, Some(&all[cut].id)).await;
        world.running.state.delivery.send(alice, &Event::KeyframeWanted { track: cut as u64 });
        let mut rest = Vec::new();
        let mut marked = false;
        while rest.len() < all.len() - cut - 1 || !marked {
            let told = again.next().await.unwrap();
            let is_mark = told.name == "track.keyframe_wanted";
            marked |= is_mark && told.data["track"] == cut as u64;
            rest.extend((!is_mark).then_some(told));
        }
        assert_eq!(entries(&rest), entries(&all[cut + 1..]), "after a cut at {cut}: {}", all[cut].id);
    }
}

async fn over_a_restart_no_entry_is_lost_or_doubled_and_the_gap_is_told(engine: Engine) {
    let mut world = World::on(engine);
    let alice = world.account("alice", false).await;
    let bob = world.account("bob", false).await;
    let (mut of_alice, mut of_bob) = (world.with_session(alice).await, world.with_session(bob).await);
    let token = token(&mut of_alice).await;
    let chats = chats_of_two(&mut of_alice, &mut of_bob, 3).await;
    let mut stream = Stream::open(&world, &token, None).await;
    for at in 0..30 {
        say(&mut of_bob, chats[at % 3], &format!("line {at}")).await;
    }
    // Ten were read when the connection was cut.
    let mut seen: Vec<_> = stream.entries(10).await;
    let id = seen[9].id.clone();
    drop(stream);
    let bob_session = of_bob.session.clone();
    let mut closing = Stream::open(&world, &token, Some(&id)).await;
    closing.entries(20).await;
    let (running, home) = world.end();
    running.stop().await;
    closing.until("server.closing").await;
    assert_eq!(closing.next().await, None);

    world = World::again(home);
    let mut of_bob = world.https().await;
    of_bob.session = bob_session;
    say(&mut of_bob, chats[0], "after the restart").await;
    let mut stream = Stream::open(&world, &token, Some(&id)).await;
    let gap = stream.next().await.unwrap();
    assert_eq!(gap.name, "stream.gap", "{gap:?}");
    seen.extend(stream.entries(21).await);
    let mut newest = BTreeMap::new();
    for (chat, sequence) in seen.iter().filter_map(Told::entry) {
        let before = newest.insert(chat, sequence);
        assert!(before.is_none_or(|before| sequence == before + 1), "{chat}: {sequence} after {before:?}");
    }
    for chat in chats {
        let latest = of_bob.get(&format!("/v1/chats/{chat}")).await.1["latest"].clone();
        assert_eq!(json!(newest[&chat]), latest);
    }
    // The gap is told once.
    let id = seen.last().unwrap().id.clone();
    let mut again = Stream::open(&world, &token, Some(&id)).await;
    say(&mut of_bob, 1, "once more").await;
    assert_eq!(again.next().await.unwrap().name, "chat.entry");
}

#[tokio::test]
async fn who_does_not_read_costs_nothing_and_loses_no_entry() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    let bob = world.account("bob", false).await;
    let (mut of_alice, mut of_bob) = (world.with_session(alice).await, world.with_session(bob).await);
    let token = token(&mut of_alice).await;
    let chat = chat_with(&mut of_bob, json!("alice"), "c").await;
    let mut stream = Stream::open(&world, &token, None).await;
    let text = "x".repeat(15_000);
    let lines = 300;
    for at in 0..lines {
        say(&mut of_bob, chat, &format!("{at} {text}")).await;
    }
    for _ in 0..20_000 {
        world.running.state.delivery.send(alice, &Event::ServerClosing { retry_after_ms: 1 });
    }
    let room = world.running.state.chats.room(chat).await.unwrap().unwrap();
    assert!(room.track.holding().bytes <= 64 << 10, "what is not read is not held");
    assert_eq!(stream.next().await.unwrap().name, "stream.opened");
    let (mut sequences, mut gap) = (Vec::new(), false);
    while sequences.len() < lines || !gap {
        let told = stream.next().await.unwrap();
        sequences.extend(told.entry().map(|(_, sequence)| sequence));
        gap |= told.name == "stream.gap";
    }
    assert_eq!(sequences, (1..=lines as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_it() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    let bob = world.account("bob", false).await;
    let (mut of_alice, mut of_bob) = (world.with_session(alice).await, world.with_session(bob).await);
    let bot = token(&mut of_alice).await;
    let chat = chat_with(&mut of_bob, json!(["alice"]), "c").await;
    let mut stream = Stream::open(&world, &bot, None).await;
    assert_eq!(stream.next().await.unwrap().name, "stream.opened");
    // Asked, not in it: nothing of it is heard but the request.
    say(&mut of_bob, chat, "before").await;
    of_alice.post(&format!("/v1/chats/{chat}/accept"), json!({})).await;
    assert_eq!(stream.next().await.unwrap().name, "chat.opened");
    say(&mut of_bob, chat, "while").await;
    // What was said since the request is hers to read from then on.
    let entries = stream.entries(3).await;
    assert_eq!(entries[0].data["entry"]["text"], "before");
    assert_eq!(entries[1].data["entry"]["notice"]["kind"], "joined", "{entries:?}");
    assert_eq!(entries[2].data["entry"]["text"], "while");
    of_bob.send("DELETE", &format!("/v1/chats/{chat}/members/{alice}"), Bytes::new()).await;
    stream.until("chat.closed").await;
    say(&mut of_bob, chat, "after").await;
    world.running.state.delivery.send(alice, &Event::KeyframeWanted { track: 1 });
    assert_eq!(stream.next().await.unwrap().name, "track.keyframe_wanted");
    // Nor is it heard by a place that was given before.
    let mut again = Stream::open(&world, &bot, Some(&entries[0].id)).await;
    assert_eq!(again.next().await.unwrap().name, "chat.closed");

    let tokens = of_alice.get("/v1/tokens").await.1;
    let id = tokens["tokens"][0]["id"].as_u64().unwrap();
    assert_eq!(of_alice.send("DELETE", &format!("/v1/tokens/{id}"), Bytes::new()).await.0, 204);
    assert_eq!(of_alice.send("DELETE", &format!("/v1/tokens/{id}"), Bytes::new()).await.0, 404);
    while stream.next().await.is_some() {}
    let mut https = world.https().await;
    https.session = Some(bot);
    assert_eq!(https.get("/v1/events").await.1["code"], "session_expired");
}

#[tokio::test]
async fn an_idle_stream_shows_signs_of_life_and_a_bad_place_is_refused() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    let mut https = world.with_session(alice).await;
    let token = token(&mut https).await;
    let mut stream = Stream::open(&world, &token, None).await;
    assert_eq!(stream.next().await.unwrap().name, "stream.opened");
    while stream.comments < 2 {
        if stream.text.is_empty() {
            stream.read().await.unwrap();
        }
        let (first, rest) = stream.text.split_once("\n\n").unwrap();
        stream.comments += usize::from(first == ":");
        stream.text = rest.to_owned();
    }
    let refused = https.bytes("/v1/events", &[("last-event-id", "yesterday")]).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(https.get("/v1/events?after=1.2").await.1["code"], "malformed");
    let mut link = world.link("alice", "desk").await;
    assert_eq!(link.send("GET", "/v1/events", json!(null)).await.status, 422);
    // The oldest of too many gives way, as links do.
    let mut streams = Vec::new();
    for _ in 0..17 {
        streams.push(Stream::open(&world, &token, None).await);
    }
    while stream.next().await.is_some() {}
    assert_eq!(streams[16].next().await.unwrap().name, "stream.opened");
    assert!(link.handle.closing().is_none(), "links are counted apart");
}

on_both!(
    after_a_cut_anywhere_the_rest_comes_once,
    what_is_written_while_a_place_is_drawn_together_comes_once,
    over_a_restart_no_entry_is_lost_or_doubled_and_the_gap_is_told,
);
