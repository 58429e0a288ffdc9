//! A thousand contacts and a hundred thousand lines: what a drawing costs follows what is in sight, and nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    engine::{ChatState, Place, State},
    ui::{ChatScreen, MainScreen, Tongue},
};
use egui::{Event, Modifiers, Ui};
use egui_kittest::{
    Harness, SnapshotResults,
    kittest::{By, NodeT, Queryable},
};
use relay::vocabulary::{Account, Availability, Chat, ChatKind, History, Marks, Message};

use crate::fixture::{CHAT, LOOKS, ME, NOW, World, alone, contact, crowd, harness, member, view};

/// A drawing of much may take this many times as long as one of little: both have as much in sight.
const RATIO: f64 = 3.0;

/// Drawings of which the quickest counts: others may be held up by whatever else the machine does.
const DRAWINGS: usize = 40;

const SENTENCES: [&str; 5] = [
    "Of course.",
    "The drawings for the second floor are on their way; could you look at the corridor first?",
    "昨日の図面を見ました。右端の余白をもう少し広げられますか？",
    "See https://example.org/drawings/42 and tell me what you think about **the window**.",
    "I will be late.\nStart without me, please.",
];

/// A chat with so many lines, all of them in memory.
fn with_lines(count: u64) -> State {
    let mut state = crowd();
    let line = |n: u64| {
        let from = if n % 7 < 3 { (ME, "haruka") } else { (2, "user2") };
        let text = format!("{n}: {}", SENTENCES[(n % 5) as usize]);
        let mut message =
            Message::line(n, Account { id: from.0, name: from.1.into() }, text, NOW - (count - n) * 400_000, "");
        message.reply_to = n.is_multiple_of(11).then(|| n.saturating_sub(5));
        message
    };
    let mut chat = ChatState::new(Chat { read: count, ..state.chats[&CHAT].chat.clone() });
    chat.look(Place::Around(count), &History { messages: (1..=count).map(line).collect(), more: false, latest: count });
    chat.lookup.as_mut().unwrap().has_newer = false;
    chat.marks.insert(2, Marks { account: 2, delivered: count, read: count - 3 });
    state.chats.insert(CHAT, Arc::new(chat));
    state
}

/// So many contacts, each with a chat.
fn with_contacts(count: u64) -> State {
    let mut state = alone();
    let roster = Arc::make_mut(&mut state.roster);
    let states = [Availability::Available, Availability::Away, Availability::Offline, Availability::DoNotDisturb];
    for n in 0..count {
        let id = 100 + n;
        let groups: &[&str] = if n.is_multiple_of(3) { &["Office"] } else { &[] };
        let one = contact(
            id,
            &format!("{} {n:04}", ["Ada", "Grace", "花子", "Lin"][(n % 4) as usize]),
            groups,
            states[(n % 4) as usize],
            "",
        );
        roster.contacts.insert(id, one);
        let chat = Chat {
            id: 10_000 + n,
            kind: ChatKind::Direct,
            members: vec![member(ME, "haruka"), member(id, &format!("user{id}"))],
            latest: 3,
            ..Chat::default()
        };
        let mut known = ChatState::new(chat);
        known.unread = u32::from(n.is_multiple_of(20));
        state.chats.insert(10_000 + n, Arc::new(known));
    }
    state
}

/// How long the quickest drawing took, after `before` was done for each.
fn quickest<S>(
    harness: &mut Harness<'static, World<S>>,
    mut before: impl FnMut(&mut Harness<'static, World<S>>),
) -> Duration {
    let drawing = |_| {
        before(harness);
        let begun = Instant::now();
        harness.step();
        begun.elapsed()
    };
    (0..DRAWINGS).map(drawing).min().unwrap()
}

fn scroll<S>(harness: &mut Harness<'static, World<S>>, by: f32) {
    harness.hover_at(egui::pos2(160.0, 300.0));
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, by),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
    });
}

fn compare(what: &str, little: Duration, much: Duration) {
    let ratio = much.as_secs_f64() / little.as_secs_f64();
    println!("{what}: {little:?} of little, {much:?} of much, {ratio:.2} times");
    assert!(ratio <= RATIO, "{what}: {much:?} are {ratio:.1} times {little:?}");
}

fn open<S: 'static>(
    screen: S,
    state: State,
    show: fn(&mut S, &mut Ui, &client::ui::Scene<'_>, &mut client::ui::Out),
) -> Harness<'static, World<S>> {
    let mut harness = harness(LOOKS[0], 640.0, World::new(screen, view(state), Tongue::English), show);
    harness.run();
    harness
}

#[test]
fn a_hundred_thousand_lines_are_drawn_like_a_thousand() {
    let mut little = open(ChatScreen::new(CHAT), with_lines(1_000), ChatScreen::show);
    let begun = Instant::now();
    let mut much = open(ChatScreen::new(CHAT), with_lines(100_000), ChatScreen::show);
    println!("opened in {:?}, the lines' making included", begun.elapsed());
    for (harness, last) in [(&mut little, 1_000), (&mut much, 100_000)] {
        assert!(harness.query_by_label_contains(&format!("{last}: ")).is_some(), "the newest line is in sight");
    }
    compare("standing", quickest(&mut little, |_| {}), quickest(&mut much, |_| {}));
    let up = |harness: &mut Harness<'static, World<ChatScreen>>| scroll(harness, 160.0);
    compare("scrolling", quickest(&mut little, up), quickest(&mut much, up));
}

#[test]
fn a_line_far_up_is_reached_and_stays_in_place_while_lines_are_measured() {
    let mut harness = open(ChatScreen::new(CHAT), with_lines(100_000), ChatScreen::show);
    harness.state_mut().screen.jump(50_000);
    harness.run();
    harness.run();
    let top = |harness: &Harness<'static, World<ChatScreen>>, n: u64| {
        harness.get_by_label_contains(&format!("{n}: ")).rect().top()
    };
    let before = top(&harness, 50_000);
    assert!((60.0..560.0).contains(&before), "{before}");
    harness.run();
    assert!((top(&harness, 50_000) - before).abs() < 1.0);
    // Lines above were never measured. Scrolled in, they push nothing away.
    scroll(&mut harness, 90.0);
    harness.run();
    harness.run();
    let moved = top(&harness, 50_000) - before;
    assert!((moved - 90.0).abs() < 2.0, "moved by {moved} instead of 90");
}

#[test]
fn a_thousand_contacts_are_drawn_like_fifty() {
    let mut little = open(MainScreen::default(), with_contacts(50), MainScreen::show);
    let mut much = open(MainScreen::default(), with_contacts(1_000), MainScreen::show);
    compare("standing", quickest(&mut little, |_| {}), quickest(&mut much, |_| {}));
    let down = |harness: &mut Harness<'static, World<MainScreen>>| scroll(harness, -60.0);
    compare("scrolling", quickest(&mut little, down), quickest(&mut much, down));
}

#[test]
fn the_keyboard_goes_through_contacts_that_are_not_in_sight() {
    let mut harness = open(MainScreen::default(), with_contacts(200), MainScreen::show);
    let focused = |harness: &Harness<'static, World<MainScreen>>| {
        let node = harness.query_all(By::new()).find(|node| node.is_focused());
        node.and_then(|node| node.accesskit_node().label())
    };
    let mut last = None;
    for _ in 0..60 {
        harness.key_press(egui::Key::Tab);
        harness.run();
        last = focused(&harness).or(last);
    }
    // Many more than the dozen that are in sight at first.
    let name = last.expect("something has the keyboard");
    assert!(harness.query_by_label(&name).is_some(), "{name} is in sight");
    assert!(!name.contains("0000"), "{name}");
}

#[test]
fn looks_of_much() {
    let mut results = SnapshotResults::new();
    for look in [LOOKS[0], LOOKS[1]] {
        let world = World::new(MainScreen::default(), view(with_contacts(1_000)), look.tongue);
        let mut contacts = harness(look, 640.0, world, MainScreen::show);
        scroll(&mut contacts, -700.0);
        contacts.run_steps(8);
        results.add(contacts.try_snapshot(format!("contacts-thousand-{}", look.name)));
        let world = World::new(ChatScreen::new(CHAT), view(with_lines(100_000)), look.tongue);
        let mut chat = harness(look, 640.0, world, ChatScreen::show);
        chat.state_mut().screen.jump(60_000);
        // What was jumped to does not stand out any more.
        chat.run_steps(4);
        results.add(chat.try_snapshot(format!("chat-hundred-thousand-{}", look.name)));
    }
}
