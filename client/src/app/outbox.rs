//! What was written and is not at the server yet, kept on the disk before it is sent: it survives a crash, and is sent
//! again under the same keys, with its files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use relay::vocabulary::{ChatId, SendMessage};

use crate::{
    engine::{Attach, Command, Event, InChat, new_key},
    home::{Draft, UnsentFile, UnsentLine, Written, WrittenError},
};

/// The file of who is signed in, and what stands in it.
#[derive(Debug)]
pub(super) struct Outbox {
    path: PathBuf,
    written: Written,
    drafts: Arc<BTreeMap<ChatId, Draft>>,
    /// Files that were made to be sent, by the key of the line they go with.
    passing: BTreeMap<String, Vec<PathBuf>>,
}

impl Outbox {
    /// Opens the outbox of an account; with what went wrong, if anything did.
    pub fn open(home: &Path, server: &str, user: &str) -> (Self, Option<WrittenError>) {
        let path = Written::file(home, server, user);
        let (written, error) = match Written::read(&path) {
            Ok(written) => (written, None),
            Err(error) => (Written::default(), Some(error)),
        };
        let drafts = Arc::new(written.drafts.clone());
        let passing = written.unsent.iter().map(|line| (line.message.key.clone(), passing(&line.files))).collect();
        (Self { path, written, drafts, passing }, error)
    }

    pub fn drafts(&self) -> Arc<BTreeMap<ChatId, Draft>> {
        self.drafts.clone()
    }

    /// The lines that were on their way when the program ended, as they are to be sent again.
    pub fn unsent(&self) -> Vec<Command> {
        let send = |line: &UnsentLine| {
            let message = line.message.clone();
            let act = match line.files.iter().cloned().map(attach).collect::<Vec<_>>() {
                none if none.is_empty() => InChat::Send(message),
                files => InChat::Attach(message, files),
            };
            Command::InChat { chat: line.chat, act }
        };
        self.written.unsent.iter().map(send).collect()
    }

    /// Keeps a draft.
    pub fn draft(&mut self, chat: ChatId, draft: Draft) -> Result<(), WrittenError> {
        if !self.written.draft(chat, draft) {
            return Ok(());
        }
        self.drafts = Arc::new(self.written.drafts.clone());
        self.written.write(&self.path)
    }

    /// Keeps what a command sends, and gives it its key; every other command stays as it is.
    pub fn keep(&mut self, command: Command) -> (Command, Result<(), WrittenError>) {
        let (chat, message, files) = match command {
            Command::InChat { chat, act: InChat::Send(message) } if message.key.is_empty() => {
                (chat, message, Vec::new())
            }
            Command::InChat { chat, act: InChat::Attach(message, files) } if message.key.is_empty() => {
                (chat, message, files)
            }
            Command::InChat { chat, act: InChat::Change(change) } => {
                (chat, SendMessage { change: Some(change), ..SendMessage::default() }, Vec::new())
            }
            other => return (other, Ok(())),
        };
        // Without a key the engine says what is wrong.
        let message = SendMessage { key: new_key().unwrap_or_default(), ..message };
        let act = match files.is_empty() {
            true => InChat::Send(message.clone()),
            false => InChat::Attach(message.clone(), files.clone()),
        };
        // What the microphone is still to give cannot be kept.
        let kept = files.into_iter().map(unsent_file).collect::<Option<Vec<_>>>();
        let written = match kept.filter(|_| !message.key.is_empty()) {
            Some(files) => self.keep_line(UnsentLine { chat, message, files }),
            None => Ok(()),
        };
        (Command::InChat { chat, act }, written)
    }

    fn keep_line(&mut self, line: UnsentLine) -> Result<(), WrittenError> {
        // What is sent is no draft any more, from the same moment on: nobody is to find it half written after a crash.
        let was_draft = self.written.drafts.get(&line.chat).is_some_and(|draft| draft.text.trim() == line.message.text);
        if was_draft && self.written.draft(line.chat, Draft::default()) {
            self.drafts = Arc::new(self.written.drafts.clone());
        }
        self.passing.insert(line.message.key.clone(), passing(&line.files));
        if self.written.send(line) { self.written.write(&self.path) } else { Ok(()) }
    }

    /// A line has come to the server, or never will.
    pub fn happened(&mut self, event: &Event) -> Result<(), WrittenError> {
        let (Event::Stored { key, .. } | Event::NotStored { key, .. }) = event else { return Ok(()) };
        self.passing.remove(key).iter().flatten().for_each(|path| remove(path));
        if self.written.settle(key) { self.written.write(&self.path) } else { Ok(()) }
    }

    /// Nothing stays behind of who signs out.
    pub fn forget(mut self) -> Result<(), WrittenError> {
        self.passing.values().flatten().for_each(|path| remove(path));
        self.written = Written::default();
        self.written.write(&self.path)
    }
}

/// As it is kept; nothing for what is still to be recorded.
fn unsent_file(attach: Attach) -> Option<UnsentFile> {
    let (path, passing, voice) = match attach {
        Attach::File(path) => (path, false, None),
        Attach::Passing(path) => (path, true, None),
        Attach::Recorded(path, voice) => (path, true, Some(voice)),
        Attach::Voice(_) => return None,
    };
    Some(UnsentFile { path: std::path::absolute(&path).unwrap_or(path), passing, voice })
}

fn attach(file: UnsentFile) -> Attach {
    match (file.voice, file.passing) {
        (Some(voice), _) => Attach::Recorded(file.path, voice),
        (None, true) => Attach::Passing(file.path),
        (None, false) => Attach::File(file.path),
    }
}

fn passing(files: &[UnsentFile]) -> Vec<PathBuf> {
    files.iter().filter(|file| file.passing).map(|file| file.path.clone()).collect()
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::info!(path = %path.display(), %error, "a file that was made to be sent stays");
    }
}

#[cfg(test)]
mod tests {
    use relay::vocabulary::{Change, Voice};

    use super::*;

    fn key_of(command: &Command) -> String {
        let Command::InChat { act: InChat::Send(message), .. } = command else { panic!("{command:?}") };
        assert!(!message.key.is_empty());
        message.key.clone()
    }

    #[test]
    fn a_line_is_on_the_disk_until_the_server_has_it() {
        let home = tempfile::tempdir().unwrap();
        let open = || Outbox::open(home.path(), "http://a", "ada").0;
        let mut outbox = open();
        let say = |text: &str| SendMessage { text: text.into(), ..SendMessage::default() };
        let (first, written) = outbox.keep(Command::InChat { chat: 1, act: InChat::Send(say("one")) });
        written.unwrap();
        let react = Change::React { of: 4, emoji: "👍".into(), on: true };
        let (second, written) = outbox.keep(Command::InChat { chat: 2, act: InChat::Change(react) });
        written.unwrap();
        // Whatever becomes of this process: the next one sends both, under the same keys.
        let again = open().unsent();
        assert_eq!(again.iter().map(key_of).collect::<Vec<_>>(), [key_of(&first), key_of(&second)]);
        let mut outbox = open();
        let (same, written) = outbox.keep(again[0].clone());
        written.unwrap();
        assert_eq!(key_of(&same), key_of(&first), "what has a key is kept already");
        outbox.happened(&Event::Stored { chat: 1, key: key_of(&first), sequence: 9 }).unwrap();
        outbox.happened(&Event::NotStored { chat: 2, key: key_of(&second) }).unwrap();
        assert!(open().unsent().is_empty());
    }

    #[test]
    fn a_line_is_kept_with_its_files_and_those_made_for_it_go_once_it_is_settled() {
        let home = tempfile::tempdir().unwrap();
        let made = tempfile::tempdir().unwrap();
        let open = || Outbox::open(home.path(), "http://a", "ada").0;
        let file = |name: &str| {
            let path = made.path().join(name);
            std::fs::write(&path, name).unwrap();
            path
        };
        let (own, pasted, recorded) = (file("own.txt"), file("pasted.png"), file("voice.mka"));
        let voice = Voice { duration_ms: 900, waveform: vec![1, 2] };
        let files =
            vec![Attach::File(own.clone()), Attach::Passing(pasted.clone()), Attach::Recorded(recorded.clone(), voice)];
        let line = |files| Command::InChat { chat: 1, act: InChat::Attach(SendMessage::default(), files) };
        let (kept, written) = open().keep(line(files.clone()));
        written.unwrap();
        let again = open().unsent();
        let [Command::InChat { chat: 1, act: InChat::Attach(message, found) }] = &again[..] else {
            panic!("{again:?}")
        };
        assert_eq!((format!("{kept:?}"), found), (format!("{:?}", again[0]), &files));
        open().happened(&Event::Stored { chat: 1, key: message.key.clone(), sequence: 3 }).unwrap();
        assert!(own.exists() && !pasted.exists() && !recorded.exists());
        assert!(open().unsent().is_empty());
        // What is still to be recorded is sent, but cannot be kept.
        let spoken = line(vec![Attach::Voice(std::time::Duration::from_secs(1))]);
        let (_, written) = open().keep(spoken);
        written.unwrap();
        assert!(open().unsent().is_empty());
        let pasted = file("pasted.png");
        let mut outbox = open();
        outbox.keep(line(vec![Attach::Passing(pasted.clone())])).1.unwrap();
        outbox.forget().unwrap();
        assert!(!pasted.exists(), "nothing stays behind of who signs out");
    }

    #[test]
    fn drafts_are_kept_and_signing_out_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let open = || Outbox::open(home.path(), "http://a", "ada").0;
        let draft = Draft { text: "half a".into(), reply_to: None };
        let mut outbox = open();
        outbox.draft(3, draft.clone()).unwrap();
        assert_eq!(open().drafts().get(&3), Some(&draft));
        // Another line leaves it as it is; the same one ends it.
        let line = |text: &str| {
            let message = SendMessage { text: text.into(), ..SendMessage::default() };
            Command::InChat { chat: 3, act: InChat::Send(message) }
        };
        outbox.keep(line("another")).1.unwrap();
        assert_eq!(open().drafts().get(&3), Some(&draft));
        outbox.keep(line("half a")).1.unwrap();
        assert!(open().drafts().is_empty() && open().unsent().len() == 2);
        outbox.forget().unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
