//! What was written and is not at the server yet, kept on the disk before it is sent: it survives a crash, and is sent
//! again under the same keys.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use relay::vocabulary::{ChatId, SendMessage};

use crate::{
    engine::{Command, Event, InChat, new_key},
    home::{Draft, UnsentLine, Written, WrittenError},
};

/// The file of who is signed in, and what stands in it.
#[derive(Debug)]
pub(super) struct Outbox {
    path: PathBuf,
    written: Written,
    drafts: Arc<BTreeMap<ChatId, Draft>>,
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
        (Self { path, written, drafts }, error)
    }

    pub fn drafts(&self) -> Arc<BTreeMap<ChatId, Draft>> {
        self.drafts.clone()
    }

    /// The lines that were on their way when the program ended, as they are to be sent again.
    pub fn unsent(&self) -> Vec<Command> {
        let send = |line: &UnsentLine| Command::InChat { chat: line.chat, act: InChat::Send(line.message.clone()) };
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
        let (chat, message) = match command {
            Command::InChat { chat, act: InChat::Send(message) } if message.key.is_empty() => (chat, message),
            Command::InChat { chat, act: InChat::Change(change) } => {
                (chat, SendMessage { change: Some(change), ..SendMessage::default() })
            }
            other => return (other, Ok(())),
        };
        // Without a key the engine says what is wrong.
        let message = SendMessage { key: new_key().unwrap_or_default(), ..message };
        let kept = !message.key.is_empty() && self.written.send(chat, message.clone());
        let written = if kept { self.written.write(&self.path) } else { Ok(()) };
        (Command::InChat { chat, act: InChat::Send(message) }, written)
    }

    /// A line has come to the server, or never will.
    pub fn happened(&mut self, event: &Event) -> Result<(), WrittenError> {
        let (Event::Stored { key, .. } | Event::NotStored { key, .. }) = event else { return Ok(()) };
        if self.written.settle(key) { self.written.write(&self.path) } else { Ok(()) }
    }

    /// Nothing stays behind of who signs out.
    pub fn forget(mut self) -> Result<(), WrittenError> {
        self.written = Written::default();
        self.written.write(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use relay::vocabulary::Change;

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
    fn drafts_are_kept_and_signing_out_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let open = || Outbox::open(home.path(), "http://a", "ada").0;
        let draft = Draft { text: "half a".into(), reply_to: None };
        let mut outbox = open();
        outbox.draft(3, draft.clone()).unwrap();
        assert_eq!(open().drafts().get(&3), Some(&draft));
        outbox.forget().unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
