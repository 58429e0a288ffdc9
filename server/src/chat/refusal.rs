//! Why something in a chat was not done.

use super::rights::{self, Act};
use crate::contact;
use crate::database::DatabaseError;
use relay::vocabulary::{ChatKind, GROUP_MAX, REACTIONS_MAX};

/// Why something in a chat was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatRefusal {
    /// No such chat, or none of the caller's.
    #[error("there is no such chat of yours")]
    Unknown,
    /// The caller's role does not allow it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The other side of a direct chat has declined it.
    #[error("the other side has declined this chat: it opens again when they write to you")]
    Declined,
    /// The other side of a direct chat has no account any more.
    #[error("nobody would read it: {0} has no account on this server any more")]
    Gone(String),
    /// The other side of a direct chat has blocked the caller, or is blocked.
    #[error(transparent)]
    Contact(contact::Refusal),
    /// The caller has not accepted the request yet.
    #[error("accept this chat's request first")]
    NotAccepted,
    /// Nobody asked the caller, or not any more.
    #[error("there is no request for this chat that waits for you")]
    NoRequest,
    /// More people than a chat may have.
    #[error("a chat has at most {GROUP_MAX} people: open another one, or remove some first")]
    Full,
    /// No such account.
    #[error("there is no account {0:?} on this server")]
    NoAccount(String),
    /// The person is not in the chat.
    #[error("this person is not in the chat")]
    NotIn,
    /// The caller alone.
    #[error("a chat needs somebody else: name another account")]
    Alone,
    /// No such line, or one of which nothing is left.
    #[error("there is no line {0} in this chat that could be answered or changed: it may have been deleted")]
    NoLine(u64),
    /// Too many different reactions.
    #[error("a line has at most {REACTIONS_MAX} different reactions: use one of those that are there")]
    TooManyReactions,
    /// Too many pins.
    #[error("a chat has at most {0} pinned lines: take another pin away first")]
    TooManyPins(u32),
    /// A file that is not there, not complete or not the sender's.
    #[error("there is no file {0:?} of yours that is complete: send it to /v1/files first")]
    NoFile(String),
    /// The picture is none.
    #[error("the file {0:?} is no picture that the server can read: use a PNG, JPEG, WebP or GIF")]
    NoPicture(String),
    /// A time that is past or too far ahead.
    #[error("send_at must be between now and 366 days ahead, in Unix milliseconds")]
    SendAt,
    /// Too many lines wait to be sent.
    #[error("at most {0} lines of yours, with {1} characters in all, can wait to be sent later: take one back first")]
    TooManyScheduled(u32, u64),
    /// No such line waits to be sent.
    #[error("no such line of yours waits to be sent: it may have been sent already")]
    NotScheduled,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<contact::Refusal> for ChatRefusal {
    fn from(refusal: contact::Refusal) -> Self {
        match refusal {
            contact::Refusal::Database(error) => Self::Database(error),
            other => Self::Contact(other),
        }
    }
}

impl ChatRefusal {
    /// Refuses what someone may not do in a chat of this kind.
    pub(super) fn not_allowed(kind: ChatKind, act: Act) -> Self {
        Self::NotAllowed(rights::refusal(kind, act))
    }
}
