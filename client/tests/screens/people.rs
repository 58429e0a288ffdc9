//! People and groups: members at the side with what may be done about them, one's own profile, pictures.

use client::{
    app::StillKey,
    engine::{Command, InChat, OwnAccount},
    ui::{Action, ChatScreen, MainScreen, Portrait, Then},
};
use egui::{Event, Key, accesskit::Role};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable};
use relay::vocabulary::{ChangeChat, ChatRole, SetRole};

use crate::{
    fixture::{GROUP, LOOKS, Look, World, crowd, group, harness, have_faces, view},
    use_of::{main_window, press, wanted, window_of, write},
};

fn members_of(role: ChatRole) -> Harness<'static, World<ChatScreen>> {
    let mut state = group();
    let known = std::sync::Arc::make_mut(state.chats.get_mut(&GROUP).unwrap());
    known.chat.role = role;
    let mut harness = window_of(GROUP, state);
    press(&mut harness, "More");
    press(&mut harness, "Members");
    harness
}

fn menu_of(harness: &mut Harness<'static, World<ChatScreen>>, member: &str) {
    harness.get_by_label_contains(member).click_secondary();
    harness.run();
}

fn acts(actions: &[Action]) -> Vec<&InChat> {
    let acts = actions.iter().filter_map(|action| match action {
        Action::Give(Command::InChat { chat: GROUP, act }) => Some(act),
        _ => None,
    });
    acts.collect()
}

#[test]
fn the_owner_gives_roles_and_removes() {
    let mut harness = members_of(ChatRole::Owner);
    menu_of(&mut harness, "山田 太郎");
    let actions = press(&mut harness, "Make a moderator");
    assert!(matches!(acts(&actions)[..], [InChat::SetRole(3, SetRole { role: ChatRole::Moderator })]), "{actions:?}");
    menu_of(&mut harness, "Ada Lovelace");
    let actions = press(&mut harness, "Remove from the group");
    assert!(matches!(acts(&actions)[..], [InChat::Remove(2)]), "{actions:?}");
    harness.hover_at(egui::pos2(160.0, 400.0));
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, -400.0),
        phase: egui::TouchPhase::Move,
        modifiers: egui::Modifiers::NONE,
    });
    harness.run();
    menu_of(&mut harness, "zoe");
    assert!(harness.query_by_label("Make a moderator").is_none(), "who was asked has no role yet");
    let actions = press(&mut harness, "Take the request back");
    assert!(matches!(acts(&actions)[..], [InChat::Remove(21)]), "{actions:?}");
    let actions = press(&mut harness, "Grace Hopper, Do not disturb · writing a compiler, please leave a message");
    assert!(matches!(&actions[..], [Action::Meet { name, then: Then::Talk }] if name == "user4"), "{actions:?}");
}

#[test]
fn members_and_moderators_are_offered_what_they_may_do() {
    let mut harness = members_of(ChatRole::Member);
    assert!(harness.query_by_label("Change the name").is_none());
    menu_of(&mut harness, "山田 太郎");
    assert!(harness.query_by_label("Remove from the group").is_none());
    assert!(harness.query_by_label("Make a moderator").is_none());
    let mut harness = members_of(ChatRole::Moderator);
    menu_of(&mut harness, "山田 太郎");
    assert!(harness.query_by_label("Make a moderator").is_none(), "only the owner gives roles");
    assert!(harness.query_by_label("Remove from the group").is_some());
    harness.key_press(Key::Escape);
    harness.run();
    let mut harness = members_of(ChatRole::Moderator);
    menu_of(&mut harness, "Ada Lovelace");
    assert!(harness.query_by_label("Remove from the group").is_none(), "moderators do not remove each other");
}

#[test]
fn a_group_is_named_joined_and_left() {
    let mut harness = members_of(ChatRole::Moderator);
    press(&mut harness, "Change the name");
    write(&mut harness, "Name of the group", " at noon");
    let actions = press(&mut harness, "Save");
    assert!(
        matches!(acts(&actions)[..], [InChat::Describe(ChangeChat { name: Some(name), .. })] if name == "Lunch at noon"),
        "{actions:?}"
    );
    let actions = press(&mut harness, "Choose a picture");
    assert!(matches!(actions[..], [Action::ChoosePicture(Portrait::Chat(GROUP))]), "{actions:?}");
    press(&mut harness, "Ask others in");
    write(&mut harness, "Name of a contact or an account", "bart");
    press(&mut harness, "Add Bartholomew Featherstonehaugh-Cholmondeley III");
    write(&mut harness, "Name of a contact or an account", "ken");
    harness.key_press(Key::Enter);
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    assert!(matches!(acts(&actions)[..], [InChat::AskIn(ask)] if ask.names == ["user5", "ken"]), "{actions:?}");
    assert!(acts(&press(&mut harness, "Leave the group")).is_empty(), "it is asked first");
    let actions = press(&mut harness, "Leave the group");
    assert!(matches!(acts(&actions)[..], [InChat::Leave]), "{actions:?}");
}

#[test]
fn one_says_what_one_is_called() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "Change what you are");
    press(&mut harness, "Edit profile");
    let actions = press(&mut harness, "Choose a picture");
    assert!(actions.iter().any(|action| matches!(action, Action::ChoosePicture(Portrait::Own))), "{actions:?}");
    let actions = press(&mut harness, "Remove the picture");
    let removes = |action: &Action| matches!(action, Action::Give(Command::OwnAccount(OwnAccount::Picture(None))));
    assert!(actions.iter().any(removes), "{actions:?}");
    write(&mut harness, "Name that others see", "-Kato");
    let actions = press(&mut harness, "Save");
    let changes = actions.iter().find_map(|action| match action {
        Action::Give(Command::OwnAccount(OwnAccount::Change(change))) => change.display_name.as_deref(),
        _ => None,
    });
    assert_eq!(changes, Some("Haruka Sato-Kato"));
    assert!(harness.query_by_label("Name that others see").is_none(), "back among people");
}

#[test]
fn a_group_is_made_of_several() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "New group");
    write(&mut harness, "Name of the group", "Second floor");
    write(&mut harness, "Name of a contact or an account", "ada");
    press(&mut harness, "Add Ada Lovelace");
    write(&mut harness, "Name of a contact or an account", "花");
    harness.key_press(Key::Enter);
    harness.run();
    let actions = press(&mut harness, "Make the group");
    let made = actions.iter().find_map(|action| match action {
        Action::Give(Command::OpenGroup { names, name, .. }) => Some((names.clone(), name.as_str())),
        _ => None,
    });
    assert_eq!(made, Some((vec!["user2".to_owned(), "user6".to_owned()], "Second floor")), "{actions:?}");
}

#[test]
fn faces_are_asked_for_while_they_are_seen() {
    let mut harness = main_window(view(crowd()));
    let actions = std::mem::take(&mut harness.state_mut().out.actions);
    let sees = |name: &str| {
        let key = StillKey::Person(name.into());
        actions.iter().any(|action| matches!(action, Action::See(seen) if *seen == key))
    };
    assert!(sees("ada-face") && sees("my-face"), "{actions:?}");
    have_faces(harness.state_mut());
    harness.run();
    assert!(!harness.state().out.actions.iter().any(|action| matches!(action, Action::See(_))), "they are here");
}

#[test]
fn looks_of_people() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let mut world = World::new(ChatScreen::new(GROUP), view(group()), look.tongue);
        have_faces(&mut world);
        let mut members = harness(look, 640.0, world, ChatScreen::show);
        members.run();
        results.add(members.try_snapshot(format!("group-chat-{}", look.name)));
        if look.width < 400.0 {
            let more = members.state().words.say("chat-more");
            members.get_by_role_and_label(Role::Button, &more).click_accesskit();
            members.run();
        }
        let side = members.state().words.say("group-members");
        members.get_by_role_and_label(Role::Button, &side).click_accesskit();
        members.run();
        results.add(members.try_snapshot(format!("group-members-{}", look.name)));

        let mut world = World::new(MainScreen::default(), view(crowd()), look.tongue);
        have_faces(&mut world);
        let mut main = harness(look, 640.0, world, MainScreen::show);
        main.run();
        results.add(main.try_snapshot(format!("contacts-faces-{}", look.name)));
        for word in ["me-change", "profile-edit"] {
            let name = main.state().words.say(word);
            main.get_by_role_and_label(Role::Button, &name).click_accesskit();
            main.run();
        }
        results.add(main.try_snapshot(format!("profile-{}", look.name)));
        let mut world = World::new(MainScreen::default(), view(crowd()), look.tongue);
        have_faces(&mut world);
        let mut main = harness(look, 640.0, world, MainScreen::show);
        let name = main.state().words.say("group-new");
        main.get_by_role_and_label(Role::Button, &name).click_accesskit();
        main.run();
        let people = main.state().words.say("people-choose");
        write(&mut main, &people, "a");
        results.add(main.try_snapshot(format!("group-new-{}", look.name)));
    }
    let look = Look { name: "light-en-760", width: 760.0, ..LOOKS[0] };
    let mut world = World::new(ChatScreen::new(GROUP), view(group()), look.tongue);
    have_faces(&mut world);
    let mut wide = harness(look, 560.0, world, ChatScreen::show);
    wide.run();
    press(&mut wide, "Members");
    results.add(wide.try_snapshot(format!("group-side-{}", look.name)));
    wide.event(Event::PointerGone);
}
