//! Buttons, fields and lines as all screens have them.

use egui::{
    Align, Button, Color32, CornerRadius, FontId, Frame, Key, Layout, Margin, Modifiers, Popup, Response, RichText,
    Sense, SetOpenCommand, Stroke, TextEdit, Ui, Vec2, WidgetInfo, WidgetType,
};

use super::theme::{Palette, letter, radius, regular, semibold, size, space};

/// A button that is a sign; `name` is what it does, as a tooltip and for screen readers.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str) -> Response {
    let colour = Palette::of(ui).soft;
    icon_button_in(ui, icon, name, colour)
}

/// The same in a colour of its own.
pub fn icon_button_in(ui: &mut Ui, icon: &str, name: &str, colour: Color32) -> Response {
    let palette = Palette::of(ui);
    let (area, response) = ui.allocate_exact_size(Vec2::splat(size::ICON_BUTTON), Sense::click());
    let pressed = response.is_pointer_button_down_on();
    if response.hovered() || response.has_focus() {
        let fill = if pressed { palette.chosen } else { palette.hover };
        ui.painter().rect_filled(area, CornerRadius::same(radius::SMALL), fill);
    }
    let colour = if response.hovered() { palette.text } else { colour };
    ui.painter().text(area.center(), egui::Align2::CENTER_CENTER, icon, regular(letter::ICON), colour);
    focus_ring(ui, &response, radius::SMALL);
    named(ui, response, name).on_hover_text(name)
}

/// A round button on the stage of a call.
pub fn round_button(ui: &mut Ui, icon: &str, name: &str, fill: Color32, ink: Color32, diameter: f32) -> Response {
    let (area, response) = ui.allocate_exact_size(Vec2::splat(diameter), Sense::click());
    let fill = if response.hovered() { fill.gamma_multiply(0.85) } else { fill };
    ui.painter().circle_filled(area.center(), diameter / 2.0, fill);
    ui.painter().text(area.center(), egui::Align2::CENTER_CENTER, icon, regular(diameter * 0.46), ink);
    focus_ring(ui, &response, radius::ROUND);
    named(ui, response, name).on_hover_text(name)
}

/// How loud a peak sounds, 0 to 1: nothing below −50 dB, all of it at full scale.
pub fn loudness(peak: f32) -> f32 {
    (1.0 + 20.0 * peak.max(1e-6).log10() / 50.0).clamp(0.0, 1.0)
}

/// How loud a microphone is, as a ring around its button.
pub fn level_ring(ui: &Ui, button: egui::Rect, peak: f32) {
    let loudness = loudness(peak);
    if loudness > 0.0 {
        let stroke = egui::Stroke::new(1.0 + 2.0 * loudness, Palette::of(ui).good.gamma_multiply(0.4 + 0.6 * loudness));
        ui.painter().circle_stroke(button.center(), button.width() / 2.0 + 1.0, stroke);
    }
}

/// The one thing that a screen is for.
pub fn primary_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let palette = Palette::of(ui);
    wide_button(ui, text, enabled, palette.accent, palette.accent_hover, palette.on_accent)
}

/// Something else that can be done.
pub fn quiet_button(ui: &mut Ui, text: &str) -> Response {
    let palette = Palette::of(ui);
    wide_button(ui, text, true, palette.hover, palette.chosen, palette.text)
}

fn wide_button(ui: &mut Ui, text: &str, enabled: bool, fill: Color32, hover: Color32, ink: Color32) -> Response {
    let width = ui.available_width();
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (area, response) = ui.allocate_exact_size(Vec2::new(width, size::BUTTON), sense);
    let opacity = if enabled { 1.0 } else { 0.5 };
    let fill = if response.hovered() && enabled { hover } else { fill };
    ui.painter().rect_filled(area, CornerRadius::same(radius::SMALL), fill.gamma_multiply(opacity));
    let text_at = area.center();
    ui.painter().text(text_at, egui::Align2::CENTER_CENTER, text, semibold(letter::BODY), ink.gamma_multiply(opacity));
    focus_ring(ui, &response, radius::SMALL);
    let name = text.to_owned();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, &name));
    response
}

/// A small button within a row.
pub fn small_button(ui: &mut Ui, text: &str, primary: bool) -> Response {
    let palette = Palette::of(ui);
    let (fill, ink) = if primary { (palette.accent, palette.on_accent) } else { (palette.chosen, palette.text) };
    let text = RichText::new(text).font(regular(letter::SMALL)).color(ink);
    let button = Button::new(text).fill(fill).corner_radius(radius::SMALL).min_size(Vec2::new(0.0, 26.0));
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = Vec2::new(10.0, 3.0);
        ui.add(button)
    })
    .inner
}

/// Words that act like a link.
pub fn text_button(ui: &mut Ui, text: &str) -> Response {
    let colour = Palette::of(ui).accent_text;
    let text = RichText::new(text).font(regular(letter::SMALL)).color(colour);
    ui.add(Button::new(text).frame(false)).on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// A field with its name above.
pub fn field(ui: &mut Ui, name: &str, text: &mut String, hint: &str, secret: bool) -> Response {
    let palette = Palette::of(ui);
    let label = ui.label(RichText::new(name).font(regular(letter::SMALL)).color(palette.soft));
    ui.add_space(-space::TINY);
    let edit = TextEdit::singleline(text)
        .hint_text(RichText::new(hint).color(palette.soft))
        .password(secret)
        .font(regular(letter::BODY))
        .desired_width(f32::INFINITY)
        .min_size(Vec2::new(0.0, size::FIELD))
        .vertical_align(Align::Center)
        .frame(field_frame(palette));
    let response = ui.add(edit);
    field_edge(ui, &response);
    response.labelled_by(label.id)
}

/// How a field looks.
pub fn field_frame(palette: &Palette) -> Frame {
    Frame::new()
        .fill(palette.surface)
        .stroke(Stroke::new(1.0, palette.edge))
        .corner_radius(radius::SMALL)
        .inner_margin(Margin::symmetric(10, 6))
}

/// Shows that a field has the keyboard.
pub fn field_edge(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, Palette::of(ui).accent_text);
        ui.painter().rect_stroke(response.rect, CornerRadius::same(radius::SMALL), stroke, egui::StrokeKind::Inside);
    }
}

/// Whether the person finished a field with Enter.
pub fn entered(ui: &Ui, response: &Response) -> bool {
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// A line of words that may be cut short, in a given place.
pub fn line(ui: &Ui, at: egui::Pos2, width: f32, text: &str, font: FontId, colour: Color32) -> egui::Rect {
    let galley = cut(ui, text, font, colour, width);
    let area = egui::Rect::from_min_size(at, galley.size());
    ui.painter().galley(at, galley, colour);
    area
}

/// One line of words that ends with an ellipsis where the place ends.
pub fn cut(ui: &Ui, text: &str, font: FontId, colour: Color32, width: f32) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(0.0));
    ui.painter().layout_job(job)
}

/// A number of things that wait, as a small filled badge whose right middle is `at`.
pub fn badge(ui: &Ui, at: egui::Pos2, count: u32) -> f32 {
    let palette = Palette::of(ui);
    let text = if count > 99 { "99+".to_owned() } else { count.to_string() };
    let galley = ui.painter().layout_no_wrap(text, semibold(letter::TINY), palette.on_accent);
    let width = (galley.size().x + 11.0).max(19.0);
    let area = egui::Rect::from_min_size(at - Vec2::new(width, 9.5), Vec2::new(width, 19.0));
    ui.painter().rect_filled(area, CornerRadius::same(radius::ROUND), palette.accent);
    ui.painter().galley(area.center() - galley.size() / 2.0, galley, palette.on_accent);
    width
}

/// Shows which thing the keyboard is at.
pub fn focus_ring(ui: &Ui, response: &Response, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, Palette::of(ui).accent_text);
        ui.painter().rect_stroke(response.rect, CornerRadius::same(radius), stroke, egui::StrokeKind::Inside);
    }
}

/// Whether something that turns over with each click was clicked. A drawing may be discarded and done again with the same
/// click, which counts once.
pub fn turns(ui: &Ui, response: &Response) -> bool {
    response.clicked() && ui.ctx().current_pass_index() == 0
}

/// A menu for a thing, by the pointer's other button or, while the thing has the keyboard, by Shift and F10: the key that
/// keyboards have for menus comes as that.
pub fn context_menu(ui: &Ui, response: &Response, contents: impl FnOnce(&mut Ui)) {
    let id = response.id.with(("menu by key",));
    let mut popup = Popup::context_menu(response);
    if response.has_focus() && ui.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::F10)) {
        ui.data_mut(|data| data.insert_temp(id, true));
        popup = popup.open_memory(Some(SetOpenCommand::Bool(true)));
    } else if response.secondary_clicked() || !popup.is_open() {
        ui.data_mut(|data| data.remove::<bool>(id));
    }
    let opens = ui.data(|data| data.get_temp::<bool>(id));
    if opens.is_some() {
        popup = popup.at_position(response.rect.left_bottom() + Vec2::new(space::LARGE, -space::SMALL));
    }
    popup.show(|ui| {
        contents(ui);
        if opens == Some(true) && focus_first(ui) {
            ui.data_mut(|data| data.insert_temp(id, false));
        }
    });
}

/// Gives the keyboard to the first thing of a menu. Says whether there was one.
fn focus_first(ui: &Ui) -> bool {
    let first = ui.ctx().viewport(|viewport| {
        let mut drawn = viewport.this_pass.widgets.get_layer(ui.layer_id());
        // What lies outside is the menu itself.
        let fits = |rect| ui.min_rect().contains_rect(rect);
        let first = drawn.find(|widget| widget.enabled && widget.sense.is_focusable() && fits(widget.rect));
        first.map(|widget| widget.id)
    });
    ui.memory_mut(|memory| first.into_iter().for_each(|id| memory.request_focus(id)));
    first.is_some()
}

/// Brings a thing in sight once the keyboard comes to it.
pub fn follow_focus(response: &Response) {
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
}

/// Gives a thing that was drawn by hand its name for screen readers.
pub fn named(_ui: &Ui, response: Response, name: &str) -> Response {
    let name = name.to_owned();
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, &name));
    response
}

/// A card with something that must be read; `bad` for what went wrong.
pub fn card<R>(ui: &mut Ui, bad: bool, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let palette = Palette::of(ui);
    Frame::new()
        .fill(if bad { palette.bad_ground } else { palette.surface })
        .stroke(Stroke::new(1.0, if bad { palette.bad_text.gamma_multiply(0.35) } else { palette.line }))
        .corner_radius(radius::NORMAL)
        .inner_margin(Margin::same(space::NORMAL as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            contents(ui)
        })
        .inner
}

/// A sign, and words beside it that may take several lines.
pub fn told<R>(ui: &mut Ui, icon: &str, colour: Color32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(icon).font(regular(letter::ICON)).color(colour));
        ui.vertical(|ui| {
            ui.add_space(1.0);
            contents(ui)
        })
        .inner
    })
    .inner
}

/// Something at the lower end of a window that is as high as what is in it.
pub fn at_the_bottom(ui: &mut Ui, name: &'static str, contents: impl FnOnce(&mut Ui)) {
    let id = ui.id().with(name);
    let panel = egui::Panel::bottom(name).frame(Frame::NONE).show_separator_line(false).resizable(false);
    let height = panel.show(ui, contents).response.rect.height();
    let before = ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default::<f32>(id), height));
    if (before - height).abs() > 0.5 {
        // The panel itself learns of its size only by the next drawing.
        ui.ctx().request_discard("a panel has another height");
    }
}

/// Things in a row from the right.
pub fn from_the_right<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(Layout::right_to_left(Align::Center), contents).inner
}
