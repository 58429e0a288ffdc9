//! Words about where an account is logged in: its sessions, a device each.

use super::{Check, DEVICE_MAX, VocabularyError, label};
use serde::{Deserialize, Serialize};

/// One session of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceSession {
    /// Its number, to end it by.
    pub id: u64,
    /// What the person calls the machine.
    pub device: String,
    /// When it was opened, in Unix milliseconds.
    pub created_at: u64,
    /// When it was last shown, to within ten minutes.
    pub seen_at: u64,
    /// From where it was last shown; empty if that is not known.
    pub address: String,
    /// When it ends unless it is renewed.
    pub expires_at: u64,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Answer to `GET /v1/sessions` and `GET /v1/admin/accounts/{id}/sessions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceSessions {
    /// The one that was shown last first.
    pub sessions: Vec<DeviceSession>,
}

/// Body of `POST /v1/sessions`: opens one more session of the caller's account, for a script or a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenSession {
    /// What it is for.
    pub device: String,
}

impl Check for OpenSession {
    fn check(&self) -> Result<(), VocabularyError> {
        label("device", DEVICE_MAX, &self.device)
    }
}
