//! What is bounded: people of a group, what one answer holds, what waits, and chats in memory.

use super::*;
use relay::vocabulary::{GROUP_MAX, REACTIONS_MAX, REQUEST_TEXT_MAX, RESPONSE_MAX, TEXT_MAX};

/// Bytes of an answer as it travels.
fn size(answer: &impl serde::Serialize) -> usize {
    serde_json::to_vec(answer).unwrap().len()
}

/// So many accounts more, and their names.
async fn crowd(world: &World, people: usize) -> Vec<String> {
    let names: Vec<String> = (0..people).map(|n| format!("guest{n}")).collect();
    let inserted = names.clone();
    let insert = move |c: &Connection| {
        inserted.iter().try_for_each(|name| {
            let sql = "INSERT INTO accounts (name, password, created_at) VALUES (?1, '', 0)";
            c.execute(sql, params![name]).map(drop)
        })
    };
    world.database.write(insert).await.unwrap();
    names
}

async fn a_group_has_five_hundred_people_and_not_one_more(engine: Engine) {
    let world = world(engine).await;
    let names = crowd(&world, GROUP_MAX - 1).await;
    let open = |names: &[String], key: &str| OpenChat {
        with: With::Group(names.to_vec()),
        name: String::new(),
        text: None,
        key: Some(key.into()),
    };
    let (room, _) = world.chats.open(&world.of("alice"), open(&names, "all"), false).await.unwrap();
    assert_eq!(room.roll().people.len(), GROUP_MAX);
    let one_more = AskIn { names: vec!["bob".into()], text: String::new() };
    assert_eq!(world.chats.ask_in(&room, &world.of("alice"), one_more.clone()).await, Err(ChatRefusal::Full));
    assert_eq!(room.roll().people.len(), GROUP_MAX, "nothing of it was kept");
    let first = room.roll().people.iter().find(|person| person.member.name == "guest0").unwrap().member.clone();
    world.chats.answer(&room, &first, Answer::Accept).await.unwrap();
    world.chats.leave(&room, &first).await.unwrap();
    world.chats.ask_in(&room, &world.of("alice"), one_more).await.unwrap();
    let members = relay::vocabulary::ChatMembers { members: room.roll().members() };
    assert!(size(&members) < RESPONSE_MAX);
}

async fn a_request_shows_the_first_line_and_no_more_than_a_list_can(engine: Engine) {
    let world = world(engine).await;
    let open =
        |with, text: String, key: &str| OpenChat { with, name: String::new(), text: Some(text), key: Some(key.into()) };
    let direct = open(With::One("bob".into()), "Hello bob\nand more".into(), "d");
    let (room, _) = world.chats.open(&world.of("alice"), direct, false).await.unwrap();
    assert_eq!(room.view(world.id("bob")).unwrap().request.unwrap().text, "Hello bob");
    assert_eq!(world.newest(&room).await[0].text, "Hello bob\nand more", "the line itself is whole");
    let long = "窓".repeat(TEXT_MAX / 3);
    for n in 0..100 {
        let group = open(With::Group(vec!["carol".into()]), long.clone(), &n.to_string());
        world.chats.open(&world.of("alice"), group, false).await.unwrap();
    }
    let (chats, _) = world.chats.of(world.id("carol"), false, None, 100).await.unwrap();
    let text = &chats[0].request.as_ref().unwrap().text;
    assert_eq!(text.chars().count(), REQUEST_TEXT_MAX / 3);
    let answer = relay::vocabulary::Chats { chats, next: None };
    assert!(answer.chats.len() == 100 && size(&answer) < RESPONSE_MAX, "{}", size(&answer));
}

async fn whatever_is_long_comes_in_pages(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let long = |n: usize| format!("needle {n:03} {}", "\"x".repeat((TEXT_MAX - 11) / 2));
    let mut pinned = Vec::new();
    for n in 0..70 {
        let of = world.say(&room, "alice", &long(n)).await;
        world.change(&room, "bob", Change::Pin { of, on: true }).await.unwrap();
        pinned.push(of);
    }
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = world.chats.pinned(room.id, after).await.unwrap();
        assert!(size(&page) < RESPONSE_MAX, "{}", size(&page));
        found.extend(page.messages.iter().map(|message| message.sequence));
        after = *found.last().unwrap();
        if !page.more {
            break;
        }
    }
    assert_eq!(found, pinned);
    index_all(&world).await;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = world.chats.search(world.id("bob"), "needle", None, before, 50).await.unwrap().unwrap();
        assert!(size(&page) < RESPONSE_MAX, "{}", size(&page));
        found.extend(page.hits.iter().map(|hit| hit.message.sequence));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(found.iter().rev().eq(&pinned), "{found:?}");
}

/// Many reactions of many people under many lines.
async fn a_search_is_bounded_by_what_people_make_of_lines(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    let mut lines = Vec::new();
    for n in 0..30 {
        lines.push(world.say(&room, "alice", &format!("needle {n}")).await);
    }
    crowd(&world, 250).await;
    let (chat, wanted) = (room.id, lines.clone());
    let react = move |c: &Connection| {
        for line in &lines {
            let sql = "INSERT INTO reactions (chat, sequence, emoji, account, at)
                       WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?3)
                       SELECT ?1, ?2, 'e' || n, a.id, 0 FROM n, accounts a";
            c.execute(sql, params![chat, line, REACTIONS_MAX as u64])?;
        }
        Ok(())
    };
    world.database.write(react).await.unwrap();
    let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = world.chats.search(world.id("bob"), "needle", None, before, 50).await.unwrap().unwrap();
        assert!(size(&page) < RESPONSE_MAX, "{}", size(&page));
        found.extend(page.hits.iter().map(|hit| hit.message.sequence));
        pages += 1;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(pages > 1 && found.iter().rev().eq(&wanted), "{pages} pages: {found:?}");
}

async fn what_waits_to_be_sent_is_bounded(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let now = crate::clock::unix_ms();
    let schedule = async |text: String, key: usize| {
        let line = SendMessage { send_at: Some(now + 60_000), ..SendMessage::line(text, key.to_string()) };
        world.chats.schedule(&room, &world.of("alice"), line).await
    };
    let mut waiting = 0;
    let refused = loop {
        match schedule("x".repeat(TEXT_MAX), waiting).await {
            Ok(_) => waiting += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, ChatRefusal::TooManyScheduled(..)) && waiting == 12, "{waiting}: {refused}");
    let all = world.chats.scheduled(room.id, world.id("alice")).await.unwrap();
    assert!(size(&relay::vocabulary::AllScheduled { scheduled: all }) < RESPONSE_MAX);
    schedule("short".into(), 1_000).await.unwrap();
}

async fn chats_that_nobody_uses_leave_memory_and_those_that_are_read_stay(engine: Engine) {
    let world = world(engine).await;
    let (room, used) = (world.direct().await, world.group(&["bob"]).await);
    let (id, track) = (room.id, room.track.clone());
    let mut cursor = track.cursor(Start::After(0));
    drop(room);
    let (first, alice) = (used.id + 1, world.id("alice"));
    let fill = move |c: &Connection| {
        for chat in first..first + 2 * ROOMS as u64 {
            c.execute("INSERT INTO chats (kind, created_at) VALUES (1, 0)", &[])?;
            let seat =
                "INSERT INTO members (chat, account, role, standing, since, delivered, seen, asker, asked, asked_at)
                        VALUES (?1, ?2, 2, 0, 0, 0, 0, NULL, '', 0)";
            c.execute(seat, params![chat, alice])?;
        }
        Ok(())
    };
    world.database.write(fill).await.unwrap();
    for chat in first..first + 2 * ROOMS as u64 {
        assert!(world.chats.room(chat).await.unwrap().is_some());
    }
    assert!(world.chats.rooms.lock().len() <= ROOMS);
    // Read all the time, it is the same one, and its reader gets what comes.
    let room = world.chats.room(id).await.unwrap().unwrap();
    world.say(&room, "bob", "still there").await;
    assert_eq!(read(&mut cursor)[0].text, "still there");
    assert!(Arc::ptr_eq(&used, &world.chats.room(used.id).await.unwrap().unwrap()));
    // One that left memory goes on where it was.
    let gone = world.chats.room(first).await.unwrap().unwrap();
    assert_eq!(world.say(&gone, "alice", "one").await, 1);
    drop(gone);
    for chat in first + 1..first + 2 * ROOMS as u64 {
        world.chats.room(chat).await.unwrap();
    }
    assert!(!world.chats.rooms.lock().contains_key(&first));
    let again = world.chats.room(first).await.unwrap().unwrap();
    assert_eq!(world.say(&again, "alice", "two").await, 2);
}

on_both!(
    a_group_has_five_hundred_people_and_not_one_more,
    a_request_shows_the_first_line_and_no_more_than_a_list_can,
    whatever_is_long_comes_in_pages,
    a_search_is_bounded_by_what_people_make_of_lines,
    what_waits_to_be_sent_is_bounded,
    chats_that_nobody_uses_leave_memory_and_those_that_are_read_stay,
);
