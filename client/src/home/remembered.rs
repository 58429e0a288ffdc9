//! Who was signed in where, in `session.toml`, for its owner's eyes only: so that the next start needs no password. The
//! session itself is there only if no keyring takes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The last account and its session.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Remembered {
    /// `http://host` or `https://host`.
    pub server: String,
    /// `http://host:port`, `none`, or empty for what the environment says.
    pub proxy: String,
    pub user: String,
    /// A session of that account; empty after signing out, and if it is in the keyring.
    pub session: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_keyring: bool,
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remembered")
            .field("server", &self.server)
            .field("user", &self.user)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Error)]
pub enum RememberedError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("cannot write {path}: {error}. You will have to sign in again next time")]
    Write { path: String, error: std::io::Error },
    #[error("{path} cannot be understood: {error}. Remove it and sign in again")]
    Malformed { path: String, error: toml::de::Error },
    #[error("the session cannot be written as TOML: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

impl Remembered {
    /// Whether there is a session to go on with.
    pub fn is_signed_in(&self) -> bool {
        self.in_keyring || !self.session.is_empty()
    }

    fn file(home: &Path) -> PathBuf {
        home.join("session.toml")
    }

    /// Reads what is remembered; nothing, if nothing is.
    pub fn read(home: &Path) -> Result<Option<Self>, RememberedError> {
        let path = Self::file(home);
        let shown = || path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map(Some).map_err(|error| RememberedError::Malformed { path: shown(), error })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RememberedError::Read { path: shown(), error }),
        }
    }

    pub fn write(&self, home: &Path) -> Result<(), RememberedError> {
        let path = Self::file(home);
        super::write_whole(&path, &toml::to_string(self)?, true)
            .map_err(|error| RememberedError::Write { path: path.display().to_string(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_remembered_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Remembered::read(home.path()).unwrap(), None);
        let some = Remembered {
            server: "http://a".into(),
            user: "alice".into(),
            session: "s3cret".into(),
            ..Remembered::default()
        };
        some.write(home.path()).unwrap();
        assert_eq!(Remembered::read(home.path()).unwrap(), Some(some.clone()));
        assert!(!format!("{some:?}").contains("s3cret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(home.path().join("session.toml")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else may read it");
        }
        std::fs::write(home.path().join("session.toml"), "server = 3\n").unwrap();
        assert!(matches!(Remembered::read(home.path()), Err(RememberedError::Malformed { .. })));
    }
}
