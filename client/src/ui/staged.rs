//! Files that are to go with the next line, and why some cannot.

use std::{io, path::PathBuf};

use super::{Value, Words};
use crate::engine::Attach;

/// A file that goes with the next line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    pub path: PathBuf,
    pub name: String,
    pub size: u64,
    /// Whether it was made only to be sent.
    pub passing: bool,
}

/// Something that cannot be sent.
#[derive(Debug)]
pub struct Unfit {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// A folder, or a device.
    NoFile,
    Empty,
    Unreadable(io::Error),
}

impl Staged {
    /// Looks whether something can be sent.
    ///
    /// # Errors
    /// [`Unfit`], which says why not.
    pub fn look(path: PathBuf, passing: bool) -> Result<Self, Unfit> {
        let why = match (std::fs::metadata(&path), path.file_name()) {
            (Err(error), _) => Why::Unreadable(error),
            (Ok(metadata), Some(name)) if metadata.is_file() && metadata.len() > 0 => {
                let name = name.to_string_lossy().into_owned();
                return Ok(Self { name, size: metadata.len(), path, passing });
            }
            (Ok(metadata), _) if metadata.is_file() => Why::Empty,
            _ => Why::NoFile,
        };
        Err(Unfit { path, why })
    }

    /// Looks at several, each for itself: one that cannot be sent keeps none of the others back.
    pub fn look_at_all(paths: impl IntoIterator<Item = PathBuf>) -> (Vec<Self>, Vec<Unfit>) {
        let (mut staged, mut unfit) = (Vec::new(), Vec::new());
        for path in paths {
            match Self::look(path, false) {
                Ok(file) => staged.push(file),
                Err(why) => unfit.push(why),
            }
        }
        (staged, unfit)
    }

    pub(super) fn into_attach(self) -> Attach {
        if self.passing { Attach::Passing(self.path) } else { Attach::File(self.path) }
    }

    pub(super) fn discard(self) {
        if self.passing
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "a file that was not sent stays behind");
        }
    }
}

impl Unfit {
    /// Tells the person.
    pub fn say(&self, words: &Words) -> String {
        let name =
            self.path.file_name().map_or_else(|| self.path.display().to_string(), |name| name.to_string_lossy().into());
        let name = ("name", Value::Text(&name));
        match &self.why {
            Why::NoFile => words.with("chat-attach-no-file", &[name]),
            Why::Empty => words.with("chat-attach-empty", &[name]),
            Why::Unreadable(error) => match error.kind() {
                io::ErrorKind::NotFound => words.with("chat-attach-gone", &[name]),
                io::ErrorKind::PermissionDenied => words.with("chat-attach-forbidden", &[name]),
                _ => words.with("chat-attach-unreadable", &[name, ("reason", Value::Text(&error.to_string()))]),
            },
        }
    }
}
