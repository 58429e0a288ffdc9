//! Who belongs to a chat: requests, groups, roles, and readers that follow.

use super::*;

async fn a_direct_chat_is_a_request_until_it_is_answered(engine: Engine) {
    let world = world(engine).await;
    let (_alices, _c, mut alice) = world.link("alice");
    let (_bobs, _c, mut bob) = world.link("bob");
    let room = world.direct().await;
    let Some(Event::ChatOpened { chat }) = bob.recv().await else { panic!("no request") };
    assert_eq!((chat.standing, chat.request.unwrap().from), (Standing::Requested, world.of("alice")));
    assert!(matches!(alice.recv().await, Some(Event::ChatOpened { chat }) if chat.standing == Standing::Joined));
    // The first lines are there to be read before the answer, and nobody learns that they were.
    world.say(&room, "alice", "hello").await;
    let set = SetMarks { read: Some(1), ..SetMarks::default() };
    world.chats.mark(&room, world.id("bob"), set).await.unwrap();
    assert_eq!(room.signals.newest(), None);
    // Writing is an answer.
    world.say(&room, "bob", "hi").await;
    let Some(Event::ChatChanged { chat }) = alice.recv().await else { panic!("alice was not told") };
    assert!(chat.members.iter().all(|member| member.standing == Standing::Joined));
    assert!(room.roll().has(world.id("bob")));

    // Who ignores a request has it out of the way, and the asker learns nothing.
    let open = |opener: &str, with: &str| world.chats.open(&world.people[pos(opener)], OpenChat::direct(with), false);
    let (ignored, _) = open("alice", "carol").await.unwrap();
    world.chats.answer(&ignored, &world.of("carol"), Answer::Ignore).await.unwrap();
    world.say(&ignored, "alice", "hello?").await;
    let seen = ignored.view(world.id("alice")).unwrap();
    assert!(seen.members.iter().any(|member| member.id == world.id("carol") && member.standing == Standing::Requested));
    let listed = async |ignored| world.chats.of(world.id("carol"), ignored, None, 10).await.unwrap().0.len();
    assert_eq!((listed(false).await, listed(true).await), (0, 1));
    assert!(ignored.callable().iter().all(|member| member.name == "alice"));

    // Who declines is left alone, until they open the chat themselves.
    let (declined, _) = open("alice", "dave").await.unwrap();
    world.chats.answer(&declined, &world.of("dave"), Answer::Decline).await.unwrap();
    let refused = world.chats.post(&declined, world.of("alice"), SendMessage::line("please", "p")).await;
    assert_eq!(refused, Err(ChatRefusal::Declined));
    open("alice", "dave").await.unwrap();
    assert!(!declined.roll().has(world.id("dave")));
    open("dave", "alice").await.unwrap();
    world.say(&declined, "alice", "there you are").await;
}

fn pos(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap()
}

async fn a_group_begins_with_those_who_accept(engine: Engine) {
    let world = world(engine).await;
    let (_b, _c, mut bob) = world.link("bob");
    let (_d, _c2, mut dave) = world.link("dave");
    let room = world.group(&["bob"]).await;
    let again = world.group_again().await;
    assert!(Arc::ptr_eq(&room, &again));
    let Some(Event::ChatOpened { chat }) = bob.recv().await else { panic!("no request") };
    let request = chat.request.unwrap();
    assert_eq!((chat.name.as_str(), request.from.name.as_str(), request.text.as_str()), ("lunch", "alice", "Hungry?"));
    assert!(matches!(bob.recv().await, Some(Event::ChatOpened { chat }) if chat.standing == Standing::Joined));
    // Who accepts reads what was said since the request; who has not answered reads nothing.
    let seen = room.for_reader(world.id("bob"), |roll, person| roll.since(person));
    assert_eq!(seen, Some(0));
    assert!(room.roll().reader(world.id("carol")).is_none());
    let messages = world.newest(&room).await;
    let asked = vec![world.of("bob"), world.of("carol"), world.of("dave")];
    assert_eq!(notices(&messages), [Notice::Opened, Notice::Invited { who: asked }, Notice::Joined]);
    assert_eq!(messages[2].text, "Hungry?");
    assert_eq!(world.chats.answer(&room, &world.of("alice"), Answer::Decline).await, Err(ChatRefusal::NoRequest));

    assert!(matches!(dave.recv().await, Some(Event::ChatOpened { .. })));
    world.chats.answer(&room, &world.of("dave"), Answer::Decline).await.unwrap();
    let closed = Some(Event::ChatClosed { chat: room.id, reason: ClosedReason::Declined });
    assert_eq!(dave.recv().await, closed);
    assert_eq!(bob.recv().await, Some(Event::ChatDeclined { chat: room.id, who: world.of("dave") }));
    assert!(room.roll().members().iter().all(|member| member.name != "dave"));

    // Asked again later, they read from there on.
    let latest = room.latest();
    let ask = AskIn { names: vec!["dave".into(), "bob".into()], text: "Come on".into() };
    let asked = world.chats.ask_in(&room, &world.of("bob"), ask).await.unwrap();
    assert_eq!(asked, [world.of("dave")]);
    world.chats.answer(&room, &world.of("dave"), Answer::Accept).await.unwrap();
    assert_eq!(room.for_reader(world.id("dave"), |roll, person| roll.since(person)), Some(latest));
    let nobody = AskIn { names: vec!["nobody".into()], text: String::new() };
    let refused = world.chats.ask_in(&room, &world.of("bob"), nobody).await;
    assert_eq!(refused, Err(ChatRefusal::NoAccount("nobody".into())));
    let before = world.chats.post(&room, world.of("carol"), SendMessage::line("x", "k")).await;
    assert_eq!(before, Err(ChatRefusal::NotAccepted));
}

impl World {
    /// The same command as in [`World::group`] once more.
    async fn group_again(&self) -> Arc<Room> {
        let open = OpenChat {
            with: With::Group(vec!["bob".into()]),
            name: String::new(),
            text: Some("Hungry?".into()),
            key: Some("first".into()),
        };
        let (room, made) = self.chats.open(&self.of("alice"), open, false).await.unwrap();
        assert!(!made);
        room
    }
}

async fn members_come_and_go_and_readers_follow_at_once(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob", "carol"]).await;
    let (_b, mut bobs_commands, mut bob) = world.link("bob");
    let is = async |name: &str, role| world.chats.set_role(&room, &world.of("alice"), world.id(name), role).await;
    is("bob", ChatRole::Moderator).await.unwrap();
    assert_eq!(is("dave", ChatRole::Moderator).await, Err(ChatRefusal::NotIn));
    let by_bob = world.chats.set_role(&room, &world.of("bob"), world.id("carol"), ChatRole::Moderator).await;
    assert!(matches!(by_bob, Err(ChatRefusal::NotAllowed(_))));
    // A moderator removes a member, and takes a request back, but does not remove the owner.
    world.chats.remove(&room, &world.of("bob"), world.id("carol")).await.unwrap();
    world.chats.remove(&room, &world.of("bob"), world.id("dave")).await.unwrap();
    let owner = world.chats.remove(&room, &world.of("bob"), world.id("alice")).await;
    assert!(matches!(owner, Err(ChatRefusal::NotAllowed(_))));
    let gone = world.chats.post(&room, world.of("carol"), SendMessage::line("x", "k")).await;
    assert_eq!(gone, Err(ChatRefusal::Unknown));

    // The owner leaves: the moderator takes over.
    world.chats.leave(&room, &world.of("alice")).await.unwrap();
    assert_eq!(room.roll().person(world.id("bob")).unwrap().role, ChatRole::Owner);
    assert!(room.view(world.id("alice")).is_none());
    assert!(bobs_commands.try_recv().is_none(), "bob reads on");
    world.chats.leave(&room, &world.of("bob")).await.unwrap();
    let stopped: Vec<_> = std::iter::from_fn(|| bobs_commands.try_recv())
        .map(|command| match command {
            LinkCommand::Stop { track } => track,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(stopped, [room.track.id(), room.signals.id()]);
    assert_eq!(bob.recv().await, Some(Event::ChatClosed { chat: room.id, reason: ClosedReason::Left }));
    assert!(room.for_reader(world.id("bob"), |_, _| ()).is_none());

    let written = notices(&world.newest(&room).await);
    let role = |name: &str, role| Notice::Role { who: world.of(name), role };
    let wanted = [
        role("bob", ChatRole::Moderator),
        Notice::Removed { who: world.of("carol") },
        Notice::Removed { who: world.of("dave") },
        Notice::Left,
        role("bob", ChatRole::Owner),
        Notice::Left,
    ];
    assert_eq!(written[written.len() - wanted.len()..], wanted);
}

async fn a_chat_is_described_by_those_who_may(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob"]).await;
    let name = |name: &str| ChangeChat { name: Some(name.into()), ..ChangeChat::default() };
    world.chats.describe(&room, &world.of("alice"), name("dinner")).await.unwrap();
    assert_eq!(room.view(world.id("bob")).unwrap().name, "dinner");
    let by_bob = world.chats.describe(&room, &world.of("bob"), name("mine")).await;
    assert!(matches!(by_bob, Err(ChatRefusal::NotAllowed(_))));
    let picture = ChangeChat { picture: Some("0".repeat(32)), ..ChangeChat::default() };
    let refused = world.chats.describe(&room, &world.of("alice"), picture).await;
    assert!(matches!(refused, Err(ChatRefusal::NoFile(_))));
    let retention = ChangeChat { retention_ms: Some(60_000), ..ChangeChat::default() };
    world.chats.describe(&room, &world.of("alice"), retention).await.unwrap();
    assert_eq!(room.view(world.id("bob")).unwrap().retention_ms, Some(60_000));
    let direct = world.direct().await;
    let refused = world.chats.describe(&direct, &world.of("alice"), name("us")).await;
    assert!(matches!(refused, Err(ChatRefusal::NotAllowed(_))));
    assert!(matches!(world.chats.leave(&direct, &world.of("alice")).await, Err(ChatRefusal::NotAllowed(_))));
}

async fn the_list_comes_in_pages_the_newest_first(engine: Engine) {
    let world = world(engine).await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        let open = OpenChat {
            with: With::Group(vec!["bob".into()]),
            name: n.to_string(),
            text: None,
            key: Some(n.to_string()),
        };
        rooms.push(world.chats.open(&world.of("alice"), open, false).await.unwrap().0);
    }
    // Later than all the others by the calendar as well.
    let later = rooms[1].id;
    let postpone = "UPDATE entries SET at = at + 1000 WHERE chat = ?1";
    world.database.write(move |c| c.execute(postpone, params![later])).await.unwrap();
    let mut names = Vec::new();
    let mut after = None;
    for wanted in [2, 2, 1] {
        let (chats, next) = world.chats.of(world.id("alice"), false, after, 2).await.unwrap();
        assert_eq!(chats.len(), wanted);
        names.extend(chats.into_iter().map(|chat| chat.name));
        after = next.map(|place| place.to_string().parse().unwrap());
    }
    assert_eq!((names.len(), names[0].as_str(), after), (5, "1", None));
    names.sort();
    assert_eq!(names, ["0", "1", "2", "3", "4"]);
    let (requests, _) = world.chats.of(world.id("bob"), false, None, 10).await.unwrap();
    assert!(requests.len() == 5 && requests.iter().all(|chat| chat.standing == Standing::Requested));
    assert!("x-1".parse::<Place>().is_err() && "1".parse::<Place>().is_err());
}

async fn whose_account_is_removed_leaves_the_chats_of_many(engine: Engine) {
    let world = world(engine).await;
    let room = world.group(&["bob", "carol"]).await;
    let direct = world.direct().await;
    world.say(&room, "alice", "what I said stays").await;
    let later = SendMessage { send_at: Some(crate::clock::unix_ms() + 60_000), ..SendMessage::line("later", "later") };
    world.chats.schedule(&room, &world.of("alice"), later).await.unwrap();
    let (commands, mut commanded, _events) = world.link("bob");
    let accounts = Accounts::new(world.database.clone(), Arc::new(Hasher::start(1).unwrap()));
    for name in ["alice", "dave"] {
        accounts.remove(world.id(name), None, Actor::console()).await.unwrap();
    }
    for _ in 0..2 {
        world.chats.part_with_removed().await.unwrap();
    }
    let roll = room.roll();
    assert_eq!(roll.people.iter().map(|person| person.member.name.as_str()).collect::<Vec<_>>(), ["bob", "carol"]);
    assert_eq!(roll.person(world.id("bob")).unwrap().role, ChatRole::Owner, "somebody else owns it");
    let written = notices(&world.newest(&room).await);
    let owner = Notice::Role { who: world.of("bob"), role: ChatRole::Owner };
    assert_eq!(written[written.len() - 2..], [Notice::Left, owner]);
    assert!(world.newest(&room).await.iter().any(|line| line.text == "what I said stays"));
    assert_eq!(world.chats.scheduled(room.id, world.id("alice")).await.unwrap(), []);
    assert!(direct.roll().person(world.id("alice")).is_some(), "what two said stays with the other");
    assert!(commanded.try_recv().is_none(), "bob reads on: {commands:?}");
}

async fn a_block_holds_for_what_was_to_be_sent_later(engine: Engine) {
    let world = world(engine).await;
    let room = world.direct().await;
    let now = crate::clock::unix_ms();
    let later = |key: &str| SendMessage { send_at: Some(now + 60_000), ..SendMessage::line("please", key) };
    world.chats.schedule(&room, &world.of("alice"), later("one")).await.unwrap();
    let (_link, _commands, mut events) = world.link("alice");
    let (alice, bob) = (world.id("alice"), world.id("bob"));
    let block = "INSERT INTO blocks (blocker, blocked, at) VALUES (?1, ?2, 0)";
    world.database.write(move |c| c.execute(block, params![bob, alice])).await.unwrap();
    let hasten = "UPDATE scheduled SET send_at = ?1";
    world.database.write(move |c| c.execute(hasten, params![now - 1])).await.unwrap();
    assert_eq!(world.chats.send_what_is_due().await.unwrap(), None);
    let Some(Event::NotSent { detail, .. }) = events.recv().await else { panic!("nothing was said of it") };
    assert!(detail.contains("bob cannot be reached"), "{detail}");
    assert_eq!(room.latest(), 0);
    for name in ["alice", "bob"] {
        let line = world.chats.post(&room, world.of(name), SendMessage::line("hello", "k")).await;
        assert!(matches!(line, Err(ChatRefusal::Contact(_))), "{name}: {line:?}");
        let line = world.chats.schedule(&room, &world.of(name), later("two")).await;
        assert!(matches!(line, Err(ChatRefusal::Contact(_))), "{name}: {line:?}");
    }
}

on_both!(
    whose_account_is_removed_leaves_the_chats_of_many,
    a_block_holds_for_what_was_to_be_sent_later,
    a_direct_chat_is_a_request_until_it_is_answered,
    a_group_begins_with_those_who_accept,
    members_come_and_go_and_readers_follow_at_once,
    a_chat_is_described_by_those_who_may,
    the_list_comes_in_pages_the_newest_first,
);
