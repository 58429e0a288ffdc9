//! Words about who someone is: login, resume and the session they give.

use super::{Check, VocabularyError, label, within};
use serde::{Deserialize, Serialize};

/// Longest name of an account, in bytes.
pub const NAME_MAX: usize = 64;
/// Longest password, in bytes.
pub const PASSWORD_MAX: usize = 1024;
/// Longest name of a device, in bytes.
pub const DEVICE_MAX: usize = 64;
/// Longest session token, in bytes.
pub const SESSION_MAX: usize = 128;

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    /// The number that never changes.
    pub id: u64,
    /// The name it logs in with.
    pub name: String,
}

/// Body of `POST /v1/login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Login {
    /// Name of the account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// What the person calls this machine: "desk", "laptop". Calls are taken by a device.
    pub device: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("device", &self.device).finish_non_exhaustive()
    }
}

impl Check for Login {
    fn check(&self) -> Result<(), VocabularyError> {
        label("user", NAME_MAX, &self.user)?;
        within("password", PASSWORD_MAX, self.password.len())?;
        label("device", DEVICE_MAX, &self.device)
    }
}

/// Body of `POST /v1/session`: shows a session that was opened before, and so authenticates the link it comes by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resume {
    /// The token from [`SessionOpened::session`].
    pub session: String,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume").finish_non_exhaustive()
    }
}

impl Check for Resume {
    fn check(&self) -> Result<(), VocabularyError> {
        label("session", SESSION_MAX, &self.session)
    }
}

/// Answer to login and resume.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionOpened {
    /// The token to show from now on. Whoever holds it is this account: keep it like a password.
    pub session: String,
    /// Whose session it is.
    pub account: Account,
    /// When it ends, in Unix milliseconds.
    pub expires_at: u64,
}

impl std::fmt::Debug for SessionOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionOpened")
            .field("account", &self.account)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, password: &str, device: &str) -> Login {
        Login { user: user.into(), password: password.into(), device: device.into() }
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let at = |n: usize| "x".repeat(n);
        assert!(login(&at(NAME_MAX), &at(PASSWORD_MAX), &at(DEVICE_MAX)).check().is_ok());
        assert!(login(&at(NAME_MAX + 1), "p", "d").check().is_err());
        assert!(login("u", &at(PASSWORD_MAX + 1), "d").check().is_err());
        assert!(login("u", "p", &at(DEVICE_MAX + 1)).check().is_err());
        assert!(login("", "p", "d").check().is_err());
        assert!(login("u\n", "p", "d").check().is_err());
    }

    #[test]
    fn secrets_never_reach_a_log() {
        let shown = format!("{:?}", login("alice", "hunter2", "desk"));
        assert!(shown.contains("alice") && !shown.contains("hunter2"));
        assert!(!format!("{:?}", Resume { session: "abc123".into() }).contains("abc123"));
    }
}
