//! Problems: what went wrong with a command, in the shape of RFC 9457.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $title:literal;)*) => {
        /// Stable codes: programs decide by these, people read `title` and `detail`.
        pub mod code {
            $($(#[doc = $doc])* pub const $name: &str = $word;)*

            /// Every code, with its title and what it means.
            pub const ALL: &[(&str, &str, &str)] = &[$(($name, $title, concat!($($doc),*))),*];
        }
    };
}
codes! {
    /// The command came over plain http outside a sealed link.
    NOT_SECURE = "not_secure", "This needs https or a sealed link";
    /// No session was shown.
    NO_SESSION = "no_session", "Not logged in";
    /// The session is unknown, ended or expired: log in again.
    SESSION_EXPIRED = "session_expired", "The session has ended";
    /// Name or password is wrong.
    WRONG_PASSWORD = "wrong_password", "Name or password is wrong";
    /// The account is locked: its owner must ask an administrator.
    ACCOUNT_LOCKED = "account_locked", "The account is locked";
    /// A one-time code or an invitation is wrong, used up or expired.
    WRONG_CODE = "wrong_code", "The code is wrong, used up or expired";
    /// Nobody may join this server without an invitation.
    INVITATION_NEEDED = "invitation_needed", "An invitation is needed";
    /// Too many attempts: wait.
    TOO_MANY_ATTEMPTS = "too_many_attempts", "Too many attempts";
    /// Known, but not allowed to do this.
    NOT_ALLOWED = "not_allowed", "Not allowed";
    /// No such thing, or none that the caller may know of.
    NOT_FOUND = "not_found", "Not found";
    /// The path exists, the method does not.
    METHOD_NOT_ALLOWED = "method_not_allowed", "Method not allowed";
    /// The request cannot be understood.
    MALFORMED = "malformed", "The request cannot be understood";
    /// The body is of a media type that is not understood here: send JSON.
    UNSUPPORTED_MEDIA = "unsupported_media", "Media type not supported";
    /// The `Idempotency-Key` was used for another request before.
    KEY_REUSED = "key_reused", "The key was used for something else";
    /// The first request with this `Idempotency-Key` is still being worked on.
    STILL_WORKING = "still_working", "Still being worked on";
    /// What was asked for with this `Idempotency-Key` was done, but its answer is not kept: look what is there.
    ANSWER_LOST = "answer_lost", "Done, but the answer is lost";
    /// The request is of a version that is not spoken here.
    UNSUPPORTED_VERSION = "unsupported_version", "Version not supported";
    /// A field is longer than its limit.
    TOO_LONG = "too_long", "Too long";
    /// A field has a value that is not allowed.
    INVALID = "invalid", "Value not allowed";
    /// This command makes sense only inside a link.
    LINK_NEEDED = "link_needed", "This needs a link";
    /// What this command gives is bytes: inside a link, ask for it on the bulk track.
    BULK_NEEDED = "bulk_needed", "This needs the bulk track";
    /// A piece of a file does not begin where the file on the server ends.
    WRONG_OFFSET = "wrong_offset", "Another piece comes next";
    /// The link has ended: open a new one.
    LINK_GONE = "link_gone", "The link has ended";
    /// The caller is in another call.
    IN_A_CALL = "in_a_call", "Already in a call";
    /// The call has moved on: answered elsewhere, over, or never offered.
    CALL_MOVED_ON = "call_moved_on", "The call has moved on";
    /// Without this account nobody could administer the server.
    LAST_ADMINISTRATOR = "last_administrator", "The last administrator";
    /// A picture that cannot be read, or is too large.
    UNUSABLE_PICTURE = "unusable_picture", "The picture cannot be used";
    /// The other person does not want to hear from the caller.
    NOT_REACHABLE = "not_reachable", "This person cannot be reached";
    /// The caller has blocked the other person.
    BLOCKED_BY_YOU = "blocked_by_you", "You have blocked this person";
    /// There are as many of these as there may be.
    TOO_MANY = "too_many", "There are too many already";
    /// The other side of a direct chat does not want it.
    CHAT_DECLINED = "chat_declined", "The chat was declined";
    /// The chat's request is not accepted, or waits for nobody any more.
    NOT_ACCEPTED = "not_accepted", "The request is not accepted";
    /// As many as there may be are there already.
    LIMIT_REACHED = "limit_reached", "As many as there may be";
    /// The name is in use.
    NAME_TAKEN = "name_taken", "The name is in use";
    /// The server's disk is full.
    DISK_FULL = "disk_full", "The server's disk is full";
    /// The server has too much to do: come back after a while.
    OVERLOADED = "overloaded", "The server has too much to do";
    /// The server's database does not answer.
    DATABASE_UNAVAILABLE = "database_unavailable", "The server's database does not answer";
    /// The server could not be reached in time. A client says this itself; no server does.
    OUT_OF_REACH = "out_of_reach", "The server cannot be reached";
    /// A fault of the server's own.
    INTERNAL = "internal", "Internal error";
}

/// A problem. Media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:komado:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's meaning in a few words, the same each time.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// One of [`code`].
    pub code: Cow<'static, str>,
    /// What happened this time and what to do.
    pub detail: String,
    /// How long to wait before trying again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem of a known code.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:komado:problem:{code}"),
            title: Cow::Borrowed(title(code)),
            status,
            code: Cow::Borrowed(code),
            detail: detail.into(),
            retry_after_ms: None,
        }
    }

    /// The same, saying when to try again.
    #[must_use]
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {}): {}", self.title, self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

fn title(code: &str) -> &'static str {
    code::ALL.iter().find(|(known, ..)| *known == code).map_or("Internal error", |(_, title, _)| title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_members_of_rfc_9457() {
        let problem = Problem::new(429, code::TOO_MANY_ATTEMPTS, "Wait 2 s.").retry_after_ms(2000);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["type"], "urn:komado:problem:too_many_attempts");
        assert_eq!(json["status"], 429);
        assert_eq!(json["retry_after_ms"], 2000);
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn every_code_stands_once_and_says_what_it_means() {
        for (at, (word, title, meaning)) in code::ALL.iter().enumerate() {
            assert!(code::ALL[..at].iter().all(|(other, ..)| other != word), "{word} stands twice");
            assert!(!title.is_empty() && meaning.trim().ends_with('.'), "{word}: {title}: {meaning}");
        }
    }
}
