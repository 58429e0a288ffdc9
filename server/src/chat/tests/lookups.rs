//! Looking things up: pages, and search before and after lines reach the index.

use super::*;

async fn history_comes_in_pages_bounded_in_number_and_bytes(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    for n in 1..=9 {
        world.say(&room, "alice", &n.to_string()).await;
    }
    let page = async |since, page, limit| {
        let history = world.chats.history(room.id, since, page, limit).await.unwrap();
        (history.messages.iter().map(|message| message.sequence).collect::<Vec<_>>(), history.more)
    };
    assert_eq!(page(0, Page::After(1), 3).await, (vec![2, 3, 4], true));
    assert_eq!(page(0, Page::After(7), 3).await, (vec![8, 9], false));
    assert_eq!(page(0, Page::Before(4), 2).await, (vec![2, 3], true));
    assert_eq!(page(0, Page::Before(3), 2).await, (vec![1, 2], false));
    assert_eq!(page(0, Page::Newest, 2).await, (vec![8, 9], true));
    assert_eq!(page(0, Page::Around(5), 4).await, (vec![4, 5, 6, 7], true));
    // Before the place from which on someone may read, there is nothing.
    assert_eq!(page(6, Page::Newest, 200).await, (vec![7, 8, 9], false));
    assert_eq!(page(6, Page::After(1), 1).await, (vec![7], true));
    assert_eq!(page(6, Page::Before(7), 5).await, (vec![], false));
    for n in 0..40 {
        let long = format!("{n:03}{}", "x".repeat(relay::vocabulary::TEXT_MAX - 3));
        world.chats.post(&room, world.of("alice"), SendMessage::line(long, format!("long{n}"))).await.unwrap();
    }
    for (wanted, begins) in [(Page::After(9), 10), (Page::Newest, 42)] {
        let (sequences, more) = page(0, wanted, 200).await;
        assert!(more && sequences.len() == 8 && sequences[0] == begins, "{sequences:?}");
    }
}

async fn lines_are_found_before_and_after_they_reach_the_index(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let secret = world.chats.open(&world.of("carol"), OpenChat::direct("dave"), false).await.unwrap().0;
    let group = world.group(&["bob"]).await;
    let find = async |name: &str, search: &str, chat| {
        let found = world.chats.search(world.id(name), search, chat, None, 50).await.unwrap().unwrap();
        found.hits.into_iter().map(|hit| (hit.chat, hit.message.sequence)).collect::<Vec<_>>()
    };
    let tokyo = world.say(&room, "alice", "東京都へ行きます").await;
    let kyoto = world.say(&room, "bob", "京都のほうが好き").await;
    let lunch = world.say(&group, "alice", "Lunch in Kyoto?").await;
    world.say(&secret, "carol", "京都 lunch").await;
    let (at, in_group) = (room.id, group.id);
    for indexed in [false, true] {
        if indexed {
            index_all(&world).await;
        }
        assert_eq!(find("alice", "京都", None).await, [(at, kyoto), (at, tokyo)], "indexed: {indexed}");
        assert_eq!(find("alice", "都", None).await, [(at, kyoto), (at, tokyo)]);
        assert_eq!(find("alice", "東京都", None).await, [(at, tokyo)]);
        assert_eq!(find("alice", "東京 ます", None).await, [(at, tokyo)]);
        assert_eq!(find("bob", "LUN", None).await, [(in_group, lunch)]);
        assert_eq!(find("alice", "lunch", Some(at)).await, []);
        assert_eq!(find("dave", "lunch kyoto", None).await, [], "dave has not accepted");
        assert_eq!(find("carol", "lunch", None).await.len(), 1);
        assert!(world.chats.search(world.id("alice"), " ?", None, None, 5).await.unwrap().is_err());
    }
    // What is edited is found as it is now, what is deleted not at all.
    world.change(&room, "alice", Change::Edit { of: tokyo, text: "大阪へ行きます".into() }).await.unwrap();
    world.change(&group, "alice", Change::Delete { of: lunch }).await.unwrap();
    index_all(&world).await;
    assert_eq!(find("bob", "東京", None).await, []);
    assert_eq!(find("bob", "大", None).await, [(at, tokyo)]);
    assert_eq!(find("bob", "lunch", None).await, []);
}

async fn a_search_comes_in_pages_and_is_cut_to_what_may_be_read(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    for n in 0..30 {
        world.say(&room, "alice", &format!("word {n}")).await;
        if n == 14 {
            index_all(&world).await;
        }
    }
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = world.chats.search(world.id("bob"), "word", None, before, 7).await.unwrap().unwrap();
        assert!(page.hits.len() <= 7);
        found.extend(page.hits.into_iter().map(|hit| hit.message.text));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert!(found.iter().eq((0..30).rev().map(|n| format!("word {n}")).collect::<Vec<_>>().iter()), "{found:?}");
    let ask = AskIn { names: vec!["dave".into()], text: String::new() };
    world.chats.remove(&room, &world.of("alice"), world.id("dave")).await.unwrap();
    world.chats.ask_in(&room, &world.of("alice"), ask).await.unwrap();
    world.chats.answer(&room, &world.of("dave"), Answer::Accept).await.unwrap();
    world.say(&room, "alice", "word for dave").await;
    let hits = world.chats.search(world.id("dave"), "word", None, None, 50).await.unwrap().unwrap().hits;
    assert_eq!(hits.len(), 1, "what was said before dave came is not his");
}

/// Paging back in a chat of 100,000 lines. Of the pages one in a hundred may be slower: other programs run as well.
async fn a_page_of_a_hundred_thousand_lines_takes_no_longer(engine: Engine) {
    const LINES: u64 = 100_000;
    const BOUND: std::time::Duration = std::time::Duration::from_millis(50);
    let world = world(engine).await;
    let room = world.direct().await;
    let (chat, alice, id) = (room.id, world.of("alice"), world.id("alice"));
    let fill = move |c: &Connection| {
        let insert = "INSERT INTO entries (chat, sequence, author, key, kind, text, at)
                      WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?3)
                      SELECT ?1, n, ?2, 'k' || n, 0, 'line ' || n || ' of a long chat', n FROM n";
        c.execute(insert, params![chat, id, LINES])
    };
    world.database.write(fill).await.unwrap();
    // As PostgreSQL does by itself after a while.
    world.database.write(|c| c.execute_batch("ANALYZE")).await.unwrap();
    drop(room);
    let World { home, database, chats, delivery, .. } = world;
    drop((database, chats, delivery));
    let (database, chats, _) = chats_in(&home);
    let room = chats.room(chat).await.unwrap().unwrap();
    let mut took = Vec::new();
    let mut before = LINES + 1;
    while before > 1 {
        let began = std::time::Instant::now();
        let page = chats.history(chat, 0, Page::Before(before), 100).await.unwrap();
        took.push(began.elapsed());
        assert!(page.messages.iter().map(|line| line.sequence).eq(before - 100..before));
        before -= 100;
    }
    took.sort();
    let (median, p99, slowest) = (took[500], took[990], took[999]);
    println!("{engine:?}: 1000 pages of 100 lines: median {median:?}, p99 {p99:?}, slowest {slowest:?}");
    assert!(p99 < BOUND, "{p99:?}");
    assert_eq!(chats.frames(room.track.id(), 50_000, 100).await.unwrap().len(), 100);
    // A line that is new is found at once, though all the others wait for the index.
    chats.post(&room, alice, SendMessage::line("needle", "n")).await.unwrap();
    let found = chats.search(id, "needle", None, None, 5).await.unwrap().unwrap();
    assert_eq!(found.hits.len(), 1);
    drop(database);
}

on_both!(
    history_comes_in_pages_bounded_in_number_and_bytes,
    lines_are_found_before_and_after_they_reach_the_index,
    a_search_comes_in_pages_and_is_cut_to_what_may_be_read,
    a_page_of_a_hundred_thousand_lines_takes_no_longer,
);
