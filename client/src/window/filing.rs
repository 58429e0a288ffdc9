//! What the windows do with files: those that are chosen, pasted or saved, and where they were saved.

use std::path::PathBuf;

use winit::window::WindowId;

use super::{
    desk::{Desk, now},
    files::{self, Asked, Chosen, Question},
};
use crate::{
    engine::{Command, Event, InChat, OwnAccount},
    ui::{Action, PathAnswer, PathField, Portrait, Value},
};

/// A path that a person is asked for in one of the windows.
pub struct AskedPath {
    window: WindowId,
    question: Question,
    /// Absent while it is drawn.
    field: Option<PathField>,
}

/// Files of which it is remembered where they were saved.
const SAVED: usize = 1_000;

impl Desk {
    /// Does what a person wants with files.
    pub(super) fn handle_files(&mut self, window: WindowId, action: Action) {
        match action {
            Action::ChooseFiles(chat) => self.ask_for_path(window, "chat-attach", Asked::Attach(chat)),
            Action::ChoosePicture(whose) => self.ask_for_path(window, "picture-choose", Asked::Picture(whose)),
            Action::Save { file, name, ask: true } => {
                self.ask_for_path(window, "file-save-as", Asked::Save { file, name });
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

    fn ask_for_path(&self, window: WindowId, title: &str, of: Asked) {
        files::ask(&self.proxy, window, Question { title: self.words.say(title), of });
    }

    /// The field in which a path is written in a window, while it is drawn.
    pub(super) fn take_path_field(&mut self, window: WindowId) -> Option<PathField> {
        let asked = self.asked.as_mut().filter(|asked| asked.window == window)?;
        asked.field.take()
    }

    /// What was made of the field.
    pub(super) fn put_path_field(&mut self, field: Option<PathField>, answer: Option<PathAnswer>) {
        let (Some(asked), Some(field)) = (self.asked.as_mut(), field) else { return };
        asked.field = Some(field);
        let Some((answer, asked)) = answer.and_then(|answer| Some((answer, self.asked.take()?))) else { return };
        if let PathAnswer::Path(path) = answer {
            files::answered(&self.proxy, asked.question.of, path);
        }
        self.redraw();
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
            Chosen::Ask(window, question) => {
                self.asked = Some(AskedPath { window, field: Some(question.field()), question });
                self.redraw();
            }
            Chosen::Trouble(text) => self.complain(text),
        }
    }

    /// Pastes files or a picture into the line that is being written. Says whether that is all that there is to paste.
    pub(super) fn paste(&mut self, id: WindowId) -> bool {
        if self.asked.as_ref().is_some_and(|asked| asked.window == id) {
            return false;
        }
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
