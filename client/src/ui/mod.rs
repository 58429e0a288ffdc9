//! The screens of the window: they read the application's view and return what the person wants. Nothing here knows a
//! network, a codec or a native window, and every screen can be drawn by a test.

mod attachment;
pub mod attention;
mod avatar;
mod bubble;
mod call;
mod call_troubles;
mod call_window;
mod chat;
mod chat_head;
mod chat_search;
mod composer;
mod contact_list;
mod contact_row;
mod contacts;
mod controls;
mod dates;
mod device_check;
mod emoji;
mod emoji_picker;
mod fonts;
mod history;
mod icons;
mod keys;
mod line_menu;
mod main;
mod markup;
mod me;
mod members;
mod mention;
mod names;
mod notices;
mod own_picture;
mod path_field;
mod people_picker;
mod pins;
mod preferences;
mod presence;
mod profile;
mod quality;
mod region_stack;
mod regions;
mod requests;
mod sign_in;
mod staged;
mod still;
mod strip;
mod talk_key;
pub mod theme;
mod timeline;
mod title_bar;
mod viewer;
mod voice_message;
mod words;

use std::{collections::HashMap, path::PathBuf};

use relay::vocabulary::ChatId;

pub use call_window::CallScreen;
pub use chat::ChatScreen;
pub use dates::Moment;
pub use device_check::Checked;
pub use fonts::Fonts;
pub use main::MainScreen;
pub use names::direct_chat_with;
pub use notices::{Notice, Notices};
pub use path_field::{PathAnswer, PathField, PathUse};
pub use staged::{Staged, Unfit};
pub use words::{Tongue, Value, Words};

use crate::{
    app::{SignIn, StillKey, Stills, View, VoiceNow},
    engine::Command,
    home::{Draft, Preferences},
};

/// All that a screen is drawn from.
#[derive(Clone)]
pub struct Scene<'a> {
    pub view: &'a View,
    pub words: &'a Words,
    pub preferences: &'a Preferences,
    pub now: Moment<'a>,
    /// Whether the own microphone is closed, and the own camera.
    pub muted: bool,
    pub hidden: bool,
    /// How loud the own microphone is now: its peak, 0 to 1.
    pub level: f32,
    /// What is recorded and listened to now.
    pub voice: &'a VoiceNow,
    /// How the devices do that are being tried out, while that is so.
    pub checked: Option<Checked>,
    pub has_japanese: bool,
    pub notices: &'a Notices,
    /// Still pictures, as far as they have come.
    pub stills: &'a Stills,
    /// Files that were saved, and where.
    pub saved: &'a HashMap<String, PathBuf>,
    /// Whether the window that is drawn is the one with the keyboard.
    pub focused: bool,
    /// Whether the call has a window of its own.
    pub popped_out: bool,
    /// Whether a window that is closed goes on in the desktop's tray, if that is preferred.
    pub tray: bool,
}

impl Scene<'_> {
    fn say(&self, name: &str) -> String {
        self.words.say(name)
    }

    fn me(&self) -> u64 {
        self.view.state.account.as_ref().map_or(0, |account| account.id)
    }
}

/// What a person wants.
#[derive(Debug, Clone)]
pub enum Action {
    /// Something that the engine does.
    Give(Command),
    SignIn(SignIn),
    /// Somebody wants to choose a camera, a microphone or a speaker.
    AskForDeviceNames,
    /// Camera and microphone are to be tried out, or no more.
    CheckDevices(bool),
    /// A sound is to be played through the chosen speaker.
    CheckSound,
    /// Whether the certificate that was shown is right.
    Trust(bool),
    Cancel,
    SignOut,
    /// A chat in a window of its own.
    Show(ChatId),
    /// A chat's window, with a line in sight.
    ShowLine(ChatId, u64),
    /// A chat with someone who may have none yet; and then a call in it.
    Meet {
        name: String,
        then: Then,
    },
    Mute(bool),
    Hide(bool),
    Prefer(Preferences),
    /// A notice was read.
    Dismiss(u64),
    /// Something went wrong on a screen; it is told in these words.
    Complain(String),
    /// A picture is looked at that has not come yet.
    See(StillKey),
    /// A voice message is to be recorded for a chat; what is recorded is to be sent, or thrown away.
    Record(ChatId),
    EndRecording(bool),
    /// A voice message is to be listened to, or to pause.
    Hear(String),
    /// The same from so many milliseconds on.
    HearFrom(String, u64),
    /// Files are to be chosen, for the line that is being written in a chat.
    ChooseFiles(ChatId),
    /// A picture of oneself or of a group is to be chosen.
    ChoosePicture(Portrait),
    /// What is being written in a chat is to be kept.
    Draft(ChatId, Draft),
    /// A file is to be kept: in the folder for what is downloaded, or where the person is asked to say.
    Save {
        file: String,
        name: String,
        ask: bool,
    },
    /// The picture of the other side that is seen now is to be kept as a file.
    KeepPicture,
    /// A file is to be shown in its folder.
    Reveal(PathBuf),
    Native(Native),
    Quit,
}

/// Whose picture is to be another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portrait {
    Own,
    /// A group's, by its chat.
    Chat(ChatId),
}

/// What is to happen once there is a chat with someone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Talk,
    /// A call with the own camera closed.
    Voice,
    Video,
}

/// What a person wants of the native window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    /// It follows the pointer from now on.
    Move,
    Minimise,
    Close,
    /// Full screen, or no more.
    FullScreen(bool),
    /// A call in a window of its own, or back in the main one.
    PopOut(bool),
}

/// Whose picture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Theirs,
    Mine,
}

/// A place that is left open for a picture: it is drawn below everything else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PicturePlace {
    pub whose: Whose,
    /// In points.
    pub area: egui::Rect,
    /// Of its corners, in points.
    pub radius: f32,
    /// Whether the picture fills the place and loses its edges, or is seen whole.
    pub fill: bool,
}

/// What a screen gives back.
#[derive(Debug, Default)]
pub struct Out {
    pub actions: Vec<Action>,
    pub pictures: Vec<PicturePlace>,
}

impl Out {
    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn give(&mut self, command: Command) {
        self.act(Action::Give(command));
    }
}
