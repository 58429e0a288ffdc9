//! A field for a path, where the desktop has no dialog for files, with what is in its folder below it.

use std::{
    io,
    path::{MAIN_SEPARATOR, Path, PathBuf, is_separator},
};

use egui::{Color32, Frame, Key, Modal, RichText, ScrollArea, Ui, Vec2};

use super::{
    Scene, controls, icons,
    theme::{Palette, letter, regular, semibold, size, space},
};

/// What the path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathUse {
    /// A file that is there.
    Open,
    /// One that is written.
    Save,
}

/// What a person answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathAnswer {
    Path(PathBuf),
    Nothing,
}

/// Asks for a path.
#[derive(Debug)]
pub struct PathField {
    title: String,
    text: String,
    purpose: PathUse,
    begins: bool,
    listed: Option<Listed>,
}

/// What is in a folder, by name, folders first.
#[derive(Debug)]
struct Listed {
    folder: PathBuf,
    entries: io::Result<Vec<(String, bool)>>,
}

/// Entries that are shown of a folder.
const SHOWN: usize = 200;

impl PathField {
    /// Begins at a folder, or at a file that is to be written.
    pub fn new(title: String, begin: &Path, purpose: PathUse) -> Self {
        let mut text = begin.display().to_string();
        if purpose == PathUse::Open && !text.ends_with(is_separator) {
            text.push(MAIN_SEPARATOR);
        }
        Self { title, text, purpose, begins: true, listed: None }
    }

    pub fn show(&mut self, ui: &Ui, scene: &Scene<'_>) -> Option<PathAnswer> {
        let width = (ui.ctx().content_rect().width() - 2.0 * space::WIDE).min(size::PATH);
        let frame = Frame::popup(ui.style()).inner_margin(space::WIDE);
        let modal = Modal::new(ui.id().with(("path",))).frame(frame).show(ui.ctx(), |ui| {
            ui.set_width(width - 2.0 * space::WIDE);
            self.contents(ui, scene)
        });
        match modal.inner {
            None if modal.should_close() => Some(PathAnswer::Nothing),
            answer => answer,
        }
    }

    fn contents(&mut self, ui: &mut Ui, scene: &Scene<'_>) -> Option<PathAnswer> {
        let palette = Palette::of(ui);
        ui.label(RichText::new(&self.title).font(semibold(letter::HEADING)).color(palette.text));
        ui.add_space(space::TINY);
        let field = controls::field(ui, &scene.say("path-name"), &mut self.text, "", false);
        if std::mem::take(&mut self.begins) {
            field.request_focus();
            to_the_end(ui, field.id, &self.text);
        }
        let entered = controls::entered(ui, &field);
        if let Some(text) = self.list(ui, scene) {
            self.text = text;
            field.request_focus();
            to_the_end(ui, field.id, &self.text);
        }
        let path = full(&self.text);
        let (fits, trouble) = self.judge(&path);
        if let Some(word) = trouble {
            ui.label(RichText::new(scene.say(word)).font(regular(letter::SMALL)).color(palette.soft));
        }
        ui.add_space(space::SMALL);
        let (mut done, mut given_up) = (false, false);
        ui.columns(2, |columns| {
            given_up = controls::quiet_button(&mut columns[0], &scene.say("cancel")).clicked();
            let word = match self.purpose {
                PathUse::Open => "path-open",
                PathUse::Save if path.is_file() => "path-replace",
                PathUse::Save => "path-save",
            };
            done = controls::primary_button(&mut columns[1], &scene.say(word), fits).clicked();
        });
        if given_up || ui.input(|input| input.key_pressed(Key::Escape)) {
            return Some(PathAnswer::Nothing);
        }
        if entered && !fits && path.is_dir() && !self.text.ends_with(is_separator) {
            self.text.push(MAIN_SEPARATOR);
            self.begins = true;
        } else if entered && !fits {
            self.begins = true;
        }
        (fits && (done || entered)).then_some(PathAnswer::Path(path))
    }

    /// What is in the folder and begins like what is written. Gives what was chosen of it.
    fn list(&mut self, ui: &mut Ui, scene: &Scene<'_>) -> Option<String> {
        let palette = Palette::of(ui);
        let (folder, begin) = self.text.rsplit_once(is_separator).unwrap_or(("", &self.text));
        let (head, begin) = (&self.text[..self.text.len() - begin.len()], begin.to_lowercase());
        let folder = full(&format!("{folder}{MAIN_SEPARATOR}"));
        if self.listed.as_ref().is_none_or(|listed| listed.folder != folder) {
            self.listed = Some(Listed { entries: read(&folder), folder });
        }
        let entries = &self.listed.as_ref()?.entries;
        let mut chosen = None;
        ui.add_space(space::TINY);
        ScrollArea::vertical().max_height(size::PATH_LIST).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.visuals_mut().widgets.inactive.weak_bg_fill = Color32::TRANSPARENT;
            ui.spacing_mut().button_padding = Vec2::new(space::SMALL, space::TINY);
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    let text = format!("{}: {error}", scene.say("path-unread"));
                    ui.label(RichText::new(text).font(regular(letter::SMALL)).color(palette.bad_text));
                    return;
                }
            };
            let fits = |name: &str| {
                name.to_lowercase().starts_with(&begin) && (begin.starts_with('.') || !name.starts_with('.'))
            };
            let fitting = entries.iter().filter(|(name, _)| fits(name)).take(SHOWN);
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::LEFT), |ui| {
                for (name, is_folder) in fitting {
                    let icon = if *is_folder { icons::FOLDER_OPEN } else { icons::FILE };
                    let entry = ui.button(format!("{icon}  {name}"));
                    if controls::named(ui, entry, name).clicked() {
                        let end = if *is_folder { MAIN_SEPARATOR.to_string() } else { String::new() };
                        chosen = Some(format!("{head}{name}{end}"));
                    }
                }
            });
        });
        chosen
    }

    /// Whether this can be the answer, and what is to be said about it.
    fn judge(&self, path: &Path) -> (bool, Option<&'static str>) {
        match self.purpose {
            PathUse::Open if path.is_file() => (true, None),
            PathUse::Open if path.is_dir() => (false, None),
            PathUse::Open => (false, Some("path-none")),
            PathUse::Save if path.is_dir() || path.file_name().is_none() => (false, Some("path-nameless")),
            PathUse::Save if path.is_file() => (true, Some("path-there")),
            PathUse::Save if path.parent().is_some_and(Path::is_dir) => (true, None),
            PathUse::Save => (false, Some("path-no-folder")),
        }
    }
}

/// The whole path of what is written: from the person's own folder, unless it says otherwise.
fn full(text: &str) -> PathBuf {
    let text = text.trim();
    let home = dirs::home_dir().unwrap_or_default();
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(is_separator) => {
            home.join(rest.trim_start_matches(is_separator))
        }
        _ => home.join(text),
    }
}

fn read(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Through links: one that leads to a folder is one.
        let is_folder = entry.path().is_dir();
        // A name that is no text cannot be written into a field.
        entries.extend(entry.file_name().into_string().ok().map(|name| (name, is_folder)));
    }
    entries.sort_by_cached_key(|(name, is_folder)| (!is_folder, name.to_lowercase()));
    Ok(entries)
}

/// Puts the caret behind the last letter.
fn to_the_end(ui: &Ui, field: egui::Id, text: &str) {
    use egui::text::{CCursor, CCursorRange};
    let mut state = egui::TextEdit::load_state(ui.ctx(), field).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(text.chars().count()))));
    state.store(ui.ctx(), field);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_understood_and_judged() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "x").unwrap();
        std::fs::create_dir(folder.path().join("Sub")).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [("Sub".to_owned(), true), ("a.txt".to_owned(), false)]);
        assert!(read(&folder.path().join("gone")).is_err());
        let home = dirs::home_dir().unwrap();
        assert_eq!((full("~/x"), full(" x "), full("~")), (home.join("x"), home.join("x"), home.clone()));
        assert_eq!(full("/etc/hosts"), Path::new("/etc/hosts"));
        let judge =
            |purpose, name: &str| PathField::new(String::new(), &home, purpose).judge(&folder.path().join(name));
        assert_eq!(judge(PathUse::Open, "a.txt"), (true, None));
        assert_eq!(judge(PathUse::Open, "Sub"), (false, None));
        assert_eq!(judge(PathUse::Open, "b.txt"), (false, Some("path-none")));
        assert_eq!(judge(PathUse::Save, "a.txt"), (true, Some("path-there")));
        assert_eq!(judge(PathUse::Save, "b.txt"), (true, None));
        assert_eq!(judge(PathUse::Save, "Sub"), (false, Some("path-nameless")));
        assert_eq!(judge(PathUse::Save, "none/b.txt"), (false, Some("path-no-folder")));
    }
}
