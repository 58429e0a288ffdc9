//! Words of administrators: accounts as they see them, and the log of what was done.

use super::{Account, Check, NAME_MAX, PASSWORD_MAX, Role, VocabularyError, label, within};
use serde::{Deserialize, Serialize};

/// Most entries that one page of accounts, grants or the log holds.
pub const PAGE_MAX: u32 = 200;

/// An account as moderators and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountEntry {
    /// Number and name.
    #[serde(flatten)]
    pub account: Account,
    /// How it wants to be called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is kept from logging in.
    pub locked: bool,
    /// When it was made, in Unix milliseconds.
    pub created_at: u64,
    /// When it last showed a session it still has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
}

/// Answer to `GET /v1/admin/accounts?after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountEntries {
    /// By number.
    pub accounts: Vec<AccountEntry>,
    /// Whether more follow: ask again after the last one's number.
    pub more: bool,
}

/// Body of `POST /v1/admin/accounts`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MakeAccount {
    /// Its name.
    pub user: String,
    /// Its first password. Without one nobody can log in before a reset code is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub role: Role,
}

impl std::fmt::Debug for MakeAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MakeAccount").field("user", &self.user).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Check for MakeAccount {
    fn check(&self) -> Result<(), VocabularyError> {
        label("user", NAME_MAX, &self.user)?;
        within("password", PASSWORD_MAX, self.password.as_ref().map_or(0, String::len))
    }
}

/// Body of `PATCH /v1/admin/accounts/{id}`: what is not there stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeAccount {
    /// What it may do from now on; for administrators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether it is kept from logging in. Locking ends its sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

impl Check for ChangeAccount {
    fn check(&self) -> Result<(), VocabularyError> {
        Ok(())
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Its number; they count up.
    pub id: u64,
    /// When, in Unix milliseconds.
    pub at: u64,
    /// Who did it; none for the command line, and for a login that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Account>,
    /// From where: an address, or `console` for the command line.
    pub from: String,
    /// What: `login`, `login.failed`, `account.made`, `role.changed`, …
    pub act: String,
    /// Which account it was about, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Account>,
    /// More about it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Answer to `GET /v1/admin/audit?before=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// Whether older ones follow: ask again before the last one's number.
    pub more: bool,
}
