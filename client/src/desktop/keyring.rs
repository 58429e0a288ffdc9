//! The keyring of who sits at the desk: the Secret Service of a Linux desktop (GNOME Keyring, KWallet, KeePassXC), the
//! keychain of macOS, the credential manager of Windows. Everything here may ask a person for a password, and waits
//! for the answer.

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};
use thiserror::Error;

/// Under which all secrets of this program stand.
const SERVICE: &str = "komado";

#[derive(Debug, Error)]
pub enum KeyringError {
    #[error("there is no keyring: {0}")]
    None(Error),
    /// It is locked, or broken.
    #[error("the keyring does not give or take anything: {0}")]
    Refused(Error),
    #[error("the keyring has no longer what was kept in it")]
    Gone,
    #[error("the keyring did not answer")]
    Silent,
}

/// The keyring, as far as it can be reached.
pub struct Keyring(Arc<CredentialStore>);

impl Keyring {
    pub fn open() -> Result<Self, KeyringError> {
        store().map(Self).map_err(KeyringError::None)
    }

    /// Keeps a secret under a name. People see the label in the keyring's own window.
    pub fn keep(&self, name: &str, label: &str, secret: &str) -> Result<(), KeyringError> {
        self.entry(name, Some(label))?.set_password(secret).map_err(KeyringError::Refused)
    }

    pub fn find(&self, name: &str) -> Result<String, KeyringError> {
        self.entry(name, None)?.get_password().map_err(|error| match error {
            Error::NoEntry => KeyringError::Gone,
            error => KeyringError::Refused(error),
        })
    }

    /// Removes a secret; that there is none is as good.
    pub fn forget(&self, name: &str) -> Result<(), KeyringError> {
        match self.entry(name, None)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(KeyringError::Refused(error)),
        }
    }

    fn entry(&self, name: &str, label: Option<&str>) -> Result<Entry, KeyringError> {
        // The other systems show the name, and know no label.
        let label = label.filter(|_| cfg!(target_os = "linux"));
        let modifiers = label.map(|label| [("label", label)].into());
        self.0.build(SERVICE, name, modifiers.as_ref()).map_err(KeyringError::Refused)
    }
}

#[cfg(target_os = "linux")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Err(Error::NoDefaultStore)
}
