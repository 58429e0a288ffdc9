//! Voice messages in a chat's window: recorded in place of the line, sent or thrown away, and listened to.

use client::{
    app::{Playing, Recording, VoiceNow},
    engine::State,
    ui::{Action, ChatScreen},
};
use egui_kittest::{SnapshotResults, kittest::Queryable};
use relay::vocabulary::{Account, Attachment, Message, Voice};
use std::sync::Arc;

use crate::{
    fixture::{CHAT, LOOKS, ME, NOW, World, crowd, harness, view},
    use_of::{chat_window, press, wanted},
};

/// A chat with a voice message of each side.
fn spoken() -> State {
    let mut state = crowd();
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    let line = |sequence: u64, from: Account, seconds: u64| {
        let wave = (0..200_u32).map(|at| ((at * at * 7 + at * 31) % 200) as u8 + 20).collect();
        let mut line = Message::line(sequence, from, "", NOW - 60_000, format!("k{sequence}"));
        line.files.push(Attachment {
            id: format!("voice-{sequence}"),
            name: "voice.mka".into(),
            media: "audio/x-matroska".into(),
            size: seconds * 4_000,
            picture: None,
            voice: Some(Voice { duration_ms: seconds * 1_000, waveform: wave }),
        });
        line
    };
    chat.store(line(11, Account { id: 2, name: "user2".into() }, 12), ME);
    chat.store(line(12, Account { id: ME, name: "haruka".into() }, 75), ME);
    chat.unread = 0;
    state
}

#[test]
fn a_voice_message_is_recorded_and_sent_or_thrown_away() {
    let mut harness = chat_window(crowd());
    assert!(matches!(press(&mut harness, "Record a voice message")[..], [Action::Record(CHAT)]));
    harness.state_mut().voice.recording = Some(Recording { chat: CHAT, length: 2_300 });
    harness.run();
    assert!(matches!(press(&mut harness, "Send the voice message")[..], [Action::EndRecording(true)]));
    assert!(matches!(press(&mut harness, "Throw the recording away")[..], [Action::EndRecording(false)]));
    harness.key_press(egui::Key::Escape);
    harness.run();
    assert!(matches!(wanted(&mut harness)[..], [Action::EndRecording(false)]));
    // Another chat's recording leaves the field as it is.
    harness.state_mut().voice.recording = Some(Recording { chat: CHAT + 1, length: 2_300 });
    harness.run();
    assert!(harness.query_by_label("Write a message").is_some());
}

#[test]
fn a_voice_message_is_listened_to() {
    let mut harness = chat_window(spoken());
    let actions = press(&mut harness, "Play the voice message, 0:12");
    assert!(matches!(&actions[..], [Action::Hear(file)] if file == "voice-11"), "{actions:?}");
    harness.state_mut().voice.playing = Some(Playing { file: "voice-11".into(), heard: 4_000, pauses: false });
    harness.run();
    let actions = press(&mut harness, "Pause the voice message");
    assert!(matches!(&actions[..], [Action::Hear(file)] if file == "voice-11"), "{actions:?}");
    // A press in the middle of the wave, and the arrows.
    harness.get_by_label("Place in the voice message, 0:04 of 0:12").click();
    harness.run();
    let actions = wanted(&mut harness);
    let [Action::HearFrom(file, from)] = &actions[..] else { panic!("{actions:?}") };
    assert!(file == "voice-11" && (5_500..7_000).contains(from), "{actions:?}");
    harness.get_by_label("Place in the voice message, 0:04 of 0:12").focus();
    harness.run();
    for (key, to) in [(egui::Key::ArrowLeft, 0), (egui::Key::ArrowRight, 9_000)] {
        harness.key_press(key);
        harness.run();
        let actions = wanted(&mut harness);
        assert!(matches!(&actions[..], [Action::HearFrom(_, from)] if *from == to), "{actions:?}");
    }
}

#[test]
fn looks_of_voice_messages() {
    let mut results = SnapshotResults::new();
    for look in LOOKS {
        let mut world = World::new(ChatScreen::new(CHAT), view(spoken()), look.tongue);
        world.level = 0.1;
        world.voice = VoiceNow {
            recording: Some(Recording { chat: CHAT, length: 7_400 }),
            playing: Some(Playing { file: "voice-12".into(), heard: 31_000, pauses: false }),
        };
        let mut harness = harness(look, 420.0, world, ChatScreen::show);
        harness.run();
        results.add(harness.try_snapshot(format!("voice-{}", look.name)));
    }
}
