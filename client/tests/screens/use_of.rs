//! What comes of using the screens: each press and each key is the command that it should be.

use std::sync::Arc;

use client::{
    app::{Entrance, StillKey, View},
    engine::{Command, Deed, InChat, Place, State},
    home::{Language, Theme},
    ui::{Action, CallScreen, ChatScreen, MainScreen, Native, Then, Tongue, Whose},
};
use egui::{Event, ImeEvent, Key, Modifiers, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable};
use relay::vocabulary::{CallPhase, Change, Message};

use crate::fixture::{CHAT, LOOKS, Look, ME, NOW, World, call, crowd, harness, view};

const LOOK: Look = LOOKS[0];

pub fn main_window(view: View) -> Harness<'static, World<MainScreen>> {
    harness(LOOK, 800.0, World::new(MainScreen::default(), view, Tongue::English), MainScreen::show)
}

pub fn chat_window(state: State) -> Harness<'static, World<ChatScreen>> {
    window_of(CHAT, state)
}

pub fn window_of(chat: u64, state: State) -> Harness<'static, World<ChatScreen>> {
    let mut harness =
        harness(LOOK, 600.0, World::new(ChatScreen::new(chat), view(state), Tongue::English), ChatScreen::show);
    harness.run();
    // What it says when it is opened: that it follows signals, and that what is seen is read.
    let first = wanted(&mut harness);
    let watches = |action: &Action| matches!(action, Action::Give(Command::InChat { act: InChat::Watch(true), .. }));
    assert!(watches(&first[0]), "{first:?}");
    harness
}

/// What was wanted since this was asked last, but for faces, which are asked for until they have come.
pub fn wanted<S>(harness: &mut Harness<'_, World<S>>) -> Vec<Action> {
    let mut actions = std::mem::take(&mut harness.state_mut().out.actions);
    actions.retain(|action| !matches!(action, Action::See(StillKey::Person(_))));
    actions
}

pub fn press<S>(harness: &mut Harness<'_, World<S>>, name: &str) -> Vec<Action> {
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run();
    wanted(harness)
}

pub fn write<S>(harness: &mut Harness<'_, World<S>>, field: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run();
    harness.event(Event::Text(text.to_owned()));
    harness.run();
}

#[test]
fn signing_in_gives_what_was_written() {
    let mut harness = main_window(View::default());
    write(&mut harness, "Server or invitation link", "chat.example");
    write(&mut harness, "Account", "haruka");
    harness.get_by_role_and_label(Role::PasswordInput, "Password").focus();
    harness.run();
    harness.event(Event::Text("corréct 窓".into()));
    harness.run();
    let actions = press(&mut harness, "Sign in");
    let [Action::SignIn(sign_in)] = &actions[..] else { panic!("{actions:?}") };
    let fields = (sign_in.server.as_str(), sign_in.user.as_str(), sign_in.password.as_str(), sign_in.join);
    assert_eq!(fields, ("chat.example", "haruka", "corréct 窓", false));
    harness.key_press(Key::Enter);
    harness.run();
    assert!(matches!(&wanted(&mut harness)[..], [Action::SignIn(_)]));
    // What is known already need not be written again.
    let suggested = client::app::SignIn { server: "http://s".into(), user: "haruka".into(), ..Default::default() };
    let mut harness = main_window(View { suggested: Arc::new(suggested), ..View::default() });
    harness.event(Event::Text("pw".into()));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert!(matches!(&wanted(&mut harness)[..], [Action::SignIn(sign_in)] if sign_in.password == "pw"));
}

#[test]
fn an_invitation_makes_it_an_account() {
    let mut harness = main_window(View::default());
    let link = format!("komado://chat.example/join/ABCD?fingerprint={}", "ab".repeat(32));
    write(&mut harness, "Server or invitation link", &link);
    let actions = press(&mut harness, "Create account");
    assert!(matches!(&actions[..], [Action::SignIn(sign_in)] if sign_in.join && sign_in.server == link));
}

#[test]
fn an_unknown_certificate_is_accepted_or_not() {
    let unknown = || Entrance::Unknown { server: "http://s".into(), fingerprint: "ab".repeat(32) };
    let mut harness = main_window(View { entrance: unknown(), ..View::default() });
    assert!(matches!(press(&mut harness, "It is the same, connect")[..], [Action::Trust(true)]));
    assert!(matches!(press(&mut harness, "Do not connect")[..], [Action::Trust(false)]));
}

#[test]
fn contacts_are_met() {
    let mut harness = main_window(view(crowd()));
    let actions = press(&mut harness, "Ada Lovelace, Available · at her desk, 2 unread messages");
    assert!(matches!(actions[..], [Action::Show(CHAT)]), "{actions:?}");
    let actions = press(&mut harness, "山田 太郎, In a call");
    assert!(
        matches!(&actions[..], [Action::Meet { name, then: Then::Talk }] if name == "user3"),
        "there is no chat with him yet: {actions:?}"
    );
    harness
        .get_by_role_and_label(
            Role::Button,
            "Grace Hopper, Do not disturb · writing a compiler, please leave a message",
        )
        .click_secondary();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Block").click();
    harness.run();
    let actions = wanted(&mut harness);
    assert!(
        matches!(&actions[..], [Action::Give(Command::Contact { name, deed: Deed::Block })] if name == "user4"),
        "{actions:?}"
    );
}

#[test]
fn the_search_finds_by_any_name() {
    let mut harness = main_window(view(crowd()));
    write(&mut harness, "Search", "花");
    assert!(harness.query_by_label("佐藤 花子, Available · お昼に出ています").is_some());
    assert!(harness.query_by_label("Ada Lovelace, Available · at her desk, 2 unread messages").is_none());
    harness.key_press(Key::Enter);
    harness.run();
    let meets = |action: &&Action| matches!(action, Action::Meet { name, then: Then::Talk } if name == "user6");
    let actions = wanted(&mut harness);
    assert_eq!(actions.iter().filter(meets).count(), 1, "{actions:?}");
    let searches = |action: &&Action| matches!(action, Action::Give(Command::Search { .. }));
    assert_eq!(actions.iter().filter(searches).count(), 1, "what was written is searched once: {actions:?}");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    harness.event(Event::Text("zzz".into()));
    harness.run();
    assert!(harness.query_by_label("Nobody found").is_some());
}

#[test]
fn requests_are_answered_and_made() {
    let mut harness = main_window(view(crowd()));
    let actions = press(&mut harness, "Accept");
    assert!(matches!(&actions[..], [Action::Give(Command::Contact { name, deed: Deed::Accept })] if name == "mina"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run();
    harness.event(Event::Text("ken".into()));
    harness.run();
    write(&mut harness, "A few words", "It is me");
    let actions = press(&mut harness, "Send request");
    assert!(
        matches!(&actions[..], [Action::Give(Command::AskContact { name, text })] if name == "ken" && text == "It is me"),
        "{actions:?}"
    );
    assert!(harness.query_by_label("Account name").is_none(), "it is done");
}

#[test]
fn one_key_takes_a_call_and_one_refuses_it() {
    let ringing = || view(State { call: Some(call(false, false, CallPhase::Ringing)), ..crowd() });
    let mut harness = main_window(ringing());
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    assert!(matches!(actions[..], [Action::Hide(false), Action::Give(Command::Accept { call: 3 })]), "{actions:?}");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(matches!(wanted(&mut harness)[..], [Action::Give(Command::Decline { call: 3 })]));
    let actions = press(&mut harness, "Accept without camera");
    assert!(matches!(actions[..], [Action::Hide(true), Action::Give(Command::Accept { call: 3 })]));
    // Whoever writes elsewhere takes no call by accident.
    harness.state_mut().focused = false;
    harness.key_press(Key::Enter);
    harness.run();
    assert!(wanted(&mut harness).is_empty());
    harness.state_mut().focused = true;
    harness.get_by_role_and_label(Role::TextInput, "Search").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert!(wanted(&mut harness).is_empty());
}

#[test]
fn a_call_shows_both_pictures_and_is_ended() {
    let mut harness = main_window(view(State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() }));
    let whose = |harness: &Harness<'_, World<MainScreen>>| -> Vec<Whose> {
        harness.state().out.pictures.iter().map(|place| place.whose).collect()
    };
    assert_eq!(whose(&harness), [Whose::Theirs, Whose::Mine]);
    assert!(matches!(press(&mut harness, "Mute the microphone")[..], [Action::Mute(true)]));
    assert!(matches!(press(&mut harness, "Switch the camera off")[..], [Action::Hide(true)]));
    press(&mut harness, "More");
    press(&mut harness, "Hide your own picture");
    assert_eq!(whose(&harness), [Whose::Theirs]);
    press(&mut harness, "More");
    assert!(matches!(press(&mut harness, "Keep this picture")[..], [Action::KeepPicture]));
    press(&mut harness, "More");
    press(&mut harness, "Fill the window");
    assert_eq!(harness.state().out.pictures[0].area.height(), 800.0, "the whole window is the display");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(wanted(&mut harness).is_empty(), "the screen was never filled");
    let actions = press(&mut harness, "Fill the screen");
    assert!(matches!(actions[..], [Action::Native(Native::FullScreen(true))]), "{actions:?}");
    assert_eq!(harness.state().out.pictures[0].area.height(), 800.0);
    harness.key_press(Key::Escape);
    harness.run();
    assert!(matches!(wanted(&mut harness)[..], [Action::Native(Native::FullScreen(false))]));
    assert!(matches!(press(&mut harness, "Hang up")[..], [Action::Give(Command::HangUp)]));
    press(&mut harness, "Fill the screen");
    harness.state_mut().view = view(crowd());
    harness.run();
    let actions = wanted(&mut harness);
    assert!(matches!(actions[..], [Action::Native(Native::FullScreen(false))]), "the call is over: {actions:?}");
}

#[test]
fn the_own_picture_is_dragged_to_another_corner() {
    let mut harness = main_window(view(State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() }));
    let own = |harness: &Harness<'_, World<MainScreen>>| harness.state().out.pictures[1].area;
    let stage = harness.state().out.pictures[0].area;
    let before = own(&harness);
    assert!(before.left() > stage.center().x && before.top() < stage.center().y);
    let to = stage.left_bottom() + egui::vec2(40.0, -40.0);
    harness.hover_at(before.center());
    harness.drag_at(before.center());
    harness.hover_at(to);
    harness.run();
    assert!(own(&harness).contains(to), "it follows the pointer");
    harness.drop_at(to);
    harness.run();
    let after = own(&harness);
    assert!(after.right() < stage.center().x && after.bottom() < stage.bottom() - 60.0, "{after:?}: above the buttons");
}

#[test]
fn a_call_moves_into_a_window_of_its_own_and_back() {
    let talking = || view(State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() });
    let mut harness = main_window(talking());
    press(&mut harness, "More");
    let actions = press(&mut harness, "Into a window of its own");
    assert!(matches!(actions[..], [Action::Native(Native::PopOut(true))]), "{actions:?}");
    harness.state_mut().popped_out = true;
    harness.run();
    assert!(harness.state().out.pictures.is_empty(), "the pictures are there");
    assert!(matches!(press(&mut harness, "Bring back")[..], [Action::Native(Native::PopOut(false))]));

    let look = Look { width: 900.0, ..LOOKS[0] };
    let mut world = World::new(CallScreen::default(), talking(), Tongue::English);
    world.popped_out = true;
    let mut harness = crate::fixture::harness(look, 500.0, world, CallScreen::show);
    assert_eq!(harness.state().out.pictures[0].area.width(), 600.0, "the chat stands beside it");
    harness.state_mut().out.actions.clear();
    harness.get_by_role_and_label(Role::Button, "Hide the chat beside the picture").click();
    harness.run();
    assert_eq!(harness.state().out.pictures[0].area.width(), 900.0);
    harness.state_mut().view = view(crowd());
    harness.run();
    let actions = std::mem::take(&mut harness.state_mut().out.actions);
    assert!(matches!(actions.last(), Some(Action::Native(Native::PopOut(false)))), "it is over: {actions:?}");
}

#[test]
fn preferences_are_effective_at_once() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "Settings");
    harness.get_by_role_and_label(Role::RadioButton, "日本語").click();
    harness.run();
    let actions = wanted(&mut harness);
    let [Action::Prefer(preferences)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(preferences.language, Language::Japanese);
    harness.get_by_role_and_label(Role::RadioButton, "Dark").click();
    harness.run();
    let actions = wanted(&mut harness);
    assert!(matches!(&actions[..], [Action::Prefer(preferences)] if preferences.theme == Theme::Dark));
    harness.state_mut().words = client::ui::Words::new(Tongue::Japanese);
    harness.run();
    assert!(harness.query_by_label("言語").is_some(), "switched while it runs");
    harness.get_by_label("サインアウト").scroll_to_me();
    harness.run();
    assert!(matches!(press(&mut harness, "サインアウト")[..], [Action::SignOut]));
}

/// The lines that were sent.
fn sent(actions: &[Action]) -> Vec<&relay::vocabulary::SendMessage> {
    let lines = actions.iter().filter_map(|action| match action {
        Action::Give(Command::InChat { chat: CHAT, act: InChat::Send(message) }) => Some(message),
        _ => None,
    });
    lines.collect()
}

#[test]
fn a_line_is_written_and_sent() {
    let mut harness = chat_window(crowd());
    write(&mut harness, "Write a message", "こんにちは");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    harness.run();
    assert!(sent(&wanted(&mut harness)).is_empty(), "another row begins");
    write(&mut harness, "Write a message", "Ada");
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    assert_eq!(sent(&actions).iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["こんにちは\nAda"]);
    harness.key_press(Key::Enter);
    harness.run();
    assert!(sent(&wanted(&mut harness)).is_empty(), "there is nothing to send any more");
}

#[test]
fn an_input_method_finishes_before_a_line_is_sent() {
    let mut harness = chat_window(crowd());
    harness.get_by_role_and_label(Role::TextInput, "Write a message").focus();
    harness.run();
    harness.event(Event::Ime(ImeEvent::Preedit { text: "まど".into(), active_range_chars: None }));
    harness.run();
    assert!(harness.output().platform_output.ime.is_some(), "the method is told where the caret is");
    harness.event(Event::Ime(ImeEvent::Commit("窓".into())));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    assert_eq!(sent(&actions).iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["窓"]);
}

#[test]
fn lines_are_answered_changed_and_taken_back() {
    let mut harness = chat_window(crowd());
    let menu = |harness: &mut Harness<'static, World<ChatScreen>>, line: &str, entry: &str| {
        harness.get_by_label(line).click_secondary();
        harness.run();
        harness.get_by_role_and_label(Role::Button, entry).click();
        harness.run();
        wanted(harness)
    };
    assert!(menu(&mut harness, "One more question before you go", "Reply").is_empty());
    write(&mut harness, "Write a message", "Ask!");
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    assert_eq!((sent(&actions)[0].text.as_str(), sent(&actions)[0].reply_to), ("Ask!", Some(9)));
    let own = "Then I will send it *today*.";
    assert!(menu(&mut harness, own, "Edit").is_empty());
    write(&mut harness, "Write a message", " Promised.");
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    let edited = actions.iter().find_map(|action| match action {
        Action::Give(Command::InChat { act: InChat::Change(Change::Edit { of: 7, text }), .. }) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(edited, Some("Then I will send it *today*. Promised."));
    let actions = menu(&mut harness, own, "Delete for everyone");
    assert!(
        matches!(actions[..], [Action::Give(Command::InChat { act: InChat::Change(Change::Delete { of: 7 }), .. })]),
        "{actions:?}"
    );
}

/// A state whose chat has so many lines at hand, and older ones at the server.
pub fn long(first: u64, last: u64) -> State {
    let mut state = crowd();
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    chat.lines.clear();
    chat.unread = 0;
    chat.has_older = true;
    let ada = relay::vocabulary::Account { id: 2, name: "user2".into() };
    for n in first..=last {
        let text = format!("line {n} {}", "word ".repeat((n % 13) as usize));
        chat.store(Message::line(n, ada.clone(), text, NOW - (last - n) * 60_000, format!("k{n}")), ME);
    }
    chat.unread = 0;
    state
}

#[test]
fn older_lines_are_asked_for_once_and_what_is_read_stays_in_place() {
    let mut harness = chat_window(long(201, 400));
    assert!(harness.query_by_label_contains("line 400 ").is_some(), "the newest line is in sight");
    assert!(harness.query_by_label_contains("line 201 ").is_none(), "the oldest is not even laid out");
    harness.hover_at(egui::pos2(160.0, 300.0));
    let asks = |actions: Vec<Action>| {
        let asked = actions
            .iter()
            .filter(|action| matches!(action, Action::Give(Command::InChat { act: InChat::Look(Place::Older), .. })));
        asked.count()
    };
    let mut asked = 0;
    for _ in 0..60 {
        harness.event(Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, 400.0),
            phase: egui::TouchPhase::Move,
            modifiers: Modifiers::NONE,
        });
        harness.run();
        asked += asks(wanted(&mut harness));
    }
    assert_eq!(asked, 1);
    let place = |harness: &Harness<'static, World<ChatScreen>>| harness.get_by_label_contains("line 203 ").rect().top();
    let before = place(&harness);
    // The page comes: the engine shows what was looked up instead of the newest lines.
    let mut state = long(201, 400);
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    chat.look_back();
    let page: Vec<Message> = (101..=200)
        .map(|n| {
            Message::line(
                n,
                relay::vocabulary::Account { id: 2, name: "user2".into() },
                format!("line {n}"),
                NOW - (400 - n) * 60_000,
                "",
            )
        })
        .collect();
    chat.look(Place::Older, &relay::vocabulary::History { messages: page, more: true, latest: 400 });
    harness.state_mut().view = view(state);
    harness.run();
    assert!((place(&harness) - before).abs() < 1.5, "{before} became {}", place(&harness));
}

#[test]
fn what_is_seen_is_read_once() {
    let mut harness =
        harness(LOOK, 600.0, World::new(ChatScreen::new(CHAT), view(crowd()), Tongue::English), ChatScreen::show);
    for _ in 0..3 {
        harness.run();
    }
    let reads = |actions: Vec<Action>| {
        let read = actions
            .iter()
            .filter(|action| matches!(action, Action::Give(Command::InChat { act: InChat::Read(None), .. })));
        read.count()
    };
    assert_eq!(reads(wanted(&mut harness)), 1);
    let mut world = World::new(ChatScreen::new(CHAT), view(crowd()), Tongue::English);
    world.focused = false;
    let mut unseen = crate::fixture::harness(LOOK, 600.0, world, ChatScreen::show);
    unseen.run();
    assert_eq!(reads(wanted(&mut unseen)), 0, "a window that nobody looks at reads nothing");
}
