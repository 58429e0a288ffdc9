//! How one is heard and seen: the microphone is open always, or while a key is held that a person chooses; devices are tried
//! out before a call.

use client::{
    device::DeviceState,
    engine::State,
    home::Speaking,
    ui::{Action, Checked, MainScreen, Tongue, Whose},
};
use egui::{Key, accesskit::Role};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable};
use relay::vocabulary::CallPhase;

use crate::{
    fixture::{LOOKS, World, call, crowd, harness, view},
    use_of::{main_window, press, wanted},
};

#[test]
fn a_call_in_which_a_key_is_held_to_talk() {
    let mut results = SnapshotResults::new();
    for (name, muted, look) in
        [("push-to-talk", true, LOOKS[0]), ("push-to-talk", true, LOOKS[1]), ("talking", false, LOOKS[3])]
    {
        let state = State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() };
        let mut world = World::new(MainScreen::default(), view(state), look.tongue);
        (world.muted, world.level) = (muted, 0.25);
        world.preferences.speaking = Speaking::PushToTalk;
        let mut harness = harness(look, 480.0, world, MainScreen::show);
        results.add(harness.try_snapshot(format!("{name}-{}", look.name)));
    }
}

#[test]
fn the_microphone_is_open_while_the_key_is_held() {
    let mut world = World::new(
        MainScreen::default(),
        view(State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() }),
        Tongue::English,
    );
    world.preferences.speaking = Speaking::PushToTalk;
    world.muted = true;
    let mut harness = harness(LOOKS[0], 800.0, world, MainScreen::show);
    assert!(matches!(wanted(&mut harness)[..], [Action::Mute(true)]), "it is closed from the beginning");
    let hold = |harness: &mut Harness<'_, World<MainScreen>>, key, down: bool| {
        if down {
            harness.key_down(key)
        } else {
            harness.key_up(key)
        }
        harness.run();
        wanted(harness)
    };
    assert!(matches!(hold(&mut harness, Key::Space, true)[..], [Action::Mute(false)]));
    assert!(hold(&mut harness, Key::A, true).is_empty(), "other keys do nothing");
    assert!(matches!(hold(&mut harness, Key::Space, false)[..], [Action::Mute(true)]));
    // Whoever writes, writes.
    harness.get_by_role_and_label(Role::TextInput, "Search").focus();
    harness.run();
    assert!(hold(&mut harness, Key::Space, true).is_empty());
    hold(&mut harness, Key::Space, false);
    // A key that types nothing works there too, until the window loses the keyboard.
    harness.state_mut().preferences.talk_key = "F8".to_owned();
    assert!(matches!(hold(&mut harness, Key::F8, true)[..], [Action::Mute(false)]));
    harness.state_mut().focused = false;
    harness.run();
    assert!(matches!(wanted(&mut harness)[..], [Action::Mute(true)]));
    // The setting is taken back in the middle of the call.
    harness.state_mut().preferences.speaking = Speaking::Open;
    harness.run();
    assert!(matches!(wanted(&mut harness)[..], [Action::Mute(false)]));
}

#[test]
fn another_key_is_chosen_by_pressing_it() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "Settings");
    let preferred = |actions: Vec<Action>| match &actions[..] {
        [Action::Prefer(preferences)] => preferences.clone(),
        other => panic!("{other:?}"),
    };
    harness.get_by_role_and_label(Role::TextInput, "Search the settings").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Search the settings").type_text("microphone");
    harness.run();
    let chosen = preferred({
        harness.get_by_role_and_label(Role::RadioButton, "Push to talk").click();
        harness.run();
        wanted(&mut harness)
    });
    assert_eq!((chosen.speaking, chosen.talk_key.as_str()), (Speaking::PushToTalk, "Space"));
    harness.state_mut().preferences = chosen;
    harness.run();
    press(&mut harness, "Space");
    harness.key_press(Key::Delete);
    harness.run();
    assert!(wanted(&mut harness).is_empty(), "a key that means something else is not taken");
    press(&mut harness, "Space");
    harness.key_press(Key::F8);
    harness.run();
    assert_eq!(preferred(wanted(&mut harness)).talk_key, "F8");
}

#[test]
fn camera_and_microphone_are_tried_out_before_a_call() {
    let mut harness = main_window(view(crowd()));
    press(&mut harness, "Settings");
    harness.get_by_role_and_label(Role::TextInput, "Search the settings").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Search the settings").type_text("camera");
    harness.run();
    wanted(&mut harness);
    assert!(matches!(press(&mut harness, "Try camera and microphone")[..], [Action::CheckDevices(true)]));
    harness.state_mut().checked = Some(Checked { microphone: DeviceState::Absent, ..Checked::default() });
    harness.run();
    assert_eq!(harness.state().out.pictures[0].whose, Whose::Mine);
    assert!(harness.query_by_label("No microphone was found. Plug one in: it is used at once.").is_some());
    assert!(matches!(press(&mut harness, "Play a sound")[..], [Action::CheckSound]));
    assert!(matches!(press(&mut harness, "Done")[..], [Action::CheckDevices(false)]));
    // Whoever leaves the settings leaves no camera open.
    assert!(matches!(press(&mut harness, "Back")[..], [Action::CheckDevices(false)]));
}

#[test]
fn looks_of_trying_out() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let mut world = World::new(MainScreen::default(), view(crowd()), look.tongue);
        world.level = 0.2;
        world.checked = Some(Checked { camera: DeviceState::Busy, ..Checked::default() });
        let mut harness = harness(look, 620.0, world, MainScreen::show);
        let (settings, field, camera) = {
            let words = &harness.state().words;
            (words.say("preferences"), words.say("preferences-search"), words.say("camera"))
        };
        harness.get_by_role_and_label(Role::Button, &settings).click_accesskit();
        harness.run();
        harness.get_by_role_and_label(Role::TextInput, &field).focus();
        harness.run();
        harness.get_by_role_and_label(Role::TextInput, &field).type_text(&camera);
        harness.run();
        results.add(harness.try_snapshot(format!("device-check-{}", look.name)));
    }
}
