//! How every screen looks, compared with pictures that were looked at by a person (`UPDATE_SNAPSHOTS=1` renews them).

use client::{
    app::{DeviceNames, Entrance, Failure, SignIn, View},
    call::Second,
    device::SoundNames,
    engine::{Event, State},
    ui::{CallScreen, ChatScreen, MainScreen, Staged},
};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable};
use relay::vocabulary::CallPhase;
use std::sync::Arc;

use crate::fixture::{
    CHAT, LOOKS, Look, World, alone, call, crowd, harness, have_come, held_back, measured_call, searched,
    secondary_click, view, with_files,
};

/// Draws the main window in every look, after `act` was done in it.
fn main_looks(
    name: &str,
    height: f32,
    view: impl Fn() -> View,
    act: impl Fn(&mut Harness<'static, World<MainScreen>>),
) {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let world = World::new(MainScreen::default(), view(), look.tongue);
        let mut harness = harness(look, height, world, MainScreen::show);
        act(&mut harness);
        harness.run();
        results.add(harness.try_snapshot(format!("{name}-{}", look.name)));
    }
}

fn outside(entrance: Entrance) -> View {
    let suggested = SignIn { server: "http://chat.example".into(), user: "haruka".into(), ..SignIn::default() };
    View { entrance, suggested: Arc::new(suggested), ..View::default() }
}

#[test]
fn signing_in() {
    main_looks("sign-in", 600.0, View::default, |_| {});
}

#[test]
fn a_failure_to_sign_in() {
    let text = "connection refused";
    let failure = Failure::ServerUnreachable(text.into());
    main_looks("sign-in-failed", 640.0, || outside(Entrance::Failed(failure.clone())), |_| {});
}

#[test]
fn an_unknown_certificate() {
    let entrance = || Entrance::Unknown {
        server: "http://chat.example".into(),
        fingerprint: "3f9a0c57d1e2b84466f0913ac7d25b8e01f47ac96de35b20817c4e5fa2960db3".into(),
    };
    main_looks("unknown-certificate", 600.0, || outside(entrance()), |_| {});
}

#[test]
fn nobody_known_yet() {
    main_looks("contacts-none", 560.0, || view(alone()), |_| {});
}

#[test]
fn contacts() {
    main_looks("contacts", 720.0, || view(crowd()), |_| {});
}

#[test]
fn what_one_says_of_oneself() {
    main_looks(
        "me-menu",
        520.0,
        || view(crowd()),
        |harness| {
            let change = harness.state().words.say("me-change");
            harness.get_by_role_and_label(Role::Button, &change).click_accesskit();
        },
    );
}

#[test]
fn what_can_be_done_with_a_contact() {
    main_looks(
        "contact-menu",
        720.0,
        || view(crowd()),
        |harness| {
            secondary_click(harness, |harness| harness.get_by_label_contains("山田 太郎"));
        },
    );
}

#[test]
fn adding_a_contact() {
    main_looks(
        "contact-add",
        600.0,
        || view(alone()),
        |harness| {
            let add = harness.state().words.say("contact-add");
            harness.get_by_role_and_label(Role::Button, &add).click_accesskit();
        },
    );
}

fn devices() -> DeviceNames {
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    DeviceNames {
        cameras: names(["Integrated Camera", "HD Pro Webcam C920"]),
        sound: SoundNames {
            microphones: names(["Built-in Audio Analog Stereo", "Headset (Bluetooth)"]),
            speakers: names(["Built-in Audio Analog Stereo", "Headset (Bluetooth)"]),
        },
    }
}

#[test]
fn preferences() {
    main_looks(
        "preferences",
        1_180.0,
        || View { device_names: Arc::new(devices()), ..view(crowd()) },
        |harness| {
            let preferences = harness.state().words.say("preferences");
            harness.get_by_role_and_label(Role::Button, &preferences).click_accesskit();
        },
    );
}

#[test]
fn a_notice_and_a_lost_connection() {
    let lost = || State {
        connection: client::engine::ConnectionState::Connecting { reason: Some("no answer for 15 s".into()) },
        ..crowd()
    };
    main_looks(
        "trouble",
        640.0,
        || view(lost()),
        |harness| {
            let world = harness.state_mut();
            world.notices.take(
                &Event::CallBusy { call: 1, who: "Ada Lovelace".into() },
                &world.words,
                crate::fixture::NOW,
            );
        },
    );
}

#[test]
fn a_call_that_rings() {
    main_looks(
        "ringing",
        640.0,
        || view(State { call: Some(call(false, false, CallPhase::Ringing)), ..crowd() }),
        |_| {},
    );
}

#[test]
fn a_call_that_waits() {
    main_looks(
        "calling",
        560.0,
        || view(State { call: Some(call(true, true, CallPhase::Ringing)), ..crowd() }),
        |_| {},
    );
}

#[test]
fn a_call_that_goes_on() {
    main_looks(
        "in-call",
        640.0,
        || view(State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() }),
        |_| {},
    );
}

#[test]
fn how_a_call_goes_in_figures() {
    main_looks(
        "quality",
        640.0,
        || view(held_back(State { call: Some(measured_call()), ..crowd() })),
        |harness| {
            let words = &harness.state().words;
            let how = words.say("signal-good");
            let name = words.with("quality-open", &[("how", client::ui::Value::Text(&how))]);
            harness.get_by_label(&name).click_accesskit();
        },
    );
}

#[test]
fn what_can_be_done_in_a_call() {
    main_looks(
        "call-menu",
        640.0,
        || view(State { call: Some(measured_call()), ..crowd() }),
        |harness| {
            let more = harness.state().words.say("call-more");
            harness.get_by_label(&more).click_accesskit();
        },
    );
}

#[test]
fn a_call_in_a_window_of_its_own() {
    let mut results = SnapshotResults::new();
    for (name, width, look) in [("call-window-wide", 900.0, LOOKS[0]), ("call-window", 480.0, LOOKS[1])] {
        let look = Look { width, ..look };
        let state = || held_back(State { call: Some(measured_call()), ..crowd() });
        let world = World::new(CallScreen::default(), view(state()), look.tongue);
        let mut harness = harness(look, 500.0, world, CallScreen::show);
        let words = &harness.state().words;
        let how = words.say("signal-good");
        let name_of_sign = words.with("quality-open", &[("how", client::ui::Value::Text(&how))]);
        harness.get_by_label(&name_of_sign).click_accesskit();
        harness.run();
        results.add(harness.try_snapshot(format!("{name}-{}", look.name)));
    }
}

#[test]
fn what_is_wrong_in_a_call() {
    let troubled = || {
        let mut state = held_back(State { call: Some(measured_call()), ..crowd() });
        let call = state.call.as_mut().unwrap();
        let course = Arc::make_mut(&mut call.course);
        let last = *course.last().unwrap();
        (0..6).for_each(|_| course.push(Second { loudest_db: Some(-96.0), heard: Some(false), ..last }));
        state
    };
    main_looks("call-troubles", 480.0, || view(troubled()), |_| {});
}

#[test]
fn the_strip() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let look = Look { width: 68.0, ..look };
        let world = World::new(MainScreen::default(), view(crowd()), look.tongue);
        let mut harness = harness(look, 420.0, world, MainScreen::show);
        results.add(harness.try_snapshot(format!("strip-{}", look.name)));
    }
}

fn chat_looks(name: &str, chat: u64, view: impl Fn() -> View) {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let world = World::new(ChatScreen::new(chat), view(), look.tongue);
        let mut harness = harness(look, 640.0, world, ChatScreen::show);
        harness.run();
        results.add(harness.try_snapshot(format!("{name}-{}", look.name)));
    }
}

#[test]
fn a_chat() {
    chat_looks("chat", CHAT, || view(crowd()));
}

#[test]
fn what_can_be_done_with_a_line() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let world = World::new(ChatScreen::new(CHAT), view(crowd()), look.tongue);
        let mut harness = harness(look, 640.0, world, ChatScreen::show);
        harness.run();
        secondary_click(&mut harness, |harness| harness.get_by_label("Then I will send it *today*."));
        harness.run();
        results.add(harness.try_snapshot(format!("line-menu-{}", look.name)));
    }
}

#[test]
fn a_chat_without_lines_while_it_rings() {
    let state = || State { call: Some(call(false, false, CallPhase::Ringing)), ..crowd() };
    let silent = || {
        let mut state = state();
        let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
        chat.lines.clear();
        chat.unread = 0;
        state
    };
    chat_looks("chat-empty", CHAT, || view(silent()));
}

/// Draws a chat's window in every look, after `act` was done in it.
fn chat_looks_after(name: &str, state: impl Fn() -> State, act: impl Fn(&mut Harness<'static, World<ChatScreen>>)) {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let mut world = World::new(ChatScreen::new(CHAT), view(state()), look.tongue);
        have_come(&mut world);
        let mut harness = harness(look, 760.0, world, ChatScreen::show);
        harness.run();
        act(&mut harness);
        harness.run_steps(6);
        results.add(harness.try_snapshot(format!("{name}-{}", look.name)));
    }
}

#[test]
fn pictures_and_files() {
    chat_looks_after("chat-files", with_files, |_| {});
}

#[test]
fn a_picture_as_large_as_the_window() {
    chat_looks_after("chat-picture", with_files, |harness| {
        harness.get_by_label_contains("view.jpg").click_accesskit();
    });
}

#[test]
fn files_that_go_with_the_next_line() {
    chat_looks_after("chat-attaching", crowd, |harness| {
        let staged = |name: &str, size| Staged { path: name.into(), name: name.into(), size, passing: false };
        let files = vec![staged("報告書 2026年 秋.pdf", 1_480_000), staged("whiteboard.png", 218_400)];
        let World { screen, words, .. } = harness.state_mut();
        assert!(screen.stage(words, files, &[]).is_empty());
    });
}

#[test]
fn files_over_the_window() {
    chat_looks_after("chat-hovering", crowd, |harness| {
        harness.input_mut().hovered_files = vec![egui::HoveredFile::default()];
        harness.step();
    });
}

#[test]
fn what_was_found_in_a_chat() {
    chat_looks_after(
        "chat-search",
        || searched(crowd(), Some(CHAT)),
        |harness| {
            harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
            harness.run();
            harness.event(egui::Event::Text("the".into()));
        },
    );
}

#[test]
fn what_was_found_everywhere() {
    main_looks(
        "search",
        640.0,
        || view(searched(crowd(), None)),
        |harness| {
            harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
            harness.run();
            harness.event(egui::Event::Text("the".into()));
        },
    );
}
