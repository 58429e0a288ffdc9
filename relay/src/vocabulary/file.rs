//! Words of files: sending one in pieces, what is known of it, and how it hangs on a line.

use super::{Check, VocabularyError, label};
use serde::{Deserialize, Serialize};

/// Longest name of a file, in bytes.
pub const FILE_NAME_MAX: usize = 255;
/// Longest media type, in bytes.
pub const MEDIA_TYPE_MAX: usize = 127;
/// Longest number of a file, in bytes.
pub const FILE_ID_MAX: usize = 32;
/// Most bytes of one piece of a file.
pub const PIECE_MAX: usize = 512 * 1024;
/// Most values of a voice message's waveform.
pub const WAVEFORM_MAX: usize = 128;

/// Body of `POST /v1/files`: announces a file, whose bytes follow by `PUT /v1/files/{id}?at=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SendFile {
    /// Its name, without folders.
    pub name: String,
    /// Its media type, e.g. `image/png`.
    pub media: String,
    /// Its length in bytes.
    pub size: u64,
    /// The sender's own name for it: announced again, it is the same file, with what has come of it.
    pub key: String,
    /// Set for a voice message: Opus in an Ogg or Matroska file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
}

impl Check for SendFile {
    fn check(&self) -> Result<(), VocabularyError> {
        label("name", FILE_NAME_MAX, &self.name)?;
        if self.name.contains(['/', '\\']) || self.name.chars().all(|c| c == '.') {
            return Err(VocabularyError::Invalid { what: "name", reason: "a file's name without any folder" });
        }
        label("media", MEDIA_TYPE_MAX, &self.media)?;
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        if !self.media.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
            return Err(VocabularyError::Invalid { what: "media", reason: "a media type such as image/png" });
        }
        if self.size == 0 {
            return Err(VocabularyError::Invalid { what: "size", reason: "an empty file cannot be sent" });
        }
        label("key", super::KEY_MAX, &self.key)?;
        self.voice.as_ref().map_or(Ok(()), Voice::check)
    }
}

/// What is shown of a voice message before it is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Voice {
    /// How long it is, in milliseconds.
    pub duration_ms: u64,
    /// How loud it is, from 0 to 255, in equal steps of time; at most [`WAVEFORM_MAX`] values.
    pub waveform: Vec<u8>,
}

impl Voice {
    fn check(&self) -> Result<(), VocabularyError> {
        if self.waveform.len() > WAVEFORM_MAX || self.duration_ms == 0 || self.duration_ms > 3_600_000 {
            let reason = "1 ms to an hour, with at most 128 values of loudness";
            return Err(VocabularyError::Invalid { what: "voice", reason });
        }
        Ok(())
    }
}

/// What has come of a file: answer to `POST /v1/files`, `PUT` and `GET /v1/files/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileProgress {
    /// Its number, to be named in a message.
    pub id: String,
    /// Bytes that are on the server's disk: the next piece begins there.
    pub received: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Whether all of it is there and it can be named in a message.
    pub complete: bool,
    /// Most bytes of one piece.
    pub piece_max: usize,
}

/// A file that hangs on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    /// Its number: `GET /v1/files/{id}/content`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type, as the sender said.
    pub media: String,
    /// Its length in bytes.
    pub size: u64,
    /// Width and height in pixels, if it is a picture that the server could read; `GET /v1/files/{id}/thumbnail` is
    /// there then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<(u32, u32)>,
    /// Set for a voice message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, media: &str, size: u64) -> SendFile {
        SendFile { name: name.into(), media: media.into(), size, key: "k".into(), voice: None }
    }

    #[test]
    fn names_and_media_types_are_plain() {
        assert!(file("報告.pdf", "application/pdf", 1).check().is_ok());
        assert!(file(&"x".repeat(FILE_NAME_MAX), "text/plain", u64::MAX).check().is_ok());
        for (name, media, size) in [
            ("", "text/plain", 1),
            ("..", "text/plain", 1),
            ("a/b", "text/plain", 1),
            ("a\\b", "text/plain", 1),
            ("a\nb", "text/plain", 1),
            ("a", "text", 1),
            ("a", "text/", 1),
            ("a", "text/plain; charset=x", 1),
            ("a", "text/plain", 0),
        ] {
            assert!(file(name, media, size).check().is_err(), "{name:?} {media:?} {size}");
        }
        assert!(file(&"x".repeat(FILE_NAME_MAX + 1), "text/plain", 1).check().is_err());
    }

    #[test]
    fn a_voice_message_keeps_its_limits() {
        let voice = |duration_ms, values| SendFile {
            voice: Some(Voice { duration_ms, waveform: vec![1; values] }),
            ..file("v.ogg", "audio/ogg", 9)
        };
        assert!(voice(1, WAVEFORM_MAX).check().is_ok() && voice(3_600_000, 0).check().is_ok());
        assert!(voice(0, 1).check().is_err() && voice(3_600_001, 1).check().is_err());
        assert!(voice(1, WAVEFORM_MAX + 1).check().is_err());
    }
}
