//! Writing with more than letters: members' names that complete themselves, emoji in lines and as reactions.

use client::{
    engine::{Command, InChat},
    ui::{Action, ChatScreen},
};
use egui::{Event, Key, accesskit::Role};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable};
use relay::vocabulary::{Change, SendMessage};

use crate::{
    fixture::{CHAT, GROUP, LOOKS, World, crowd, group, harness, view},
    use_of::{chat_window, press, wanted, window_of, write},
};

fn sent(actions: &[Action]) -> Option<&SendMessage> {
    actions.iter().find_map(|action| match action {
        Action::Give(Command::InChat { act: InChat::Send(message), .. }) => Some(message),
        _ => None,
    })
}

fn key(harness: &mut Harness<'static, World<ChatScreen>>, key: Key) {
    harness.key_press(key);
    harness.run();
}

#[test]
fn a_name_completes_itself_with_the_keyboard() {
    let mut harness = window_of(GROUP, group());
    write(&mut harness, "Write a message", "Hello @");
    for name in ["Ada Lovelace, @user2", "山田 太郎, @user3", "adam.smith, @adam.smith"] {
        assert!(harness.query_by_label(name).is_some(), "{name} is offered");
    }
    assert!(harness.query_by_label_contains("@haruka,").is_none(), "oneself is not offered");
    assert!(harness.query_by_label_contains("zoe").is_none(), "nor who has not joined");
    write(&mut harness, "Write a message", "ad");
    assert!(harness.query_by_label("山田 太郎, @user3").is_none());
    key(&mut harness, Key::ArrowDown);
    key(&mut harness, Key::Enter);
    assert!(sent(&wanted(&mut harness)).is_none(), "Enter chose a name");
    write(&mut harness, "Write a message", "and @nobody");
    key(&mut harness, Key::Enter);
    let actions = wanted(&mut harness);
    let message = sent(&actions).expect("a line");
    assert_eq!((message.text.as_str(), &message.mentions[..]), ("Hello @adam.smith and @nobody", &[20][..]));
}

#[test]
fn a_name_completes_itself_with_the_mouse_and_a_list_is_refused() {
    let mut harness = window_of(GROUP, group());
    write(&mut harness, "Write a message", "@花");
    harness.get_by_role_and_label(Role::Button, "佐藤 花子, @user6").click();
    harness.run();
    write(&mut harness, "Write a message", "hi");
    write(&mut harness, "Write a message", " @a");
    assert!(harness.query_by_label("Ada Lovelace, @user2").is_some());
    key(&mut harness, Key::Escape);
    assert!(harness.query_by_label("Ada Lovelace, @user2").is_none());
    key(&mut harness, Key::Enter);
    let actions = wanted(&mut harness);
    let message = sent(&actions).expect("a line");
    assert_eq!((message.text.as_str(), &message.mentions[..]), ("@user6 hi @a", &[6][..]));
}

#[test]
fn emoji_are_found_by_name_and_put_where_the_caret_is() {
    let mut harness = chat_window(crowd());
    write(&mut harness, "Write a message", "ab");
    key(&mut harness, Key::ArrowLeft);
    press(&mut harness, "Emoji");
    harness.event(Event::Text("ねこ".into()));
    harness.run();
    let actions = press(&mut harness, "cat");
    let [Action::Prefer(preferences)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(preferences.recent_emoji, ["🐈"]);
    harness.state_mut().preferences = preferences.clone();
    press(&mut harness, "Close the emoji");
    key(&mut harness, Key::Enter);
    let actions = wanted(&mut harness);
    assert_eq!(sent(&actions).expect("a line").text, "a🐈b");
    press(&mut harness, "Emoji");
    assert!(harness.query_by_role_and_label(Role::Button, "cat").is_some(), "what was used lately is at hand");
    harness.get_by_role_and_label(Role::RadioButton, "Food and drink").click();
    harness.run();
    assert!(harness.query_by_role_and_label(Role::Button, "cat").is_none());
    assert!(harness.query_by_role_and_label(Role::Button, "grapes").is_some());
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_role_and_label(Role::Button, "grapes").is_none());
}

#[test]
fn any_emoji_is_a_reaction() {
    let mut harness = chat_window(crowd());
    harness.get_by_label("One more question before you go").click_secondary();
    harness.run();
    press(&mut harness, "Another reaction");
    harness.event(Event::Text("pizza".into()));
    harness.run();
    let actions = press(&mut harness, "pizza");
    let reacts = |action: &Action| matches!(action, Action::Give(Command::InChat { chat: CHAT, act: InChat::Change(Change::React { of: 9, emoji, on: true }) }) if emoji == "🍕");
    assert!(actions.iter().any(reacts), "{actions:?}");
    assert!(harness.query_by_label("Search emoji").is_none(), "it is done");
    write(&mut harness, "Write a message", "x");
    key(&mut harness, Key::Enter);
    assert_eq!(sent(&wanted(&mut harness)).expect("a line").reply_to, None);
}

#[test]
fn looks_of_writing() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let world = World::new(ChatScreen::new(GROUP), view(group()), look.tongue);
        let mut completing = harness(look, 560.0, world, ChatScreen::show);
        let field = completing.state().words.say("chat-write");
        write(&mut completing, &field, "@");
        completing.run();
        results.add(completing.try_snapshot(format!("chat-mention-{}", look.name)));
        let mut world = World::new(ChatScreen::new(CHAT), view(crowd()), look.tongue);
        world.preferences.recent_emoji = ["🎉", "🍵", "🙏"].map(str::to_owned).to_vec();
        let mut picking = harness(look, 640.0, world, ChatScreen::show);
        let (open, faces) = (picking.state().words.say("chat-emoji"), picking.state().words.say("emoji-faces"));
        // A pointer would be elsewhere at two pixels a point.
        picking.get_by_role_and_label(Role::Button, &open).click_accesskit();
        picking.run();
        picking.get_by_role_and_label(Role::RadioButton, &faces).click_accesskit();
        picking.run();
        results.add(picking.try_snapshot(format!("chat-emoji-{}", look.name)));
    }
}
