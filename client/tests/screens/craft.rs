//! What holds for all screens: every button has a name, settings are found and effective, keys are listed, lines and code
//! can be seen and taken in more than one way.

use client::{
    engine::State,
    home::{ChatStyle, TextSize},
    ui::{Action, ChatScreen, MainScreen, Out, Scene},
};
use egui::{Event, Key, Modifiers, OutputCommand, Ui, accesskit::Role};
use egui_kittest::{
    Harness, SnapshotResults,
    kittest::{By, NodeT, Queryable},
};
use relay::vocabulary::{Account, CallPhase, Message};
use std::sync::Arc;

use crate::{
    fixture::{
        CHAT, GROUP, LOOKS, ME, NOW, World, call, crowd, group, harness, have_come, have_faces, searched, view,
        with_files,
    },
    use_of::{chat_window, main_window, press, wanted, write},
};

/// Fails if something that can be pressed, chosen or written into has no name for who cannot see it.
fn all_are_named<S>(what: &str, harness: &Harness<'_, World<S>>) {
    let acts = [Role::Button, Role::RadioButton, Role::CheckBox, Role::TextInput, Role::MultilineTextInput, Role::Link];
    let mut seen = 0;
    for node in harness.query_all(By::new()) {
        let node = node.accesskit_node();
        if acts.contains(&node.role()) {
            seen += 1;
            let name = node.label().unwrap_or_default();
            let is_sign = name.chars().all(|c| ('\u{e000}'..'\u{f8ff}').contains(&c));
            assert!(!name.trim().is_empty() && !is_sign, "{what}: a {:?} has no name: {name:?}", node.role());
        }
    }
    assert!(seen > 2, "{what}: nothing was looked at");
}

fn open<S: 'static>(
    screen: S,
    state: State,
    show: fn(&mut S, &mut Ui, &Scene<'_>, &mut Out),
) -> Harness<'static, World<S>> {
    let mut world = World::new(screen, view(state), client::ui::Tongue::English);
    have_come(&mut world);
    have_faces(&mut world);
    let mut harness = harness(LOOKS[0], 760.0, world, show);
    harness.run();
    harness
}

#[test]
fn whatever_can_be_pressed_has_a_name() {
    let mut main = open(MainScreen::default(), crowd(), MainScreen::show);
    all_are_named("contacts", &main);
    press(&mut main, "Add a contact");
    all_are_named("adding a contact", &main);
    press(&mut main, "New group");
    all_are_named("a new group", &main);
    press(&mut main, "Settings");
    all_are_named("settings", &main);
    press(&mut main, "Keyboard shortcuts");
    main.key_press(Key::Escape);
    main.run();
    press(&mut main, "Change what you are");
    all_are_named("what one is", &main);
    press(&mut main, "Edit profile");
    all_are_named("the profile", &main);
    for (joined, phase) in [(false, CallPhase::Ringing), (true, CallPhase::Talking)] {
        let state = State { call: Some(call(joined, joined, phase)), ..crowd() };
        all_are_named("a call", &open(MainScreen::default(), state, MainScreen::show));
    }
    all_are_named("signing in", &open(MainScreen::default(), State::default(), MainScreen::show));
    let mut chat = open(ChatScreen::new(CHAT), searched(with_files(), Some(CHAT)), ChatScreen::show);
    all_are_named("a chat with files", &chat);
    press(&mut chat, "Emoji");
    all_are_named("emoji", &chat);
    press(&mut chat, "Close the emoji");
    chat.key_press_modifiers(Modifiers::COMMAND, Key::F);
    chat.run();
    chat.event(Event::Text("the".into()));
    chat.run();
    all_are_named("a search", &chat);
    let mut members = open(ChatScreen::new(GROUP), group(), ChatScreen::show);
    press(&mut members, "More");
    all_are_named("what a narrow head has no place for", &members);
    press(&mut members, "Members");
    press(&mut members, "Ask others in");
    all_are_named("members", &members);
}

#[test]
fn settings_are_found_by_name_and_effective() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "Settings");
    write(&mut harness, "Search the settings", "bubb");
    assert!(harness.query_by_role_and_label(Role::RadioButton, "Dark").is_none());
    harness.get_by_role_and_label(Role::RadioButton, "Lines").click();
    harness.run();
    let actions = wanted(&mut harness);
    assert!(
        matches!(&actions[..], [Action::Prefer(preferences)] if preferences.chat_style == ChatStyle::Lines),
        "{actions:?}"
    );
    write(&mut harness, "Search the settings", "zzz");
    assert!(harness.query_by_label("No setting has this in its name.").is_some());
}

#[test]
fn keys_are_listed() {
    let mut harness = main_window(view(crowd()));
    harness.key_press(Key::F1);
    harness.run();
    assert!(harness.query_by_label("Keyboard shortcuts").is_some() && harness.query_by_label("Search").is_none());
    harness.key_press(Key::F1);
    harness.run();
    assert!(harness.query_by_label("Search").is_some());
}

/// A conversation in which code is written.
fn with_code() -> State {
    let mut state = crowd();
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    let text = "This is what I mean:\n```rust\nfn main() {\n    println!(\"窓\");\n}\n```\nDoes it help?";
    chat.store(Message::line(11, Account { id: 2, name: "user2".into() }, text, NOW - 60_000, "k11"), ME);
    chat.store(Message::line(12, Account { id: ME, name: "haruka".into() }, "Very much.", NOW - 30_000, "k12"), ME);
    chat.unread = 0;
    state
}

#[test]
fn code_is_taken_to_the_clipboard_without_what_is_around_it() {
    let mut harness = chat_window(with_code());
    harness.get_by_role_and_label(Role::Button, "Copy code").click();
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.or_else(|| {
        harness.step();
        harness.output().platform_output.commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    });
    assert_eq!(copied.as_deref(), Some("fn main() {\n    println!(\"窓\");\n}"));
}

#[test]
fn looks_of_craft() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let mut world = World::new(ChatScreen::new(CHAT), view(with_code()), look.tongue);
        have_faces(&mut world);
        world.preferences.chat_style = ChatStyle::Lines;
        let mut lines = harness(look, 640.0, world, ChatScreen::show);
        lines.run();
        results.add(lines.try_snapshot(format!("chat-lines-{}", look.name)));
        let world = World::new(ChatScreen::new(CHAT), view(with_code()), look.tongue);
        let mut code = harness(look, 480.0, world, ChatScreen::show);
        code.run();
        results.add(code.try_snapshot(format!("chat-code-{}", look.name)));
        let world = World::new(MainScreen::default(), view(crowd()), look.tongue);
        let mut keys = harness(look, 560.0, world, MainScreen::show);
        keys.key_press(Key::F1);
        keys.run();
        results.add(keys.try_snapshot(format!("keys-{}", look.name)));
    }
    let mut world = World::new(ChatScreen::new(GROUP), view(group()), LOOKS[1].tongue);
    have_faces(&mut world);
    world.preferences.chat_style = ChatStyle::Lines;
    let mut lines = harness(LOOKS[1], 560.0, world, ChatScreen::show);
    lines.run();
    results.add(lines.try_snapshot("group-lines-dark-ja-480"));
    let largest = TextSize::try_from(200).unwrap();
    let mut large =
        harness(LOOKS[0], 640.0, World::new(MainScreen::default(), view(crowd()), LOOKS[0].tongue), MainScreen::show);
    large.ctx.set_zoom_factor(largest.factor());
    large.run_steps(4);
    results.add(large.try_snapshot("contacts-200-percent"));
}
