//! What a person prefers of the window, in `window.toml`: written by the window, readable and editable by hand.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{QuietHours, Regions};
use crate::device::DeviceChoice;

/// How the window speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// As the system says.
    #[default]
    System,
    English,
    Japanese,
}

/// How the window looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    Light,
    Dark,
}

/// Where the window sits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dock {
    /// Wherever it was put.
    #[default]
    Free,
    /// At the left edge of its monitor, over its full height.
    Left,
    /// At the right edge.
    Right,
    /// A strip of faces at the right edge.
    Strip,
}

/// When the desktop tells of what nobody looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notifications {
    #[default]
    Always,
    OutsideQuietHours,
    Never,
}

/// How the lines of a chat stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChatStyle {
    /// Each in a bubble, one's own at the right.
    #[default]
    Bubbles,
    /// One below the other at the left, as close as can be.
    Lines,
}

/// When the own microphone is open in a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaking {
    /// Always, unless it is closed by hand.
    #[default]
    Open,
    /// While a key is held.
    PushToTalk,
}

/// How large everything is, in per cent of the usual size: 80 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct TextSize(u16);

impl TextSize {
    /// Those that can be chosen.
    pub const STEPS: [u16; 5] = [80, 100, 125, 150, 200];

    pub fn percent(self) -> u16 {
        self.0
    }

    /// As a factor.
    pub fn factor(self) -> f32 {
        f32::from(self.0) / 100.0
    }
}

impl Default for TextSize {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u16> for TextSize {
    type Error = &'static str;

    fn try_from(percent: u16) -> Result<Self, Self::Error> {
        (80..=200).contains(&percent).then_some(Self(percent)).ok_or("text-size is 80 to 200, in per cent")
    }
}

/// A place on the desktop, in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

/// All preferences. Each that is absent from the file has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Preferences {
    pub language: Language,
    pub theme: Theme,
    pub dock: Dock,
    pub chat_style: ChatStyle,
    pub text_size: TextSize,
    pub always_on_top: bool,
    /// Whether it starts with the session.
    pub starts_with_session: bool,
    /// Whether the window, when it is closed, goes into the tray, where there is one.
    pub close_to_tray: bool,
    /// Whether that has been told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_of_tray: bool,
    pub notifications: Notifications,
    pub quiet_hours: QuietHours,
    /// Whether a line that is notified of is heard as well.
    pub sounds: bool,
    /// Emoji that were used lately, the last one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_emoji: Vec<String>,
    #[serde(alias = "sound")]
    pub devices: DeviceChoice,
    pub speaking: Speaking,
    /// The name of the key that is held to talk, such as "Space" or "F8".
    pub talk_key: String,
    pub regions: Regions,
    /// Where the free window was last, for each monitor by its name.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub places: std::collections::BTreeMap<String, Place>,
    /// The monitor it was on last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            language: Language::default(),
            theme: Theme::default(),
            dock: Dock::default(),
            chat_style: ChatStyle::default(),
            text_size: TextSize::default(),
            always_on_top: false,
            starts_with_session: false,
            close_to_tray: true,
            told_of_tray: false,
            notifications: Notifications::default(),
            quiet_hours: QuietHours::default(),
            sounds: true,
            recent_emoji: Vec::new(),
            devices: DeviceChoice::default(),
            speaking: Speaking::default(),
            talk_key: "Space".to_owned(),
            regions: Regions::default(),
            places: std::collections::BTreeMap::new(),
            monitor: None,
        }
    }
}

#[derive(Debug, Error)]
pub enum PreferencesError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("cannot write {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("{path} cannot be understood, and defaults are used: {error}")]
    Malformed { path: String, error: toml::de::Error },
    #[error("the preferences cannot be written as TOML: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

impl Preferences {
    /// The file in the client's folder.
    pub fn file(home: &Path) -> PathBuf {
        home.join("window.toml")
    }

    /// Reads the file; an absent one prefers nothing.
    pub fn read(path: &Path) -> Result<Self, PreferencesError> {
        let shown = || path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(PreferencesError::Read { path: shown(), error }),
        };
        toml::from_str(&text).map_err(|error| PreferencesError::Malformed { path: shown(), error })
    }

    pub fn write(&self, path: &Path) -> Result<(), PreferencesError> {
        let text = format!("{HEAD}{}", toml::to_string(self)?);
        super::write_whole(path, &text, false)
            .map_err(|error| PreferencesError::Write { path: path.display().to_string(), error })
    }
}

const HEAD: &str = "# Komado's window: language = system, english or japanese; theme = system, light or dark;
# dock = free, left, right or strip; chat-style = bubbles or lines; text-size = 80 to 200 (per cent);
# notifications = always, outside-quiet-hours or never; close-to-tray = true or false; speaking = open or push-to-talk, and
# talk-key is the name of a key; in [devices], camera, microphone and speaker are names, empty for the system's choice;
# in [regions], fold names the regions that are folded: display, functions, contacts, messages; heights are in points.
# Written anew when something is changed in the window.
";

#[cfg(test)]
mod tests {
    use super::{super::Region, *};

    #[test]
    fn what_is_written_is_read_again_and_a_part_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = Preferences::file(&folder.path().join("deep"));
        assert_eq!(Preferences::read(&path).unwrap(), Preferences::default());
        let mut some = Preferences { language: Language::Japanese, dock: Dock::Left, ..Preferences::default() };
        some.devices.microphone = "Headset".into();
        some.regions = Regions { heights: [(Region::Messages, 90)].into(), ..Regions::default() };
        some.regions.fold.extend([Region::Functions, Region::Display]);
        some.places.insert("DP-1".into(), Place { x: -5, y: 0, width: 360, height: 900 });
        some.write(&path).unwrap();
        assert_eq!(Preferences::read(&path).unwrap(), some);
        std::fs::write(&path, "theme = \"dark\"\n").unwrap();
        assert_eq!(Preferences::read(&path).unwrap().theme, Theme::Dark);
        std::fs::write(&path, "text-size = 150\nchat-style = \"lines\"\n").unwrap();
        let read = Preferences::read(&path).unwrap();
        assert_eq!((read.text_size.factor(), read.chat_style), (1.5, ChatStyle::Lines));
        std::fs::write(&path, "text-size = 300\n").unwrap();
        assert!(Preferences::read(&path).unwrap_err().to_string().contains("80 to 200"));
        std::fs::write(&path, "theme = \"pink\"\n").unwrap();
        assert!(matches!(Preferences::read(&path), Err(PreferencesError::Malformed { .. })));
    }
}
