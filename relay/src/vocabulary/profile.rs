//! Words about what a person says of herself: display name, status text, language, picture.

use super::{Check, Role, VocabularyError, within};
use serde::{Deserialize, Serialize};

/// Longest display name, in bytes.
pub const DISPLAY_NAME_MAX: usize = 128;
/// Longest status text, in bytes.
pub const STATUS_TEXT_MAX: usize = 256;
/// Longest language tag (RFC 5646), in bytes.
pub const LANGUAGE_MAX: usize = 35;
/// Longest picture as it is sent, in bytes.
pub const PICTURE_MAX: usize = 4 << 20;
/// Longest picture sent as JSON through a link, in bytes of the image itself.
pub const PICTURE_LINK_MAX: usize = 80 << 10;
/// Width and height of a picture as it is kept, in pixels.
pub const PICTURE_SIDE: u32 = 256;

/// What others see of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Profile {
    /// The number that never changes.
    pub id: u64,
    /// The name it logs in with.
    pub name: String,
    /// How it wants to be called; empty if it has not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it says about itself for now.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_text: String,
    /// Name of its picture in `GET /v1/pictures/{picture}`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// Answer to `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// What others see.
    #[serde(flatten)]
    pub profile: Profile,
    /// The language it wants to be spoken to in, as a tag of RFC 5646; empty if it has not said.
    pub language: String,
    /// What it may do.
    pub role: Role,
}

/// Body of `PATCH /v1/me`: what is not there stays as it is, what is empty is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeProfile {
    /// How to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What to say about oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    /// Which language to be spoken to in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Check for ChangeProfile {
    fn check(&self) -> Result<(), VocabularyError> {
        line("display_name", DISPLAY_NAME_MAX, self.display_name.as_deref())?;
        line("status_text", STATUS_TEXT_MAX, self.status_text.as_deref())?;
        line("language", LANGUAGE_MAX, self.language.as_deref())?;
        let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !self.language.iter().all(|language| language.chars().all(tag)) {
            let reason = "use a language tag such as en, de-AT or ja";
            return Err(VocabularyError::Invalid { what: "language", reason });
        }
        Ok(())
    }
}

/// One line of at most `limit` bytes without control characters, or nothing.
fn line(what: &'static str, limit: usize, text: Option<&str>) -> Result<(), VocabularyError> {
    let text = text.unwrap_or_default();
    within(what, limit, text.len())?;
    if text.chars().any(char::is_control) {
        return Err(VocabularyError::Invalid { what, reason: "control characters are not allowed" });
    }
    Ok(())
}

/// A picture inside JSON: body of `PUT /v1/me/picture` and answer of `GET /v1/pictures/{picture}` through a link. Over
/// https both are the image itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PictureData {
    /// The image in base64 (RFC 4648, section 4). Sent: PNG, JPEG, WebP or GIF; kept: JPEG.
    pub image: String,
}

impl Check for PictureData {
    fn check(&self) -> Result<(), VocabularyError> {
        within("image", PICTURE_LINK_MAX.div_ceil(3) * 4, self.image.len())
    }
}

/// Answer to `PUT /v1/me/picture`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PictureKept {
    /// Its name from now on.
    pub picture: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_keeps_its_limits() {
        let change = |text: &str| ChangeProfile { display_name: Some(text.into()), ..ChangeProfile::default() };
        assert!(change("").check().is_ok() && change(&"x".repeat(DISPLAY_NAME_MAX)).check().is_ok());
        assert!(change(&"x".repeat(DISPLAY_NAME_MAX + 1)).check().is_err());
        assert!(change("two\nlines").check().is_err());
        let speak = |tag: &str| ChangeProfile { language: Some(tag.into()), ..ChangeProfile::default() };
        assert!(speak("zh-Hant-TW").check().is_ok() && speak("").check().is_ok() && speak("en_US").check().is_err());
    }

    #[test]
    fn others_see_only_what_was_said() {
        let profile = Profile { id: 1, name: "alice".into(), ..Profile::default() };
        assert_eq!(serde_json::to_string(&profile).unwrap(), r#"{"id":1,"name":"alice"}"#);
    }
}
