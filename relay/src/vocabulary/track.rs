//! Words about tracks: reading one down a link, creating one, the pair that a participant of a call writes.

use super::{Check, VocabularyError, label};
use serde::{Deserialize, Serialize};

/// Longest name of a public track, in bytes.
pub const TRACK_NAME_MAX: usize = 64;

/// Body of `PUT /v1/cursors/{track}`: where to begin reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadFrom {
    /// The last sequence the reader already has; without it a chat is read from its next message, media from the newest
    /// keyframe. 0 reads a chat from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

impl Check for ReadFrom {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

/// Body of `POST /v1/tracks`, for publishers only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateTrack {
    /// Its name in `GET /v1/public/{name}`: ASCII letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Whether anyone may read it without an account. Tracks that are not public are not made this way yet.
    pub public: bool,
}

impl Check for CreateTrack {
    fn check(&self) -> Result<(), VocabularyError> {
        label("name", TRACK_NAME_MAX, &self.name)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !self.name.chars().all(plain) || self.name.starts_with('.') {
            return Err(VocabularyError::Invalid {
                what: "name",
                reason: "use ASCII letters, digits, '-', '_' and '.', and do not begin with '.'",
            });
        }
        Ok(())
    }
}

/// Answer to `POST /v1/tracks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackCreated {
    /// The track to write frames to.
    pub track: u64,
    /// Its public name.
    pub name: String,
}

/// What one participant of a call writes and the others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MediaTracks {
    /// The microphone.
    pub audio: u64,
    /// The camera.
    pub video: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_public_tracks_are_safe_in_a_url() {
        let name = |name: &str| CreateTrack { name: name.into(), public: true }.check().is_ok();
        assert!(name("lobby-1_a.b"));
        assert!(name(&"x".repeat(TRACK_NAME_MAX)));
        for bad in ["", ".", "..", "a/b", "a b", "ü", "a?b", &"x".repeat(TRACK_NAME_MAX + 1)] {
            assert!(!name(bad), "{bad}");
        }
    }
}
