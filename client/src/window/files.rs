//! Files between the desktop and the chats: the system's dialogs, what is pasted, the folder for what is downloaded.
//! Whatever may take a while happens on a thread of its own, and comes back through the event loop.

use std::{
    io,
    path::{Path, PathBuf},
};

use relay::vocabulary::ChatId;
use tempfile::TempPath;
use winit::{event_loop::EventLoopProxy, window::WindowId};

use super::Wake;
use crate::{
    app::{keep_picture, portrait, write_png},
    desktop::has_file_dialogs,
    device::Picture,
    ui::{PathField, PathUse, Portrait, Staged, Unfit},
};

/// What came of a dialog or of the clipboard.
#[derive(Debug)]
pub enum Chosen {
    /// Files for the line that is being written in a chat, and those that cannot be sent.
    Attach(ChatId, Vec<Staged>, Vec<Unfit>),
    /// A picture of oneself or of a group, as it is sent.
    Picture(Portrait, TempPath),
    /// A file of this name is no picture that can be read.
    NoPicture(String),
    /// Where a file is to be kept.
    Save { file: String, to: PathBuf },
    /// A picture of a call was kept here.
    Kept(PathBuf),
    /// The desktop has no dialog: a path is to be written in this window.
    Ask(WindowId, Question),
    /// In words.
    Trouble(String),
}

/// What a path is asked for.
#[derive(Debug)]
pub struct Question {
    pub title: String,
    pub of: Asked,
}

#[derive(Debug)]
pub enum Asked {
    Attach(ChatId),
    Picture(Portrait),
    /// Where a file of this name is to be kept.
    Save {
        file: String,
        name: String,
    },
}

impl Question {
    /// The field that asks it.
    pub fn field(&self) -> PathField {
        let title = self.title.clone();
        match &self.of {
            Asked::Save { name, .. } => {
                let suggested = place(name).unwrap_or_else(|error| {
                    tracing::info!(%error, "the folder for downloads cannot be used");
                    free(&dirs::home_dir().unwrap_or_default(), name)
                });
                PathField::new(title, &suggested, PathUse::Save)
            }
            Asked::Attach(_) | Asked::Picture(_) => {
                PathField::new(title, &dirs::home_dir().unwrap_or_default(), PathUse::Open)
            }
        }
    }
}

/// Sends what a thread has found out to the event loop.
fn aside(proxy: &EventLoopProxy<Wake>, name: &str, work: impl FnOnce() -> Option<Chosen> + Send + 'static) {
    let proxy = proxy.clone();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Some(chosen) = work()
            && proxy.send_event(Wake::Chosen(chosen)).is_err()
        {
            tracing::debug!("a file was chosen after the window's end");
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "a thread for files cannot be started");
    }
}

/// Asks the person for a path, by a dialog of the desktop or else by a field in the window.
pub fn ask(proxy: &EventLoopProxy<Wake>, window: WindowId, question: Question) {
    aside(proxy, "file dialog", move || {
        if !has_file_dialogs() {
            return Some(Chosen::Ask(window, question));
        }
        let dialog = rfd::FileDialog::new().set_title(&question.title);
        match question.of {
            Asked::Attach(chat) => Some(stage(chat, dialog.pick_files()?)),
            Asked::Picture(whose) => {
                Some(picture(whose, &dialog.add_filter("PNG, JPEG, WebP, GIF", &PICTURES).pick_file()?))
            }
            Asked::Save { file, name } => {
                Some(Chosen::Save { file, to: dialog.set_file_name(plain(&name)).save_file()? })
            }
        }
    });
}

/// Takes the path that was written in the window.
pub fn answered(proxy: &EventLoopProxy<Wake>, of: Asked, path: PathBuf) {
    aside(proxy, "file", move || {
        Some(match of {
            Asked::Attach(chat) => stage(chat, vec![path]),
            Asked::Picture(whose) => picture(whose, &path),
            Asked::Save { file, .. } => Chosen::Save { file, to: path },
        })
    });
}

fn picture(whose: Portrait, path: &Path) -> Chosen {
    portrait(path).map_or_else(
        |error| {
            tracing::info!(%error, "a picture was chosen that cannot be sent");
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            Chosen::NoPicture(name.unwrap_or_else(|| path.display().to_string()))
        },
        |picture| Chosen::Picture(whose, picture),
    )
}

/// Keeps a picture of a call.
pub fn keep(proxy: &EventLoopProxy<Wake>, picture: Picture, to: PathBuf) {
    aside(proxy, "snapshot", move || {
        Some(match keep_picture(&to, &picture) {
            Ok(()) => Chosen::Kept(to),
            Err(error) => Chosen::Trouble(format!("{}: {error}", to.display())),
        })
    });
}

/// What pictures are called.
const PICTURES: [&str; 5] = ["png", "jpg", "jpeg", "webp", "gif"];

/// Takes files from the clipboard, which are there at once. Nothing if it has none.
pub fn copied(chat: ChatId) -> Option<Chosen> {
    // A clipboard that cannot be opened has nothing: text is pasted through the window's own.
    let mut clipboard = arboard::Clipboard::new().inspect_err(|error| tracing::debug!(%error, "no clipboard")).ok()?;
    let paths = clipboard.get().file_list().ok().filter(|paths| !paths.is_empty())?;
    Some(stage(chat, paths))
}

/// Takes a picture from the clipboard, if it has one and no text: what has both is pasted as text.
pub fn paste_picture(proxy: &EventLoopProxy<Wake>, chat: ChatId, name: String) {
    aside(proxy, "clipboard", move || {
        let mut clipboard = arboard::Clipboard::new().ok()?;
        if clipboard.get_text().is_ok_and(|text| !text.is_empty()) {
            return None;
        }
        let picture = clipboard.get_image().ok()?;
        let kept = tempfile::Builder::new().prefix("komado-").suffix(".png").tempfile().and_then(|file| {
            // Removed once it is sent.
            file.into_temp_path().keep().map_err(io::Error::from)
        });
        let (width, height) = (picture.width as u32, picture.height as u32);
        let written = kept.map_err(|error| error.to_string()).and_then(|path| {
            let written = write_png(&path, width, height, picture.bytes.into_owned());
            written.map(|()| path).map_err(|error| error.to_string())
        });
        Some(match written.map(|path| Staged::look(path, true)) {
            Ok(Ok(staged)) => Chosen::Attach(chat, vec![Staged { name, ..staged }], Vec::new()),
            Ok(Err(unfit)) => Chosen::Attach(chat, Vec::new(), vec![unfit]),
            Err(error) => Chosen::Trouble(error),
        })
    });
}

fn stage(chat: ChatId, paths: Vec<PathBuf>) -> Chosen {
    let (files, unfit) = Staged::look_at_all(paths);
    Chosen::Attach(chat, files, unfit)
}

/// A place in the folder for what is downloaded where nothing is yet; the folder is made if need be.
pub fn place(name: &str) -> io::Result<PathBuf> {
    let none = || io::Error::new(io::ErrorKind::NotFound, "no folder for downloads");
    let folder = downloads().ok_or_else(none)?;
    std::fs::create_dir_all(&folder)?;
    Ok(free(&folder, name))
}

/// The folder for what is downloaded. The system says which it is: on Linux in `user-dirs.dirs`, in the person's language.
fn downloads() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || dirs::home_dir().map(|home| home.join("Downloads"));
    variable("XDG_DOWNLOAD_DIR").or_else(dirs::download_dir).or_else(home)
}

/// A name in a folder that nothing has yet.
fn free(folder: &Path, name: &str) -> PathBuf {
    let name = plain(name);
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem.to_owned(), format!(".{extension}")),
        _ => (name.clone(), String::new()),
    };
    let names = std::iter::once(name).chain((2..).map(|number| format!("{stem} ({number}){extension}")));
    let mut paths = names.map(|name| folder.join(name));
    paths.find(|path| !path.exists()).unwrap_or_else(|| folder.join(stem))
}

/// What a sender called a file, as a name that leads nowhere else and that every system takes.
fn plain(name: &str) -> String {
    let bad = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let name: String = name.chars().map(|c| if bad(c) { '_' } else { c }).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

/// Shows a file in its folder, by whatever the system has for that.
pub fn reveal(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut command = if cfg!(windows) {
        let mut command = std::process::Command::new("explorer");
        command.arg("/select,").arg(path);
        command
    } else if cfg!(target_os = "macos") {
        let mut command = std::process::Command::new("open");
        command.arg("-R").arg(path);
        command
    } else {
        let mut command = std::process::Command::new("xdg-open");
        command.arg(folder);
        command
    };
    let mut child = command.stdin(std::process::Stdio::null()).spawn()?;
    // Waited for aside, so that nothing is left of it.
    std::thread::Builder::new().name("file manager".to_owned()).spawn(move || {
        if let Err(error) = child.wait() {
            tracing::debug!(%error, "the file manager's end was not seen");
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebody_else_leads_nowhere_else() {
        for (name, kept) in [
            ("a/../b\\c.txt", "a_.._b_c.txt"),
            ("..", "file"),
            (".profile", "profile"),
            ("報告 1.pdf", "報告 1.pdf"),
            ("con:\n.exe ", "con__.exe"),
        ] {
            assert_eq!(plain(name), kept, "{name:?}");
        }
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(free(folder.path(), "a.tar.gz")), "a.tar.gz");
        for taken in ["a.tar.gz", "a.tar (2).gz", "README"] {
            std::fs::write(folder.path().join(taken), "x").unwrap();
        }
        assert_eq!(name(free(folder.path(), "a.tar.gz")), "a.tar (3).gz");
        assert_eq!(name(free(folder.path(), "README")), "README (2)");
    }
}
