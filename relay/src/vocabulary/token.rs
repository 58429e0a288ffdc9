//! Words about tokens: what a bot or a script shows instead of a session, named by its owner and good until revoked.

use super::{Check, DEVICE_MAX, VocabularyError, label};
use serde::{Deserialize, Serialize};

/// Most tokens that an account may have.
pub const TOKENS_MAX: u32 = 32;

/// A token, without what is shown: that is told only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiToken {
    /// Its number, to revoke it by.
    pub id: u64,
    /// What its owner calls it.
    pub name: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: u64,
    /// When it was last shown, to within ten minutes.
    pub seen_at: u64,
    /// From where it was last shown; empty if that is not known.
    pub address: String,
}

/// Answer to `GET /v1/tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiTokens {
    /// The newest first.
    pub tokens: Vec<ApiToken>,
}

/// Body of `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MakeToken {
    /// What to call it.
    pub name: String,
}

impl Check for MakeToken {
    fn check(&self) -> Result<(), VocabularyError> {
        label("name", DEVICE_MAX, &self.name)
    }
}

/// Answer to `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenMade {
    /// What to show as `Authorization: Bearer`. It is told this once: the server keeps only its hash.
    pub secret: String,
    /// What else there is to know of it.
    pub token: ApiToken,
}
