//! How the main window is divided, a menu that a key opens, and the field for a path.

use std::path::{Path, PathBuf};

use client::{
    engine::{Command, Deed, Event as Happened, State},
    home::{Region, Regions},
    ui::{Action, MainScreen, Notices, PathAnswer, PathField, PathUse, Scene, Tongue, Whose, Words},
};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Ui, Vec2, accesskit::Role};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable};
use relay::vocabulary::CallPhase;

use crate::{
    fixture::{LOOKS, World, call, crowd, harness, view},
    use_of::{main_window, press, wanted, write},
};

type Main = Harness<'static, World<MainScreen>>;

/// The window in a call.
fn in_call() -> Main {
    main_window(view(talking()))
}

fn talking() -> State {
    State { call: Some(call(true, true, CallPhase::Talking)), ..crowd() }
}

/// How high the picture of the other side is; nothing if it is not seen.
fn display(harness: &Main) -> Option<f32> {
    let places = &harness.state().out.pictures;
    places.iter().find(|place| place.whose == Whose::Theirs).map(|place| place.area.height())
}

/// Does what was wanted of the regions, as the window does.
fn obey(harness: &mut Main) -> Regions {
    for action in wanted(harness) {
        if let Action::Prefer(preferences) = action {
            harness.state_mut().preferences = preferences;
        }
    }
    harness.run();
    harness.state().preferences.regions.clone()
}

/// Presses a button, and does what comes of it.
fn choose(harness: &mut Main, name: &str) -> Regions {
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run();
    obey(harness)
}

fn drag(harness: &mut Main, from: Pos2, by: f32) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::default(),
    };
    harness.hover_at(from);
    harness.run();
    harness.event(button(from, true));
    harness.run();
    for part in 1..=4 {
        harness.hover_at(from + Vec2::new(0.0, by * part as f32 / 4.0));
        harness.run();
    }
    harness.event(button(from + Vec2::new(0.0, by), false));
    harness.run();
}

const BORDER: &str = "Border between the picture and the contacts: drag it, or press the up and down arrows";
const LOWER: &str = "Border between the contacts and the messages: drag it, or press the up and down arrows";

#[test]
fn the_border_is_dragged_and_what_comes_of_it_is_kept() {
    let mut harness = in_call();
    let before = display(&harness).unwrap();
    let border = harness.get_by_label(BORDER).rect().center();
    drag(&mut harness, border, 120.0);
    let regions = obey(&mut harness);
    let height = regions.heights.get(&Region::Display).copied().map(f32::from).unwrap();
    assert!((height - before - 120.0).abs() < 8.0, "{before} and {height}");
    assert_eq!((regions.fold.len(), display(&harness)), (0, Some(height)));

    // Far up, the picture folds; the contacts have its place, and one press brings it back as it was.
    let border = harness.get_by_label(BORDER).rect().center();
    drag(&mut harness, border, -1_000.0);
    assert_eq!(obey(&mut harness), regions.with_fold(Region::Display, true));
    assert_eq!(display(&harness), None);
    press(&mut harness, "Mute the microphone");
    harness.get_by_label_contains("Ada Lovelace   ").click();
    harness.run();
    assert_eq!(obey(&mut harness), regions);
    assert_eq!(display(&harness), Some(height));

    // Far down, the contacts fold.
    let border = harness.get_by_label(BORDER).rect().center();
    drag(&mut harness, border, 1_000.0);
    assert!(obey(&mut harness).is_folded(Region::Contacts));
    assert!(harness.query_by_label("山田 太郎, In a call").is_none() && display(&harness).unwrap() > 450.0);
    assert!(choose(&mut harness, "Contacts").fold.is_empty());
    assert!(harness.query_by_label("山田 太郎, In a call").is_some());
}

#[test]
fn what_is_searched_for_is_seen_even_if_the_contacts_were_folded() {
    let mut harness = in_call();
    harness.state_mut().preferences.regions.fold.extend([Region::Contacts, Region::Functions]);
    harness.run();
    assert!(harness.query_by_label("Search").is_none());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    assert_eq!(obey(&mut harness), Regions::default());
    assert!(harness.get_by_label("Search").is_focused());
    harness.event(Event::Text("山田".into()));
    harness.run();
    assert!(harness.query_by_label("山田 太郎, In a call").is_some());
    assert!(harness.query_by_label("Grace Hopper, Available").is_none());
}

#[test]
fn the_buttons_are_folded_from_their_menu_and_unfolded_by_their_bar() {
    let mut harness = main_window(view(crowd()));
    harness.get_by_label("New group").click_secondary();
    harness.run();
    assert_eq!(choose(&mut harness, "Fold the buttons away").fold, [Region::Functions].into());
    assert!(harness.query_by_label("New group").is_none());
    assert_eq!(choose(&mut harness, "Search and buttons"), Regions::default());
    assert!(harness.query_by_label("New group").is_some());
}

/// As many messages as are kept.
fn three_messages(tongue: Tongue) -> Notices {
    let mut notices = Notices::default();
    let text = |index| match tongue {
        Tongue::English => format!("Message {index}: the disk of this machine is nearly full."),
        Tongue::Japanese => format!("お知らせ {index}：このコンピューターのディスクの空きが残りわずかです。"),
    };
    for index in 0..3 {
        notices.take(&Happened::Warning { text: text(index) }, &Words::new(tongue), 0);
    }
    notices
}

#[test]
fn messages_are_a_region_that_is_made_smaller_scrolled_and_folded() {
    assert!(main_window(view(crowd())).query_by_label(LOWER).is_none(), "without a message it takes no place");
    let mut harness = main_window(view(crowd()));
    harness.state_mut().notices = three_messages(Tongue::English);
    harness.run();
    let whole = harness.get_by_label(LOWER).rect().center().y;
    drag(&mut harness, egui::pos2(180.0, whole), 60.0);
    let regions = obey(&mut harness);
    let border = harness.get_by_label(LOWER).rect().center();
    assert!((border.y - whole - 60.0).abs() < 8.0 && regions.heights.contains_key(&Region::Messages), "{regions:?}");
    drag(&mut harness, border, 400.0);
    assert!(obey(&mut harness).is_folded(Region::Messages));
    assert!(harness.query_by_label_contains("Message 2").is_none());
    assert_eq!(choose(&mut harness, "Messages"), regions);
    assert!(harness.query_by_label_contains("Message 2").is_some());
    let border = harness.get_by_label(LOWER).rect().center();
    drag(&mut harness, border, -300.0);
    assert_eq!(obey(&mut harness), Regions::default(), "no higher than what is in it");
    assert!((harness.get_by_label(LOWER).rect().center().y - whole).abs() < 1.0);
}

#[test]
fn regions_are_folded_from_the_menu_and_divided_by_keys() {
    let mut harness = in_call();
    let usual = display(&harness).unwrap();
    press(&mut harness, "More");
    press(&mut harness, "Fold the picture away");
    // It was wanted by the press above.
    harness.state_mut().preferences.regions.fold.insert(Region::Display);
    harness.run();
    assert_eq!(display(&harness), None);
    harness.get_by_label(BORDER).click_secondary();
    harness.run();
    assert_eq!(choose(&mut harness, "Unfold the picture"), Regions::default());
    harness.get_by_label(BORDER).focus();
    harness.run();
    for _ in 0..2 {
        harness.key_press(Key::ArrowDown);
        harness.run();
        obey(&mut harness);
    }
    assert_eq!(display(&harness), Some(usual + 48.0));
    harness.key_press(Key::ArrowUp);
    harness.run();
    obey(&mut harness);
    assert_eq!(display(&harness), Some(usual + 24.0));
}

#[test]
fn a_key_opens_the_menu_of_what_has_the_keyboard() {
    let mut harness = main_window(view(crowd()));
    harness.get_by_label("山田 太郎, In a call").focus();
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::F10);
    harness.run();
    harness.run();
    assert!(harness.get_by_role_and_label(Role::Button, "Chat").is_focused(), "the first entry has the keyboard");
    for _ in 0..6 {
        if !harness.get_by_role_and_label(Role::Button, "Block").is_focused() {
            harness.key_press(Key::ArrowDown);
            harness.run();
        }
    }
    harness.key_press(Key::Enter);
    harness.run();
    let blocks = |action: &Action| matches!(action, Action::Give(Command::Contact { name, deed: Deed::Block }) if name == "user3");
    let actions = wanted(&mut harness);
    assert!(actions.iter().any(blocks), "{actions:?}");
    assert!(harness.query_by_label("Block").is_none(), "it closes");
}

/// A window that asks for a path.
struct Asking {
    field: PathField,
    answer: Option<PathAnswer>,
}

impl Asking {
    fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, _: &mut client::ui::Out) {
        self.answer = self.field.show(ui, scene).or(self.answer.take());
    }
}

fn asking(look: usize, begin: PathBuf, purpose: PathUse) -> Harness<'static, World<Asking>> {
    let look = LOOKS[look];
    let title = if look.tongue == Tongue::Japanese { "ファイルを添付" } else { "Attach files" };
    let field = PathField::new(title.to_owned(), &begin, purpose);
    harness(look, 480.0, World::new(Asking { field, answer: None }, view(crowd()), look.tongue), Asking::show)
}

fn fill(folder: &Path) {
    for name in ["Reports", "Photographs"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for name in ["plan.pdf", "Plan B.pdf", "会議.txt", ".hidden"] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
}

#[test]
fn a_path_is_written_or_found_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let mut harness = asking(0, folder.path().to_owned(), PathUse::Open);
    assert!(harness.query_by_label(".hidden").is_none());
    harness.event(Event::Text("pl".into()));
    harness.run();
    assert!(harness.query_by_label("Reports").is_none() && harness.query_by_label("Plan B.pdf").is_some());
    harness.get_by_label("Plan B.pdf").click();
    harness.run();
    press(&mut harness, "Choose");
    assert_eq!(harness.state().screen.answer, Some(PathAnswer::Path(folder.path().join("Plan B.pdf"))));

    let mut harness = asking(0, folder.path().to_owned(), PathUse::Open);
    harness.get_by_label("Reports").click();
    harness.run();
    harness.event(Event::Text("none".into()));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().screen.answer, None, "there is no such file");
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(harness.state().screen.answer, Some(PathAnswer::Nothing));

    let mut harness = asking(0, folder.path().join("plan.pdf"), PathUse::Save);
    assert!(harness.query_by_label("There is a file with this name. It will be replaced.").is_some());
    write(&mut harness, "Path", "x");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().screen.answer, Some(PathAnswer::Path(folder.path().join("plan.pdfx"))));
}

#[test]
fn looks_of_regions() {
    let mut results = SnapshotResults::new();
    for (index, look) in LOOKS.into_iter().enumerate() {
        for (name, folded) in
            [("picture", Region::Display), ("contacts", Region::Contacts), ("functions", Region::Functions)]
        {
            let mut world = World::new(MainScreen::default(), view(talking()), look.tongue);
            world.preferences.regions.fold.insert(folded);
            let mut main = harness(look, 640.0, world, MainScreen::show);
            results.add(main.try_snapshot(format!("folded-{name}-{}", look.name)));
        }
        for (name, folded) in [("messages", false), ("folded-messages", true)] {
            let mut world = World::new(MainScreen::default(), view(crowd()), look.tongue);
            world.notices = three_messages(look.tongue);
            world.preferences.regions = world.preferences.regions.with_fold(Region::Messages, folded);
            let mut main = harness(look, 640.0, world, MainScreen::show);
            results.add(main.try_snapshot(format!("{name}-{}", look.name)));
        }
        // The path is seen: it must be the same wherever this runs.
        let folder = Path::new("/tmp/komado-paths");
        fill(folder);
        results.add(asking(index, folder.to_owned(), PathUse::Open).try_snapshot(format!("path-{}", look.name)));
    }
    std::fs::remove_dir_all("/tmp/komado-paths").unwrap();
}
