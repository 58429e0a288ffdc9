//! What no signature tells of a route: what it does in a sentence or two, its statuses, and the refusals of its own.

mod chats;
mod people;
mod program;

use relay::vocabulary::code;

/// The words about one route. What is said first is its summary, up to the first full stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) says: &'static str,
    /// Statuses of answers that are no refusals.
    pub(super) gives: &'static [u16],
    /// Refusals of its own: those that many routes have are added by what the route is.
    pub(super) refuses: &'static [(u16, &'static str)],
}

const fn words(
    method: &'static str,
    path: &'static str,
    says: &'static str,
    gives: &'static [u16],
    refuses: &'static [(u16, &'static str)],
) -> Words {
    Words { method, path, says, gives, refuses }
}

/// The words about every route, in the order in which they are read.
pub(super) fn all() -> impl Iterator<Item = &'static Words> {
    people::WORDS.iter().chain(chats::WORDS).chain(program::WORDS)
}

/// What everything can meet that works with the database.
pub(super) const ALWAYS: &[(u16, &str)] =
    &[(500, code::INTERNAL), (503, code::OVERLOADED), (503, code::DATABASE_UNAVAILABLE)];
/// What a route can meet that needs a session.
pub(super) const RIGHTS: &[(u16, &str)] =
    &[(401, code::NO_SESSION), (401, code::SESSION_EXPIRED), (403, code::NOT_ALLOWED)];
/// What a JSON body can meet.
pub(super) const BODY: &[(u16, &str)] = &[
    (400, code::MALFORMED),
    (408, code::MALFORMED),
    (413, code::TOO_LONG),
    (415, code::UNSUPPORTED_MEDIA),
    (422, code::INVALID),
];
/// What a command with an `Idempotency-Key` can meet.
pub(super) const REPEATED: &[(u16, &str)] = &[
    (409, code::STILL_WORKING),
    (409, code::ANSWER_LOST),
    (413, code::TOO_LONG),
    (422, code::KEY_REUSED),
    (422, code::INVALID),
];
