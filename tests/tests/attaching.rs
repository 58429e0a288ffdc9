//! A file is sent from a window on a desktop that has no dialog for files: its path is written in the window.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desk_stage::DeskStage;

const SOON: Duration = Duration::from_secs(60);

/// From the left and from the bottom of a chat's window: the paperclip, and the line beside it.
const PAPERCLIP: (usize, usize) = (53, 31);
const LINE: (usize, usize) = (200, 31);

#[test]
fn a_file_is_sent_by_its_path_where_there_is_no_dialog() {
    let stage = DeskStage::set().unwrap();
    let desktop = &stage.desktop;
    let bob = stage.headless("bob", "320x180", &["--accept-chats", "--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let plan = stage.place("plan of the house.txt");
    std::fs::write(&plan, "Two rooms and a roof").unwrap();
    let arguments = [stage.person("alice", "320x180"), stage.proof()].concat();
    // Neither a portal nor zenity.
    let _alice = stage.window_with("alice's window", arguments, &[("PATH", "/nowhere")]).unwrap();
    desktop.window("Komado").unwrap();
    let link = ["--home", &stage.place("alice"), "komado://10.99.0.2/chat/bob"].map(str::to_owned);
    stage.window("a link", link).unwrap().wait_success(SOON).unwrap();
    let chat = desktop.window("bob").unwrap();
    desktop.activate(&chat).unwrap();
    let place = desktop.place(&chat).unwrap();
    let at = |(right, up): (usize, usize)| (place.x + right, place.y + place.height - up);
    let ground = || desktop.screenshot().map(|seen| seen.pixel(place.x + 8, place.y + 100));
    let plain = ground().unwrap();
    let (x, y) = at(PAPERCLIP);
    desktop.click(x, y).unwrap();
    // What is behind the question is dimmed.
    desktop.until("the question for a path", |_| Ok(ground()? != plain)).unwrap();
    desktop.key("ctrl+a").unwrap();
    desktop.write(&plan).unwrap();
    desktop.key("Return").unwrap();
    desktop.until("the end of the question", |_| Ok(ground()? == plain)).unwrap();
    let (x, y) = at(LINE);
    desktop.click(x, y).unwrap();
    desktop.write("Look").unwrap();
    desktop.key("Return").unwrap();
    let sent = bob
        .wait_for("the file", SOON, |event| {
            event["event"] == "message" && event["message"]["files"][0]["name"] == "plan of the house.txt"
        })
        .unwrap();
    assert_eq!(
        (sent["message"]["text"].as_str(), sent["message"]["files"][0]["size"].as_u64()),
        (Some("Look"), Some(20))
    );
}
