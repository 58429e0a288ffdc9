//! What time does to lines: those that are sent later, those that are forgotten.

use super::*;

async fn lines_are_sent_later_once_and_can_be_taken_back(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    let now = crate::clock::unix_ms();
    let later =
        |text: &str, send_at| SendMessage { send_at: Some(send_at), silent: true, ..SendMessage::line(text, text) };
    let schedule = async |text: &str, at| world.chats.schedule(&room, &world.of("bob"), later(text, at)).await;
    assert_eq!(schedule("past", now - 10_000).await, Err(ChatRefusal::SendAt));
    let far = now + relay::vocabulary::SEND_LATER_MAX + 60_000;
    assert_eq!(schedule("far", far).await, Err(ChatRefusal::SendAt));
    let soon = schedule("soon", now + 60_000).await.unwrap();
    assert_eq!(schedule("soon", now + 90_000).await.unwrap(), soon, "the same key is the same line");
    let back = schedule("never", now + 60_000).await.unwrap();
    assert_eq!(world.chats.scheduled(room.id, world.id("bob")).await.unwrap().len(), 2);
    assert_eq!(world.chats.scheduled(room.id, world.id("alice")).await.unwrap(), []);
    let take = async |name: &str| world.chats.take_back(room.id, world.id(name), back.id).await;
    assert_eq!(take("alice").await, Err(ChatRefusal::NotScheduled));
    take("bob").await.unwrap();
    assert_eq!(world.chats.send_what_is_due().await.unwrap(), Some(soon.send_at));
    let latest = room.latest();
    let hasten = "UPDATE scheduled SET send_at = ?1";
    world.database.write(move |c| c.execute(hasten, params![now - 1])).await.unwrap();
    let mut cursor = room.track.cursor(Start::After(latest));
    // Two at a time send it once.
    let (one, other) = tokio::join!(world.chats.send_what_is_due(), world.chats.send_what_is_due());
    one.and(other).unwrap();
    assert_eq!(world.chats.send_what_is_due().await.unwrap(), None);
    let sent = read(&mut cursor);
    assert_eq!((sent.len(), sent[0].text.as_str(), sent[0].silent), (1, "soon", true));

    // Whoever has left by then hears that it was not sent.
    let (_l, _c, mut events) = world.link("bob");
    schedule("too late", now + 60_000).await.unwrap();
    world.chats.leave(&room, &world.of("bob")).await.unwrap();
    assert!(matches!(events.recv().await, Some(Event::ChatClosed { .. })));
    world.database.write(move |c| c.execute(hasten, params![now - 1])).await.unwrap();
    assert_eq!(world.chats.send_what_is_due().await.unwrap(), None);
    assert!(matches!(events.recv().await, Some(Event::NotSent { chat, .. }) if chat == room.id));
}

async fn a_chat_that_forgets_leaves_places_and_nothing_else(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    let begins = room.latest();
    for n in 0..450 {
        world.say(&room, "alice", &format!("old secret {n}")).await;
    }
    world.change(&room, "bob", Change::React { of: begins + 1, emoji: "👍".into(), on: true }).await.unwrap();
    index_all(&world).await;
    let retention = ChangeChat { retention_ms: Some(3_600_000), ..ChangeChat::default() };
    world.chats.describe(&room, &world.of("alice"), retention).await.unwrap();
    let soon = crate::clock::unix_ms() + 3_600_001;
    let mark = SetMarks { read: Some(begins + 1), ..SetMarks::default() };
    world.chats.mark(&room, world.id("bob"), mark).await.unwrap();
    world.chats.forget_what_is_old(soon - 60_000).await.unwrap();
    assert_eq!(world.newest(&room).await.len(), 200, "nothing is that old");
    let postpone = "UPDATE entries SET at = ?1 WHERE sequence > ?2";
    world.say(&room, "alice", "new").await;
    let new = room.latest();
    world.database.write(move |c| c.execute(postpone, params![soon, new - 1])).await.unwrap();
    world.chats.forget_what_is_old(soon).await.unwrap();

    let left: Vec<_> = world.newest(&room).await.into_iter().map(|message| message.text).collect();
    assert_eq!(left, ["new"]);
    let view = room.view(world.id("bob")).unwrap();
    assert_eq!((view.since, view.latest, room.roll().expired), (new - 1, new, new - 1));
    let hits = world.chats.search(world.id("bob"), "secret", None, None, 5).await.unwrap().unwrap().hits;
    assert!(hits.is_empty());
    let (chats, _) = world.chats.of(world.id("bob"), false, None, 5).await.unwrap();
    assert_eq!(chats[0].unread, 1);
    // The log goes on without a gap for whoever was in the middle of it, and tells nothing, from memory either.
    let mut sequences = Vec::new();
    let mut after = begins;
    loop {
        let frames = world.chats.frames(room.track.id(), after, 100).await.unwrap();
        let Some(last) = frames.last() else { break };
        after = last.header().sequence;
        for frame in &frames {
            let message = Message::parse(&frame.payload()).unwrap();
            assert!(message.sequence == new || message.erased == Some(Erased::Expired), "{message:?}");
            sequences.push(message.sequence);
        }
    }
    assert!(sequences.iter().copied().eq(begins + 1..=new));
    let mut held = room.track.cursor(Start::Oldest);
    let held = read(&mut held);
    assert!(held.len() > 10 && held.iter().all(|entry| !entry.text.contains("secret")));
}

on_both!(lines_are_sent_later_once_and_can_be_taken_back, a_chat_that_forgets_leaves_places_and_nothing_else,);
