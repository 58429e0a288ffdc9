//! The words both ends use: the JSON bodies of commands, their responses, events and problems.
//!
//! Every envelope carries the version `"v": 1`. A reader refuses any other version with
//! [`VocabularyError::Version`], ignores fields that it does not know, and turns an event that it does not know into
//! [`Event::Unknown`]: so both ends can be renewed one after the other. All times are Unix milliseconds, all spans are
//! milliseconds, all lengths are bytes of UTF-8.

mod account;
mod administration;
mod call;
mod chat;
mod connection;
mod contact;
mod device;
mod envelope;
mod event;
mod file;
mod joining;
pub mod markup;
mod message;
mod presence;
mod problem;
mod profile;
mod rights;
mod signal;
mod token;
mod track;

pub use account::{Account, DEVICE_MAX, Login, NAME_MAX, PASSWORD_MAX, Resume, SESSION_MAX, SessionOpened};
pub use administration::{AccountEntries, AccountEntry, AuditEntry, AuditPage, ChangeAccount, MakeAccount, PAGE_MAX};
pub use call::{Call, CallId, CallPhase, EndReason, Participant, Presence, StartCall};
pub use chat::{
    AskIn, CHAT_NAME_MAX, CHATS_MAX, ChangeChat, Chat, ChatId, ChatKind, ChatMember, ChatMembers, ChatRequest,
    ChatRole, Chats, ClosedReason, GROUP_MAX, MEMBERS_SHOWN, Member, OpenChat, RETENTION_MS, SetRole, Standing,
    UNREAD_MAX, With,
};
pub use connection::{CONNECTIONS_MAX, Carriage, Connection, Connections, ProxyHint};
pub use contact::{
    AskContact, Blocks, CONTACTS_MAX, CONTACTS_PAGE_MAX, Contact, ContactRequest, ContactRequests, Contacts, Directory,
    GROUP_NAME_MAX, GROUPS_MAX, REQUEST_TEXT_MAX, RenameGroup, RequestOutcome, SetGroups,
};
pub use device::{DeviceSession, DeviceSessions, OpenSession};
pub use envelope::{BULK_BYTES_MAX, BULK_ENVELOPE_MAX, Bulk, Envelope, REQUEST_MAX, RESPONSE_MAX, Request, Response};
pub use event::{EVENT_MAX, Event};
pub use file::{
    Attachment, FILE_ID_MAX, FILE_NAME_MAX, FileProgress, MEDIA_TYPE_MAX, PIECE_MAX, SendFile, Voice, WAVEFORM_MAX,
};
pub use joining::{
    CODE_MAX, ChangePassword, INVITATION_HOURS_MAX, Invitation, InvitationLink, InvitationLinkError, Invitations,
    Invite, Invited, Join, Leave, NOTE_MAX, Reset, ResetCode,
};
pub use message::{
    AllScheduled, Change, EMOJI_MAX, Erased, FILES_MAX, Found, HISTORY_MAX, HITS_MAX, History, Hit, KEY_MAX,
    MENTIONS_MAX, Message, MessageAccepted, Notice, REACTIONS_MAX, Reaction, SEARCH_MAX, SEND_LATER_MAX, Scheduled,
    SendMessage, TEXT_MAX,
};
pub use presence::{Availability, OwnPresence, PresenceInfo, SetPresence, Wish};
pub use problem::{Problem, code};
pub use profile::{
    ChangeProfile, DISPLAY_NAME_MAX, LANGUAGE_MAX, Me, PICTURE_LINK_MAX, PICTURE_MAX, PICTURE_SIDE, PictureData,
    PictureKept, Profile, STATUS_TEXT_MAX,
};
pub use rights::{Grant, Grants, Right, Role, THING_ID_MAX, Thing, Ungrant, UnknownWord};
pub use signal::{AllMarks, Marks, SetMarks, SetTyping, Signal, TYPING_AGAIN_MS};
pub use token::{ApiToken, ApiTokens, MakeToken, TOKENS_MAX, TokenMade};
pub use track::{CreateTrack, MediaTracks, ReadFrom, TRACK_NAME_MAX, TrackCreated};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version of the vocabulary that this crate speaks.
pub const VERSION: u32 = 1;

/// Why words could not be written or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// The far end speaks another version.
    #[error("this message is of version {found}, only version {VERSION} is understood: update the older of both ends")]
    Version {
        /// The version that was found.
        found: u64,
    },
    /// No version stands in the envelope.
    #[error("this message carries no version: every message needs \"v\": {VERSION}")]
    NoVersion,
    /// Not JSON, or JSON of another shape.
    #[error("this {what} cannot be understood: {reason}")]
    Malformed {
        /// What it was meant to be.
        what: &'static str,
        /// What the parser said, with line and column.
        reason: String,
    },
    /// Longer than its limit.
    #[error("{what} is {actual} bytes long, the limit is {limit}")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// The length found, in bytes.
        actual: usize,
    },
    /// A field with a value that is not allowed.
    #[error("{what} is not valid: {reason}")]
    Invalid {
        /// The field.
        what: &'static str,
        /// What would be valid.
        reason: &'static str,
    },
}

/// The body of a command: knows its own limits.
pub trait Check {
    /// Says whether every field keeps its limits.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] or [`VocabularyError::Invalid`] with the name of the first field that does not.
    fn check(&self) -> Result<(), VocabularyError>;
}

/// Reads a command's body from a JSON value and checks its limits.
///
/// # Errors
/// [`VocabularyError::Malformed`] for another shape, else what [`Check::check`] says.
pub fn body<T: DeserializeOwned + Check>(value: serde_json::Value) -> Result<T, VocabularyError> {
    let body: T = serde_json::from_value(value)
        .map_err(|error| VocabularyError::Malformed { what: "body", reason: error.to_string() })?;
    body.check()?;
    Ok(body)
}

#[derive(Deserialize)]
struct Version {
    v: Option<u64>,
}

/// Writes `value` as JSON with the version in front.
fn encode<T: Serialize>(what: &'static str, limit: usize, value: &T) -> Result<Vec<u8>, VocabularyError> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        v: u32,
        #[serde(flatten)]
        value: &'a T,
    }
    let bytes = serde_json::to_vec(&Versioned { v: VERSION, value })
        .map_err(|error| VocabularyError::Malformed { what, reason: error.to_string() })?;
    within(what, limit, bytes.len())?;
    Ok(bytes)
}

/// Reads versioned JSON: first its length, then its version, then its shape.
fn parse<T: DeserializeOwned>(what: &'static str, limit: usize, bytes: &[u8]) -> Result<T, VocabularyError> {
    within(what, limit, bytes.len())?;
    let malformed = |error: serde_json::Error| VocabularyError::Malformed { what, reason: error.to_string() };
    match serde_json::from_slice::<Version>(bytes).map_err(malformed)?.v {
        Some(v) if v == u64::from(VERSION) => serde_json::from_slice(bytes).map_err(malformed),
        Some(found) => Err(VocabularyError::Version { found }),
        None => Err(VocabularyError::NoVersion),
    }
}

fn within(what: &'static str, limit: usize, actual: usize) -> Result<(), VocabularyError> {
    if actual > limit { Err(VocabularyError::TooLong { what, limit, actual }) } else { Ok(()) }
}

/// A text of 1 to `limit` bytes without control characters: names, keys, devices.
fn label(what: &'static str, limit: usize, text: &str) -> Result<(), VocabularyError> {
    within(what, limit, text.len())?;
    if text.is_empty() {
        return Err(VocabularyError::Invalid { what, reason: "it must not be empty" });
    }
    if text.chars().any(char::is_control) {
        return Err(VocabularyError::Invalid { what, reason: "control characters are not allowed" });
    }
    Ok(())
}

/// A line of at most `limit` bytes without control characters, perhaps an empty one.
fn line(what: &'static str, limit: usize, text: &str) -> Result<(), VocabularyError> {
    if text.is_empty() { Ok(()) } else { label(what, limit, text) }
}
