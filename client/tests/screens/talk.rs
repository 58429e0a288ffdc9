//! What comes of using a chat's window: files, pictures, searches, pins.

use std::sync::Arc;

use client::{
    app::StillKey,
    engine::{Attach, Command, InChat, Place, Search},
    ui::{Action, Staged},
};
use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::Queryable;
use relay::vocabulary::{Change, Message};

use crate::{
    fixture::{CHAT, NOW, World, crowd, have_come, searched, view, with_files},
    use_of::{chat_window, long, main_window, press, wanted, write},
};

#[test]
fn files_are_dropped_and_sent_with_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("plan.pdf"), b"plan").unwrap();
    std::fs::write(path("notes.txt"), b"notes").unwrap();
    let mut harness = chat_window(crowd());
    let dropped = |path: std::path::PathBuf| egui::DroppedFile { path: Some(path), ..Default::default() };
    let files = [path("plan.pdf"), path("notes.txt"), folder.path().to_owned(), path("gone")];
    harness.input_mut().dropped_files = files.into_iter().map(dropped).collect();
    harness.run();
    let actions = wanted(&mut harness);
    let complained: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Complain(text) => Some(&text[..]),
            _ => None,
        })
        .collect();
    let folder_name = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(complained.len(), 2, "{complained:?}");
    assert!(complained[0].contains(folder_name) && complained[0].contains("not a file"), "{complained:?}");
    assert!(complained[1].contains("gone") && complained[1].contains("not there"), "{complained:?}");
    press(&mut harness, "Do not send notes.txt");
    write(&mut harness, "Write a message", "Here it is");
    harness.key_press(Key::Enter);
    harness.run();
    let actions = wanted(&mut harness);
    let attached = actions.iter().find_map(|action| match action {
        Action::Give(Command::InChat { chat: CHAT, act: InChat::Attach(message, files) }) => Some((message, files)),
        _ => None,
    });
    let (message, files) = attached.expect("a line with its files");
    assert_eq!((message.text.as_str(), &files[..]), ("Here it is", &[Attach::File(path("plan.pdf"))][..]));
    harness.key_press(Key::Enter);
    harness.run();
    assert!(wanted(&mut harness).is_empty(), "there is nothing to send any more");
    assert!(matches!(press(&mut harness, "Attach files")[..], [Action::ChooseFiles(CHAT)]));
}

#[test]
fn only_so_many_files_go_with_a_line_and_what_was_made_for_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = chat_window(crowd());
    let pasted = |n: usize| {
        let path = folder.path().join(format!("{n}.png"));
        std::fs::write(&path, b"png").unwrap();
        Staged::look(path, true).unwrap()
    };
    let World { screen, words, .. } = harness.state_mut();
    assert_eq!(screen.stage(words, (0..9).map(pasted).collect(), &[]), Vec::<String>::new());
    assert_eq!(
        screen.stage(words, (9..12).map(pasted).collect(), &[]),
        ["One message takes 10 files; the others were left out."]
    );
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left(), 10);
    harness.run();
    press(&mut harness, "Do not send 3.png");
    assert_eq!(left(), 9);
    assert!(Staged::look(folder.path().to_owned(), false).is_err(), "a folder is not sent");
}

#[test]
fn pictures_are_looked_at_and_files_saved() {
    let mut harness = chat_window(with_files());
    harness.run();
    let asked = wanted(&mut harness);
    let sees = |key: &StillKey| asked.iter().any(|action| matches!(action, Action::See(seen) if seen == key));
    assert!(sees(&StillKey::Thumbnail("late".into())), "{asked:?}");
    assert!(!asked.iter().any(|action| matches!(action, Action::See(StillKey::Whole(_)))), "nobody wants it large");
    have_come(harness.state_mut());
    harness.run();
    let actions = press(&mut harness, "Save 図面 第二版 二階の窓と廊下の寸法をなおしたもの.pdf");
    assert!(matches!(&actions[..], [Action::Save { file, ask: false, .. }] if file == "plan"), "{actions:?}");
    let actions = press(&mut harness, "Show notes.txt in its folder");
    assert!(matches!(&actions[..], [Action::Reveal(path)] if path.ends_with("notes.txt")));
    assert!(harness.query_by_label("Save machine-hall.mkv").is_none(), "it is on its way");
    press(&mut harness, "Picture not-there-yet.png");
    let actions = wanted(&mut harness);
    assert!(
        actions.is_empty() || matches!(&actions[..], [Action::See(StillKey::Whole(file)), ..] if file == "late"),
        "{actions:?}"
    );
    let actions = press(&mut harness, "Save");
    assert!(actions.iter().any(|action| matches!(action, Action::Save { file, .. } if file == "late")), "{actions:?}");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("Picture not-there-yet.png").is_some(), "back in the chat");
}

#[test]
fn a_search_leads_to_the_line() {
    let mut harness = chat_window(long(201, 400));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    harness.event(Event::Text("the".into()));
    harness.run();
    let asked = |actions: &[Action]| {
        let searches = actions.iter().filter_map(|action| match action {
            Action::Give(Command::Search { query, chat: Some(CHAT), before: None }) => Some(query.clone()),
            _ => None,
        });
        searches.collect::<Vec<_>>()
    };
    assert!(asked(&wanted(&mut harness)).contains(&"the".to_owned()));
    let hit = |n: u64| {
        let ada = relay::vocabulary::Account { id: 2, name: "user2".into() };
        relay::vocabulary::Hit { chat: CHAT, message: Message::line(n, ada, format!("the found line {n}"), NOW, "") }
    };
    let mut state = long(201, 400);
    let found = Search { query: "the".into(), hits: vec![hit(230), hit(90)], next: Some(90), waits: false };
    state.searches.insert(Some(CHAT), Arc::new(found));
    harness.state_mut().view = view(state.clone());
    harness.run();
    let actions = wanted(&mut harness);
    let older = |action: &Action| matches!(action, Action::Give(Command::Search { before: Some(90), .. }));
    assert!(actions.iter().any(older), "the rest is asked for: {actions:?}");
    // One that is at hand is shown at once.
    harness.get_by_role_and_label(Role::Button, "Ada Lovelace: the found line 230").click();
    harness.run();
    assert!(harness.query_by_label_contains("line 230 ").is_some());
    assert!(harness.query_by_label_contains("line 400 ").is_none());
    let around = |actions: &[Action]| {
        let looks = actions.iter().filter_map(|action| match action {
            Action::Give(Command::InChat { act: InChat::Look(Place::Around(sequence)), .. }) => Some(*sequence),
            _ => None,
        });
        looks.collect::<Vec<_>>()
    };
    assert_eq!(around(&wanted(&mut harness)), [0; 0]);
    // One that is not is looked up once, and shown when it comes.
    harness.state_mut().screen.jump(90);
    harness.run();
    harness.run();
    assert_eq!(around(&wanted(&mut harness)), [90]);
    let ada = relay::vocabulary::Account { id: 2, name: "user2".into() };
    let page = (40..=139).map(|n| Message::line(n, ada.clone(), format!("line {n} looked up"), NOW, "")).collect();
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    chat.look(Place::Around(90), &relay::vocabulary::History { messages: page, more: true, latest: 400 });
    harness.state_mut().view = view(state);
    harness.run();
    let line = harness.get_by_label("line 90 looked up").rect();
    assert!(line.top() > 60.0 && line.bottom() < 560.0, "{line:?}");
}

#[test]
fn quotes_and_pins_lead_to_their_lines() {
    let mut harness = chat_window(with_files());
    press(&mut harness, "Pinned: Then I will send it today.");
    assert!(harness.query_by_label_contains("Pinned: 昨日の図面を見ました").is_some(), "the one before is next");
    harness.get_by_label("Then I will send it *today*.").click_secondary();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Pin").click();
    harness.run();
    let actions = wanted(&mut harness);
    let pins = |action: &Action| {
        matches!(action, Action::Give(Command::InChat { act: InChat::Change(Change::Pin { of: 7, on: true }), .. }))
    };
    assert!(actions.iter().any(pins), "{actions:?}");
    harness.state_mut().screen.jump(6);
    harness.run();
    press(&mut harness, "To the message that is answered");
    assert!(harness.query_by_label_contains("I think so. Two things first").is_some());
}

#[test]
fn a_line_of_any_chat_is_found_from_the_main_window() {
    let mut harness = main_window(view(searched(crowd(), None)));
    write(&mut harness, "Search", "the");
    wanted(&mut harness);
    let hit = "Ada Lovelace: Good morning! Did the parcel arrive?";
    let actions = press(&mut harness, hit);
    assert!(matches!(actions[..], [Action::ShowLine(CHAT, 1)]), "{actions:?}");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.key_press(Key::Backspace);
    harness.run();
    assert!(harness.query_by_label(hit).is_none());
    assert!(
        wanted(&mut harness).iter().any(|action| matches!(action, Action::Give(Command::StopSearch { chat: None })))
    );
}
