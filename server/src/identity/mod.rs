//! Who someone is and what it may do: accounts, proofs, sessions, invitations, roles and grants, and the log of it all.

mod accounts;
mod audit;
pub mod authority;
mod backoff;
mod changes;
mod grants;
mod invitations;
mod password;
mod picture;
mod profiles;
mod proof;
mod resets;
mod secret;
mod sessions;
mod token;
mod tokens;

pub use accounts::{Accounts, AccountsError};
pub use audit::{Act, Actor, Audit};
pub use backoff::{Attempt, Backoff};
pub use grants::{GrantError, Grants};
pub use invitations::JoinError;
pub use password::{Hasher, HasherError};
pub use picture::PictureError;
pub use profiles::{ProfileError, Profiles};
pub use proof::{Claim, Passwords, Proof, ProofError, Prover, Proving};
pub use resets::ResetError;
pub use secret::{Code, NoRandomness};
pub use sessions::{Lifetime, Opened, Sessions};
pub use token::{Token, TokenError};
pub use tokens::TokenRefusal;

use relay::vocabulary::Role;

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
    /// What it may do.
    pub role: Role,
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
