//! Problems: what went wrong with a command, in the shape of RFC 9457.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Stable codes: programs decide by these, people read `title` and `detail`.
pub mod code {
    /// The command came over plain http outside a sealed link.
    pub const NOT_SECURE: &str = "not_secure";
    /// No session was shown.
    pub const NO_SESSION: &str = "no_session";
    /// The session is unknown, ended or expired: log in again.
    pub const SESSION_EXPIRED: &str = "session_expired";
    /// Name or password is wrong.
    pub const WRONG_PASSWORD: &str = "wrong_password";
    /// The account is locked: its owner must ask an administrator.
    pub const ACCOUNT_LOCKED: &str = "account_locked";
    /// A one-time code or an invitation is wrong, used up or expired.
    pub const WRONG_CODE: &str = "wrong_code";
    /// Nobody may join this server without an invitation.
    pub const INVITATION_NEEDED: &str = "invitation_needed";
    /// Too many attempts: wait.
    pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
    /// Known, but not allowed to do this.
    pub const NOT_ALLOWED: &str = "not_allowed";
    /// No such thing, or none that the caller may know of.
    pub const NOT_FOUND: &str = "not_found";
    /// The path exists, the method does not.
    pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";
    /// The request cannot be understood.
    pub const MALFORMED: &str = "malformed";
    /// The request is of a version that is not spoken here.
    pub const UNSUPPORTED_VERSION: &str = "unsupported_version";
    /// A field is longer than its limit.
    pub const TOO_LONG: &str = "too_long";
    /// A field has a value that is not allowed.
    pub const INVALID: &str = "invalid";
    /// This command makes sense only inside a link.
    pub const LINK_NEEDED: &str = "link_needed";
    /// What this command gives is bytes: inside a link, ask for it on the bulk track.
    pub const BULK_NEEDED: &str = "bulk_needed";
    /// A piece of a file does not begin where the file on the server ends.
    pub const WRONG_OFFSET: &str = "wrong_offset";
    /// The link has ended: open a new one.
    pub const LINK_GONE: &str = "link_gone";
    /// The caller is in another call.
    pub const IN_A_CALL: &str = "in_a_call";
    /// The call has moved on: answered elsewhere, over, or never offered.
    pub const CALL_MOVED_ON: &str = "call_moved_on";
    /// Without this account nobody could administer the server.
    pub const LAST_ADMINISTRATOR: &str = "last_administrator";
    /// A picture that cannot be read, or is too large.
    pub const UNUSABLE_PICTURE: &str = "unusable_picture";
    /// The other person does not want to hear from the caller.
    pub const NOT_REACHABLE: &str = "not_reachable";
    /// The caller has blocked the other person.
    pub const BLOCKED_BY_YOU: &str = "blocked_by_you";
    /// There are as many of these as there may be.
    pub const TOO_MANY: &str = "too_many";
    /// The other side of a direct chat does not want it.
    pub const CHAT_DECLINED: &str = "chat_declined";
    /// The chat's request is not accepted, or waits for nobody any more.
    pub const NOT_ACCEPTED: &str = "not_accepted";
    /// As many as there may be are there already.
    pub const LIMIT_REACHED: &str = "limit_reached";
    /// The name is in use.
    pub const NAME_TAKEN: &str = "name_taken";
    /// The server's disk is full.
    pub const DISK_FULL: &str = "disk_full";
    /// The server has too much to do: come back after a while.
    pub const OVERLOADED: &str = "overloaded";
    /// The server's database does not answer.
    pub const DATABASE_UNAVAILABLE: &str = "database_unavailable";
    /// A fault of the server's own.
    pub const INTERNAL: &str = "internal";
}

/// A problem. Media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    match code {
        code::NOT_SECURE => "This needs https or a sealed link",
        code::NO_SESSION => "Not logged in",
        code::SESSION_EXPIRED => "The session has ended",
        code::WRONG_PASSWORD => "Name or password is wrong",
        code::ACCOUNT_LOCKED => "The account is locked",
        code::WRONG_CODE => "The code is wrong, used up or expired",
        code::INVITATION_NEEDED => "An invitation is needed",
        code::LAST_ADMINISTRATOR => "The last administrator",
        code::UNUSABLE_PICTURE => "The picture cannot be used",
        code::TOO_MANY_ATTEMPTS => "Too many attempts",
        code::NOT_ALLOWED => "Not allowed",
        code::NOT_FOUND => "Not found",
        code::METHOD_NOT_ALLOWED => "Method not allowed",
        code::MALFORMED => "The request cannot be understood",
        code::UNSUPPORTED_VERSION => "Version not supported",
        code::TOO_LONG => "Too long",
        code::INVALID => "Value not allowed",
        code::LINK_NEEDED => "This needs a link",
        code::BULK_NEEDED => "This needs the bulk track",
        code::WRONG_OFFSET => "Another piece comes next",
        code::LINK_GONE => "The link has ended",
        code::IN_A_CALL => "Already in a call",
        code::CALL_MOVED_ON => "The call has moved on",
        code::TOO_MANY => "There are too many already",
        code::NOT_REACHABLE => "This person cannot be reached",
        code::BLOCKED_BY_YOU => "You have blocked this person",
        code::CHAT_DECLINED => "The chat was declined",
        code::NOT_ACCEPTED => "The request is not accepted",
        code::LIMIT_REACHED => "As many as there may be",
        code::NAME_TAKEN => "The name is in use",
        code::DISK_FULL => "The server's disk is full",
        code::OVERLOADED => "The server has too much to do",
        code::DATABASE_UNAVAILABLE => "The server's database does not answer",
        _ => "Internal error",
    }
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
}
