//! What a person has written and the server does not have yet, in `written-….json`, for its owner's eyes only: drafts by
//! chat, and lines on their way with the keys under which they are stored once, and with the files that go with them. One
//! file for each account.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use relay::vocabulary::{ChatId, SendMessage, TEXT_MAX, Voice};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most drafts, and most lines on their way, that are kept. Lines beyond that are sent all the same, but would not survive
/// a crash.
const DRAFTS_MAX: usize = 500;
const UNSENT_MAX: usize = 1_000;

/// Longest file that is read, in bytes: all of that with room for the keys around it.
const FILE_MAX: u64 = ((DRAFTS_MAX + UNSENT_MAX) * 2 * TEXT_MAX) as u64;

/// A line that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub text: String,
    /// The line that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
}

impl Draft {
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// A line on its way, with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentLine {
    pub chat: ChatId,
    pub message: SendMessage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<UnsentFile>,
}

/// A file that goes with a line and may not be at the server yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentFile {
    pub path: PathBuf,
    /// Whether it was made to be sent, and is removed once that is done or given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
}

/// All of it, for one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub drafts: BTreeMap<ChatId, Draft>,
    pub unsent: Vec<UnsentLine>,
}

#[derive(Debug, Error)]
pub enum WrittenError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("cannot write {path}: {error}. What you write is lost if Komado ends before it is sent")]
    Write { path: String, error: std::io::Error },
    #[error("{path} cannot be understood, and was put aside as {aside}: {error}")]
    Malformed { path: String, aside: String, error: serde_json::Error },
    #[error("what is written cannot be kept: {0}")]
    Unwritable(serde_json::Error),
}

impl Written {
    /// The file of an account in the client's folder.
    pub fn file(home: &Path, server: &str, user: &str) -> PathBuf {
        // Only told apart by it: names of servers and accounts are no names of files on every system.
        let digest = digest(&SHA256, format!("{server}\n{user}").as_bytes());
        let name: String = digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        home.join(format!("written-{name}.json"))
    }

    /// Reads the file; an absent one has nothing. One that cannot be understood is put aside, for nothing else could be
    /// kept.
    pub fn read(path: &Path) -> Result<Self, WrittenError> {
        let failed = |error| WrittenError::Read { path: path.display().to_string(), error };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.len() > FILE_MAX => {
                let error = std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is too large");
                return Err(failed(error));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error)),
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        serde_json::from_str(&text).map_err(|error| {
            let aside = path.with_extension("unreadable");
            if let Err(error) = std::fs::rename(path, &aside) {
                tracing::warn!(%error, "a file that cannot be understood stays in its place");
            }
            WrittenError::Malformed { path: path.display().to_string(), aside: aside.display().to_string(), error }
        })
    }

    /// Writes the file as a whole or not at all; without anything in it there is none.
    pub fn write(&self, path: &Path) -> Result<(), WrittenError> {
        let failed = |error| WrittenError::Write { path: path.display().to_string(), error };
        if self.drafts.is_empty() && self.unsent.is_empty() {
            return match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let text = serde_json::to_string(self).map_err(WrittenError::Unwritable)?;
        super::write_whole(path, &text, true).map_err(failed)
    }

    /// Keeps a draft, or forgets it once nothing is left of it. Says whether anything is another.
    pub fn draft(&mut self, chat: ChatId, draft: Draft) -> bool {
        if draft.is_empty() {
            return self.drafts.remove(&chat).is_some();
        }
        if self.drafts.len() >= DRAFTS_MAX && !self.drafts.contains_key(&chat) {
            self.drafts.pop_first();
        }
        self.drafts.insert(chat, draft.clone()) != Some(draft)
    }

    /// A line is on its way. Says whether it is kept.
    pub fn send(&mut self, line: UnsentLine) -> bool {
        // A path that is no text cannot be written down.
        let fits = line.files.iter().all(|file| file.path.to_str().is_some());
        let kept = fits && self.unsent.len() < UNSENT_MAX;
        if kept {
            self.unsent.push(line);
        }
        kept
    }

    /// A line has come, or never will. Says whether it was kept.
    pub fn settle(&mut self, key: &str) -> bool {
        let before = self.unsent.len();
        self.unsent.retain(|line| line.message.key != key);
        self.unsent.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_again_by_the_same_account_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = Written::file(home.path(), "http://a", "ada");
        assert_eq!(Written::read(&path).unwrap(), Written::default());
        let mut written = Written::default();
        assert!(written.draft(3, Draft { text: "窓 half a line".into(), reply_to: Some(7) }));
        assert!(!written.draft(3, Draft { text: "窓 half a line".into(), reply_to: Some(7) }), "the same again");
        let file = UnsentFile { path: "/tmp/a b.mka".into(), passing: true, voice: None };
        let line = UnsentLine { chat: 3, message: SendMessage::line("on its way", "k1"), files: vec![file] };
        assert!(written.send(line));
        written.write(&path).unwrap();
        assert_eq!(Written::read(&path).unwrap(), written);
        for (server, user) in [("http://a", "bob"), ("http://b", "ada")] {
            assert_eq!(Written::read(&Written::file(home.path(), server, user)).unwrap(), Written::default());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "nobody else may read it");
        }
        assert!(written.settle("k1") && !written.settle("k1"));
        assert!(written.draft(3, Draft { text: " \n".into(), reply_to: None }));
        written.write(&path).unwrap();
        assert!(!path.exists(), "nothing is left of nothing");
        written.write(&path).unwrap();
    }

    #[test]
    fn a_broken_file_is_put_aside_and_all_is_bounded() {
        let home = tempfile::tempdir().unwrap();
        let path = Written::file(home.path(), "http://a", "ada");
        std::fs::write(&path, "{half").unwrap();
        assert!(matches!(Written::read(&path), Err(WrittenError::Malformed { .. })));
        assert_eq!(Written::read(&path).unwrap(), Written::default());
        assert!(path.with_extension("unreadable").exists());
        let mut written = Written::default();
        for n in 0..UNSENT_MAX + 1 {
            let message = SendMessage::line("x", n.to_string());
            assert_eq!(written.send(UnsentLine { chat: 1, message, files: Vec::new() }), n < UNSENT_MAX);
            written.draft(n as u64, Draft { text: "x".into(), reply_to: None });
        }
        assert_eq!((written.unsent.len(), written.drafts.len()), (UNSENT_MAX, DRAFTS_MAX));
        assert!(written.drafts.contains_key(&(UNSENT_MAX as u64)), "the newest are kept");
    }
}
