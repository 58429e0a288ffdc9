//! What later entries make of lines: edits, reactions, pins, deletions; marks.

use super::*;

async fn changes_are_entries_and_history_shows_what_they_make(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let mut cursor = room.track.cursor(Start::After(0));
    let one = world.say(&room, "alice", "helo").await;
    let two = world.say(&room, "bob", "hi").await;
    let edit = Change::Edit { of: one, text: "hello".into() };
    assert!(matches!(world.change(&room, "bob", edit.clone()).await, Err(ChatRefusal::NotAllowed(_))));
    world.change(&room, "alice", edit).await.unwrap();
    let react = |of, emoji: &str, on| Change::React { of, emoji: emoji.into(), on };
    world.change(&room, "alice", react(two, "👍", true)).await.unwrap();
    world.change(&room, "bob", react(two, "👍", true)).await.unwrap();
    world.change(&room, "bob", react(two, "🎉", true)).await.unwrap();
    world.change(&room, "bob", react(two, "🎉", false)).await.unwrap();
    world.change(&room, "bob", Change::Pin { of: one, on: true }).await.unwrap();
    let answer = SendMessage { reply_to: Some(one), mentions: vec![99], ..SendMessage::line("and you, @Alice?", "r") };
    world.chats.post(&room, world.of("bob"), answer).await.unwrap();

    let history = world.chats.history(room.id, 0, Page::Newest, 10).await.unwrap();
    let sequences: Vec<_> = history.messages.iter().map(|message| message.sequence).collect();
    assert_eq!((sequences, history.latest), (vec![1, 2, 9], 9), "only lines are shown");
    let [line, reacted, answer] = &history.messages[..] else { panic!("{history:?}") };
    assert_eq!((line.text.as_str(), line.pinned), ("hello", true));
    assert!(line.edited_at.is_some());
    assert_eq!(reacted.reactions.len(), 1);
    assert_eq!((reacted.reactions[0].emoji.as_str(), &reacted.reactions[0].by[..]), ("👍", &[1, 2][..]));
    assert_eq!((answer.reply_to, &answer.mentions[..]), (Some(one), &[world.id("alice")][..]));
    assert_eq!(world.chats.pinned(room.id, 0).await.unwrap().messages, std::slice::from_ref(line));

    // Whoever follows the track comes to the same.
    let entries = read(&mut cursor);
    assert!(entries.iter().map(|entry| entry.sequence).eq(1..=9));
    let mut folded = entries[0].clone();
    entries.iter().for_each(|entry| folded.apply(entry));
    assert_eq!(folded, *line);

    // What is deleted is gone from the server, in the entries that changed it too; its place and the order stay.
    world.change(&room, "alice", Change::Delete { of: one }).await.unwrap();
    let frames = world.chats.frames(room.track.id(), 0, 100).await.unwrap();
    let stored: Vec<_> = frames.iter().map(|frame| Message::parse(&frame.payload()).unwrap()).collect();
    assert!(stored.iter().map(|entry| entry.sequence).eq(1..=10));
    assert!(!format!("{stored:?}").contains("hello"));
    assert_eq!(stored[0].erased, Some(Erased::Deleted));
    let again = world.change(&room, "alice", Change::Edit { of: one, text: "again".into() }).await;
    assert_eq!(again, Err(ChatRefusal::NoLine(one)));
    let on_change = world.change(&room, "alice", react(3, "👍", true)).await;
    assert_eq!(on_change, Err(ChatRefusal::NoLine(3)));
    assert_eq!(world.newest(&room).await[0].text, "");
}

async fn moderators_delete_what_others_wrote_and_members_do_not(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob", "carol"]).await;
    let line = world.say(&room, "bob", "rude").await;
    let delete = || Change::Delete { of: line };
    assert!(matches!(world.change(&room, "carol", delete()).await, Err(ChatRefusal::NotAllowed(_))));
    let pin = Change::Pin { of: line, on: true };
    assert!(matches!(world.change(&room, "carol", pin).await, Err(ChatRefusal::NotAllowed(_))));
    world.change(&room, "alice", delete()).await.unwrap();
    let of = world.say(&room, "bob", "x").await;
    for n in 0..relay::vocabulary::REACTIONS_MAX {
        world.change(&room, "bob", Change::React { of, emoji: format!("e{n}"), on: true }).await.unwrap();
    }
    let many = world.change(&room, "carol", Change::React { of, emoji: "more".into(), on: true }).await;
    assert_eq!(many, Err(ChatRefusal::TooManyReactions));
}

async fn marks_go_forward_are_stored_and_count_what_is_unread(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    for n in 0..5 {
        world.say(&room, "alice", &n.to_string()).await;
    }
    world.say(&room, "bob", "mine").await;
    let mark =
        async |delivered, read| world.chats.mark(&room, world.id("bob"), SetMarks { delivered, read }).await.unwrap();
    let latest = room.latest();
    assert_eq!(mark(Some(latest + 100), Some(latest - 2)).await.delivered, latest);
    assert_eq!(mark(Some(1), Some(1)).await.read, latest - 2, "marks never go back");
    let mut signals = room.signals.cursor(Start::Oldest);
    let Next::Frame { frame, .. } = signals.next_frame() else { panic!("no signal") };
    let Signal::Marks(marks) = Signal::parse(&frame.payload()).unwrap() else { panic!("no marks") };
    assert_eq!((marks.account, marks.delivered, marks.read), (world.id("bob"), latest, latest - 2));
    world.chats.typing(&room, world.id("alice"), true);
    world.chats.typing(&room, world.id("alice"), false);
    assert!(
        matches!(signals.next_frame(), Next::Frame { frame, .. }
        if matches!(Signal::parse(&frame.payload()), Ok(Signal::Typing { on: false, .. }))),
        "only the newest is kept"
    );

    let unread = async |name: &str| {
        let (chats, _) = world.chats.of(world.id(name), false, None, 10).await.unwrap();
        chats[0].unread
    };
    // Bob has not read alice's last line; alice has not read bob's, nor are notices counted.
    assert_eq!((unread("bob").await, unread("alice").await), (1, 1));
    let (id, bob) = (room.id, world.id("bob"));
    drop(room);
    let World { home, database, chats, delivery, .. } = world;
    drop((database, chats, delivery));
    let (_database, chats, _) = chats_in(&home);
    let known = chats.room(id).await.unwrap().unwrap().roll().person(bob).unwrap().marks;
    assert_eq!((known.delivered, known.read), (latest, latest - 2));
}

async fn a_deleted_line_is_gone_from_memory_too(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let of = world.say(&room, "alice", "my password is hunter2").await;
    world.change(&room, "alice", Change::Edit { of, text: "hunter2 again".into() }).await.unwrap();
    world.change(&room, "alice", Change::Delete { of }).await.unwrap();
    let mut cursor = room.track.cursor(Start::After(0));
    let entries = read(&mut cursor);
    assert!(entries.iter().map(|entry| entry.sequence).eq(1..=3));
    assert!(!format!("{entries:?}").contains("hunter2"), "{entries:?}");
}

on_both!(
    changes_are_entries_and_history_shows_what_they_make,
    moderators_delete_what_others_wrote_and_members_do_not,
    marks_go_forward_are_stored_and_count_what_is_unread,
    a_deleted_line_is_gone_from_memory_too,
);
