//! What the windows do with files: those that are chosen, pasted or saved, and where they were saved.

use std::path::PathBuf;

use winit::window::WindowId;

use super::{
    desk::{Desk, now},
    files::{self, Chosen},
};
use crate::{
    engine::{Command, Event, InChat, OwnAccount},
    ui::{Action, Portrait, Value},
};

/// Files of which it is remembered where they were saved.
const SAVED: usize = 1_000;

impl Desk {
    /// Does what a person wants with files.
    pub(super) fn handle_files(&mut self, action: Action) {
        match action {
            Action::ChooseFiles(chat) => files::choose(&self.proxy, chat, self.words.say("chat-attach")),
            Action::ChoosePicture(whose) => {
                files::choose_picture(&self.proxy, whose, self.words.say("picture-choose"));
            }
            Action::Save { file, name, ask: true } => {
                files::choose_place(&self.proxy, file, name, self.words.say("file-save-as"));
            }
            Action::Save { file, name, ask: false } => match files::place(&name) {
                Ok(to) => self.save(file, to),
                Err(error) => self.complain(error.to_string()),
            },
            Action::KeepPicture => {
                let name = self.words.say("call-snapshot-name") + ".png";
                match files::place(&name) {
                    Ok(to) => {
                        let seen = self.app.pictures().theirs();
                        seen.into_iter().for_each(|(_, picture)| files::keep(&self.proxy, picture, to.clone()));
                    }
                    Err(error) => self.complain(error.to_string()),
                }
            }
            Action::Reveal(path) => {
                if let Err(error) = files::reveal(&path) {
                    self.complain(format!("{}: {error}", path.display()));
                }
            }
            _ => {}
        }
    }

    fn save(&mut self, file: String, to: PathBuf) {
        self.app.give(Command::Fetch { file, to, small: false });
    }

    /// Remembers where a file was saved. Says whether it was one.
    pub(super) fn note_saved(&mut self, event: &Event) -> bool {
        let Event::Fetched { file, path, .. } = event else { return false };
        if self.saved.len() >= SAVED {
            self.saved.clear();
        }
        self.saved.insert(file.clone(), PathBuf::from(path));
        true
    }

    /// Tells of something that went wrong here.
    pub(super) fn complain(&mut self, text: String) {
        self.notices.take(&Event::Warning { text }, &self.words, now());
        self.redraw();
    }

    pub(super) fn chosen(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Attach(chat, staged, unfit) => {
                let of_chat = self.chats.iter_mut().find(|(screen, _)| screen.chat() == chat);
                let open = of_chat.map(|(screen, frame)| (screen, &*frame));
                let beside = self.call.as_mut().and_then(|(screen, frame)| Some((screen.chat(chat)?, &*frame)));
                let Some((screen, frame)) = open.or(beside) else { return };
                let troubles = screen.stage(&self.words, staged, &unfit);
                frame.redraw();
                for trouble in troubles {
                    self.complain(trouble);
                }
            }
            Chosen::Picture(whose, picture) => {
                let path = picture.to_path_buf();
                self.portraits.push(picture);
                self.app.give(match whose {
                    Portrait::Own => Command::OwnAccount(OwnAccount::Picture(Some(path))),
                    Portrait::Chat(chat) => Command::InChat { chat, act: InChat::Picture(Some(path)) },
                });
            }
            Chosen::NoPicture(name) => {
                self.complain(self.words.with("picture-not-one", &[("name", Value::Text(&name))]));
            }
            Chosen::Save { file, to } => self.save(file, to),
            Chosen::Kept(path) => {
                let path = path.display().to_string();
                let text = self.words.with("call-snapshot-kept", &[("path", Value::Text(&path))]);
                self.notices.tell(text, now());
                self.redraw();
            }
            Chosen::Trouble(text) => self.complain(text),
        }
    }

    /// Pastes files or a picture into the line that is being written. Says whether that is all that there is to paste.
    pub(super) fn paste(&mut self, id: WindowId) -> bool {
        let of_chat = self.chats.iter().find(|(_, frame)| frame.id() == id).map(|(screen, _)| screen);
        let beside = self.call.as_ref().filter(|(_, frame)| frame.id() == id).and_then(|(screen, _)| screen.beside());
        let Some(screen) = of_chat.or(beside) else { return false };
        if !screen.takes_pasted() {
            return false;
        }
        let chat = screen.chat();
        if let Some(files) = files::copied(chat) {
            self.chosen(files);
            return true;
        }
        files::paste_picture(&self.proxy, chat, self.words.say("file-pasted") + ".png");
        false
    }
}
