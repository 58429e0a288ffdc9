//! Choosing an emoji: those used lately, by category, or by name. It stands above the composer, for a line that is being
//! written or as a reaction to one.

use egui::{Align2, Frame, Id, Key, Margin, Rect, RichText, ScrollArea, Sense, TextEdit, Ui, UiBuilder, Vec2};

use super::{
    Action, Out, Scene, controls,
    emoji::{self, Category, Emoji},
    fonts, icons,
    theme::{Palette, letter, radius, regular, size, space},
};

/// A place for one, in points.
const CELL: f32 = 36.0;

/// Rows that are in sight at a time.
const ROWS: f32 = 5.0;

/// Most of those used lately that are kept.
const RECENT_MAX: usize = 24;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shelf {
    Recent,
    Of(Category),
}

/// An open picker.
#[derive(Debug)]
pub struct EmojiPicker {
    query: String,
    shelf: Option<Shelf>,
    begins: bool,
    /// Those that the fonts at hand can draw, in order; looked at once.
    drawable: Option<Vec<&'static Emoji>>,
}

/// What came of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    Nothing,
    One(&'static str),
    /// The person wants none.
    Close,
}

impl EmojiPicker {
    pub fn new() -> Self {
        Self { query: String::new(), shelf: None, begins: true, drawable: None }
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> Picked {
        let palette = Palette::of(ui);
        let mut picked = Picked::Nothing;
        let frame = Frame::new()
            .fill(palette.surface)
            .stroke(egui::Stroke::new(1.0, palette.line))
            .corner_radius(radius::NORMAL)
            .inner_margin(Margin::same(space::SMALL as i8));
        frame.show(ui, |ui| {
            ui.spacing_mut().item_spacing = Vec2::ZERO;
            if self.head(ui, scene) {
                picked = Picked::Close;
            }
            ui.add_space(space::TINY);
            let emoji = self.shown(ui, scene);
            self.shelves(ui, scene);
            ui.add_space(space::TINY);
            if let Some(one) = grid(ui, scene, &emoji) {
                picked = Picked::One(one.sign);
            }
        });
        if ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape)) {
            picked = Picked::Close;
        }
        if let Picked::One(sign) = picked {
            remember(scene, sign, out);
        }
        picked
    }

    /// The field for names. Says whether the picker is to be closed.
    fn head(&mut self, ui: &mut Ui, scene: &Scene<'_>) -> bool {
        let palette = Palette::of(ui);
        ui.horizontal(|ui| {
            let width = ui.available_width() - size::ICON_BUTTON - space::TINY;
            let hint = RichText::new(format!("{}  {}", icons::MAGNIFYING_GLASS, scene.say("emoji-search")));
            let field = TextEdit::singleline(&mut self.query)
                .hint_text(hint.color(palette.soft))
                .char_limit(64)
                .desired_width(width)
                .min_size(Vec2::new(width, size::ICON_BUTTON))
                .vertical_align(egui::Align::Center)
                .frame(Frame::new().fill(palette.hover).corner_radius(8).inner_margin(Margin::symmetric(10, 5)));
            let field = ui.add(field);
            let name = scene.say("emoji-search");
            field.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &name));
            controls::focus_ring(ui, &field, 8);
            if std::mem::take(&mut self.begins) {
                field.request_focus();
            }
            ui.add_space(space::TINY);
            controls::icon_button(ui, icons::X, &scene.say("emoji-close")).clicked()
        })
        .inner
    }

    /// What is on the shelf, or was found.
    fn shown(&mut self, ui: &Ui, scene: &Scene<'_>) -> Vec<&'static Emoji> {
        let drawable = self
            .drawable
            .get_or_insert_with(|| emoji::all().iter().filter(|one| fonts::can_draw(ui.ctx(), one.sign)).collect());
        if !self.query.trim().is_empty() {
            let found = emoji::find(&self.query).into_iter();
            return found.filter(|one| drawable.iter().any(|known| std::ptr::eq(*known, *one))).collect();
        }
        let recent: Vec<_> = scene.preferences.recent_emoji.iter().filter_map(|sign| emoji::of_sign(sign)).collect();
        let first = if recent.is_empty() { Shelf::Of(Category::Faces) } else { Shelf::Recent };
        match *self.shelf.get_or_insert(first) {
            Shelf::Recent => recent,
            Shelf::Of(category) => drawable.iter().copied().filter(|one| one.category == category).collect(),
        }
    }

    /// The shelves, side by side.
    fn shelves(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        let palette = Palette::of(ui);
        let shelves = std::iter::once(Shelf::Recent).chain(Category::ALL.map(Shelf::Of));
        let width = ui.available_width() / (1 + Category::ALL.len()) as f32;
        let chosen = self.shelf.filter(|_| self.query.trim().is_empty());
        ui.horizontal(|ui| {
            for shelf in shelves {
                let (sign, word) = match shelf {
                    Shelf::Recent => (icons::CLOCK, "emoji-recent"),
                    Shelf::Of(category) => (category.sign(), category.word()),
                };
                let name = scene.say(word);
                let (area, tab) = ui.allocate_exact_size(Vec2::new(width, size::ICON_BUTTON), Sense::click());
                let is_chosen = chosen == Some(shelf);
                if tab.hovered() || tab.has_focus() {
                    ui.painter().rect_filled(area, f32::from(radius::SMALL), palette.hover);
                }
                let colour = if is_chosen { palette.accent_text } else { palette.soft };
                ui.painter().text(area.center(), Align2::CENTER_CENTER, sign, regular(letter::ICON - 2.0), colour);
                if is_chosen {
                    let line = Rect::from_center_size(area.center_bottom(), Vec2::new(width * 0.6, 2.0));
                    ui.painter().rect_filled(line, 1.0, palette.accent_text);
                }
                controls::focus_ring(ui, &tab, radius::SMALL);
                tab.widget_info(|| {
                    egui::WidgetInfo::selected(egui::WidgetType::RadioButton, true, is_chosen, name.as_str())
                });
                if tab.on_hover_text(name).clicked() {
                    self.shelf = Some(shelf);
                    self.query.clear();
                }
            }
        });
    }
}

/// The emoji, in rows. Gives the one that was chosen.
fn grid(ui: &mut Ui, scene: &Scene<'_>, emoji: &[&'static Emoji]) -> Option<&'static Emoji> {
    let palette = Palette::of(ui);
    let columns = ((ui.available_width() / CELL) as usize).max(1);
    let width = ui.available_width() / columns as f32;
    let height = ROWS * CELL;
    if emoji.is_empty() {
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
        let text = scene.say("emoji-none");
        ui.painter().text(area.center(), Align2::CENTER_CENTER, text, regular(letter::BODY), palette.soft);
        return None;
    }
    let mut chosen = None;
    let rows = emoji.len().div_ceil(columns);
    let area = ScrollArea::vertical().id_salt("emoji").max_height(height).min_scrolled_height(height);
    area.auto_shrink(false).show_rows(ui, CELL, rows, |ui, seen| {
        for row in seen {
            ui.horizontal(|ui| {
                for one in emoji.iter().skip(row * columns).take(columns) {
                    // Of its own, whatever is in sight above it: the keyboard stays where it is.
                    let id = Id::new(("emoji", one.sign));
                    let place = Rect::from_min_size(ui.cursor().min, Vec2::new(width, CELL));
                    let cell = ui.scope_builder(UiBuilder::new().id(id).max_rect(place), |ui| {
                        ui.allocate_exact_size(Vec2::new(width, CELL), Sense::click())
                    });
                    let (area, cell) = cell.inner;
                    controls::follow_focus(&cell);
                    if cell.hovered() || cell.has_focus() {
                        ui.painter().rect_filled(area.shrink(1.0), f32::from(radius::SMALL), palette.hover);
                    }
                    let font = regular(letter::ICON + 3.0);
                    ui.painter().text(area.center(), Align2::CENTER_CENTER, one.sign, font, palette.text);
                    controls::focus_ring(ui, &cell, radius::SMALL);
                    let name = one.name(scene.words.tongue());
                    if controls::named(ui, cell, name).on_hover_text(name).clicked() {
                        chosen = Some(*one);
                    }
                }
            });
        }
    });
    chosen
}

/// Puts one first among those used lately.
fn remember(scene: &Scene<'_>, sign: &str, out: &mut Out) {
    let mut preferences = scene.preferences.clone();
    preferences.recent_emoji.retain(|known| known != sign);
    preferences.recent_emoji.insert(0, sign.to_owned());
    preferences.recent_emoji.truncate(RECENT_MAX);
    if preferences != *scene.preferences {
        out.act(Action::Prefer(preferences));
    }
}
