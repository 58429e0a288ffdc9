//! Komado in the desktop's menu, as the program for `komado://` links, and among what starts with the session: files
//! where freedesktop.org's specifications want them (Desktop Entry 1.5, Icon Theme, Desktop Application Autostart).

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

const ICON: &str = include_str!("../../assets/komado.svg");

#[derive(Debug, Error)]
pub enum RegistrationError {
    #[error("there is no folder for it: neither HOME nor XDG_DATA_HOME and XDG_CONFIG_HOME are set")]
    NoFolder,
    #[error("this program does not know where it lies: {0}")]
    NoProgram(io::Error),
    #[error("{path} cannot be written: {error}")]
    Write { path: String, error: io::Error },
    #[error("this system registers programs in another way, which Komado does not know yet")]
    Unknown,
}

/// Where a user's own files of two kinds lie.
#[derive(Debug, Clone)]
struct Places {
    data: PathBuf,
    config: PathBuf,
}

impl Places {
    fn of_environment() -> Result<Self, RegistrationError> {
        if !cfg!(target_os = "linux") {
            return Err(RegistrationError::Unknown);
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("HOME");
        let place = |name: &str, usual: &str| variable(name).or_else(|| home.as_ref().map(|home| home.join(usual)));
        let data = place("XDG_DATA_HOME", ".local/share").ok_or(RegistrationError::NoFolder)?;
        let config = place("XDG_CONFIG_HOME", ".config").ok_or(RegistrationError::NoFolder)?;
        Ok(Self { data, config })
    }
}

/// Puts Komado into the menu and makes it open links. Gives the files that were written.
pub fn register() -> Result<Vec<PathBuf>, RegistrationError> {
    let written = register_in(&Places::of_environment()?, &program()?)?;
    // Desktops find out by themselves; these only make it sooner, and need not be there.
    for (tool, arguments) in [
        ("update-desktop-database", vec![written[0].parent().unwrap_or(Path::new(".")).as_os_str()]),
        ("xdg-mime", ["default", "komado.desktop", "x-scheme-handler/komado"].map(AsRef::as_ref).to_vec()),
    ] {
        match std::process::Command::new(tool).args(arguments).stdin(std::process::Stdio::null()).status() {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::info!(%status, tool, "it was not told of Komado"),
            Err(error) => tracing::info!(%error, tool, "it was not told of Komado"),
        }
    }
    Ok(written)
}

/// Makes Komado start with the session, or no more.
pub fn start_with_session(yes: bool) -> Result<(), RegistrationError> {
    autostart_in(&Places::of_environment()?, &program()?, yes)
}

fn program() -> Result<PathBuf, RegistrationError> {
    std::env::current_exe().map_err(RegistrationError::NoProgram)
}

fn register_in(places: &Places, program: &Path) -> Result<Vec<PathBuf>, RegistrationError> {
    let entry = places.data.join("applications/komado.desktop");
    write(&entry, &self::entry(program, true))?;
    let icon = places.data.join("icons/hicolor/scalable/apps/komado.svg");
    write(&icon, ICON)?;
    Ok(vec![entry, icon])
}

fn autostart_in(places: &Places, program: &Path, yes: bool) -> Result<(), RegistrationError> {
    let path = places.config.join("autostart/komado.desktop");
    if yes {
        return write(&path, &entry(program, false));
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RegistrationError::Write { path: path.display().to_string(), error })
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), RegistrationError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| RegistrationError::Write { path: path.display().to_string(), error })
}

fn entry(program: &Path, opens_links: bool) -> String {
    let program = quoted(&program.display().to_string());
    let (argument, links) = if opens_links { (" %u", "MimeType=x-scheme-handler/komado;\n") } else { ("", "") };
    format!(
        "[Desktop Entry]\nType=Application\nVersion=1.5\nName=Komado\nName[ja]=小窓\n\
         Comment=Video calls and chat where only the web works\n\
         Comment[ja]=ウェブしか通らない場所でもビデオ通話とチャット\n\
         Exec={program}{argument}\nIcon=komado\nTerminal=false\nStartupWMClass=komado\n\
         Categories=Network;Chat;VideoConference;\n{links}"
    )
}

/// An argument of `Exec` in quotes: within them `"`, `` ` ``, `$` and `\` take a backslash, which a string's own rule
/// doubles, and `%` is doubled.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => quoted.extend(['\\', '\\', c]),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_stand_where_desktops_look_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { data: folder.path().join("data"), config: folder.path().join("config") };
        let program = Path::new("/opt/my programs/komado");
        let written = register_in(&places, program).unwrap();
        assert!(written.iter().all(|path| path.is_file()), "{written:?}");
        let entry = std::fs::read_to_string(&written[0]).unwrap();
        assert!(entry.contains("\nExec=\"/opt/my programs/komado\" %u\n"), "{entry}");
        assert!(entry.contains("\nMimeType=x-scheme-handler/komado;\n"), "{entry}");
        let autostart = places.config.join("autostart/komado.desktop");
        autostart_in(&places, program, true).unwrap();
        let entry = std::fs::read_to_string(&autostart).unwrap();
        assert!(entry.contains("Exec=\"/opt/my programs/komado\"\n") && !entry.contains("MimeType"), "{entry}");
        for _ in 0..2 {
            autostart_in(&places, program, false).unwrap();
            assert!(!autostart.exists());
        }
        std::fs::write(folder.path().join("file"), "").unwrap();
        let nowhere = Places { data: folder.path().join("file"), config: folder.path().join("file") };
        assert!(register_in(&nowhere, program).unwrap_err().to_string().contains("file/applications"));
    }

    #[test]
    fn any_path_is_one_argument() {
        assert_eq!(quoted("/a b"), "\"/a b\"");
        assert_eq!(quoted("/50%$`\"\\"), "\"/50%%\\\\$\\\\`\\\\\"\\\\\\\\\"");
    }
}
