//! The PostgreSQL engine: where it is, how it is reached, and what a session with it keeps in mind.

mod backup;
mod connecting;
mod failure;
mod session;
#[cfg(test)]
mod tests;
mod url;

pub(super) use backup::back_up;
pub(super) use connecting::{Purpose, connect};
pub(super) use session::Session;
pub use url::{PostgresUrl, UnreadUrl, UrlError};

/// The class of our advisory locks, "KOMA".
const LOCKS: i32 = 0x4b4f_4d41;
/// Held by the one server that works on a database.
const LOCK_SERVER: i32 = 1;
/// Held by whoever writes, for one transaction.
const LOCK_WRITER: i32 = 2;
