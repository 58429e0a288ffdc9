//! The client's folder and what it remembers there: configuration, preferences, known servers, the session, what is
//! written and not sent yet.

mod configuration;
mod known_servers;
mod preferences;
mod quiet_hours;
mod regions;
mod remembered;
mod written;

use std::path::{Path, PathBuf};

pub use configuration::{Configuration, ConfigurationError};
pub use known_servers::{KnownServers, TrustError};
pub use preferences::{
    ChatStyle, Dock, Language, Notifications, Place, Preferences, PreferencesError, Speaking, TextSize, Theme,
};
pub use quiet_hours::{QuietHours, QuietHoursError};
pub use regions::{Region, Regions};
pub use remembered::{Remembered, RememberedError};
pub use written::{Draft, UnsentFile, UnsentLine, Written, WrittenError};

/// The folder that was `given`, or else the platform's place for it; `None` if the platform names none.
pub fn folder(given: Option<&Path>) -> Option<PathBuf> {
    if let Some(given) = given {
        return Some(given.to_owned());
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library").join("Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))
    };
    base.map(|base| base.join("komado"))
}

/// Writes a file as a whole or not at all; with `secret`, for its owner's eyes only.
fn write_whole(path: &Path, text: &str, secret: bool) -> std::io::Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Made for its owner alone, as temporary files are.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    if !secret {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = secret;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
