//! Who someone is: accounts with a password, the sessions that a login gives, and the back-off that guards them.

mod accounts;
pub mod authority;
mod backoff;
mod password;
mod sessions;

pub use accounts::{AccountRow, Accounts, AccountsError};
pub use backoff::Backoff;
pub use password::{Hasher, HasherError};
pub use sessions::{Opened, Sessions, Token, TokenError};

/// Number of an account, never given twice.
pub type AccountId = u64;
/// Number of a session.
pub type SessionId = u64;

/// Someone who has shown a valid session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it may create public tracks.
    pub publisher: bool,
    /// The session shown.
    pub session: SessionId,
    /// When the session ends, in Unix milliseconds.
    pub expires_at: u64,
    /// The device that the session was opened for.
    pub device: String,
}

impl Identity {
    /// The account as others see it.
    pub fn member(&self) -> relay::vocabulary::Member {
        relay::vocabulary::Member { id: self.account, name: self.name.clone() }
    }
}
