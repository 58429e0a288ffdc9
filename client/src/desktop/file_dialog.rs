//! Whether the desktop has dialogs for files: Windows and macOS do, a Linux desktop through its portal or by zenity.

/// Asks the desktop, and waits for its answer.
#[cfg(target_os = "linux")]
pub fn has_file_dialogs() -> bool {
    let portal = portal::version();
    if let Err(error) = &portal {
        tracing::debug!(%error, "no portal for files");
    }
    portal.is_ok() || is_program("zenity")
}

#[cfg(not(target_os = "linux"))]
pub fn has_file_dialogs() -> bool {
    true
}

#[cfg(target_os = "linux")]
fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The file chooser of the XDG Desktop Portal.
#[cfg(target_os = "linux")]
mod portal {
    use zbus::blocking::{Connection, Proxy};

    const SERVICE: &str = "org.freedesktop.portal.Desktop";
    const PATH: &str = "/org/freedesktop/portal/desktop";
    const CHOOSER: &str = "org.freedesktop.portal.FileChooser";

    /// A portal may be there whose desktop brings no file chooser.
    pub fn version() -> zbus::Result<u32> {
        Proxy::new(&Connection::session()?, SERVICE, PATH, CHOOSER)?.get_property("version")
    }
}
