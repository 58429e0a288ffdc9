//! A call: the card that rings, waiting for an answer, and the display with the other's picture and one's own.

use egui::{Align2, Frame, Key, Margin, Popup, Rect, Response, RichText, Sense, Ui, UiBuilder, Vec2};
use relay::vocabulary::{CallId, CallPhase, Participant};

use super::{
    Action, Native, Out, PicturePlace, Scene, Value, Whose,
    avatar::Face,
    call_troubles,
    contacts::menu_item,
    controls, dates, icons, names,
    own_picture::OwnPicture,
    quality,
    region_stack::Share,
    regions,
    talk_key::TalkKey,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::{
    app,
    engine::{CallState, Command},
    home::Region,
};

/// The diameter of a button on the stage, and of one beside a folded display.
const BUTTON: f32 = 38.0;
const SMALL_BUTTON: f32 = 30.0;

/// What the title takes at the stage's upper edge, and the buttons at the lower one.
const OTHERS: (f32, f32) = (34.0, 62.0);

/// What the display remembers of a call.
#[derive(Debug, Default)]
pub struct CallRegion {
    /// Since when the call is talked in.
    began: Option<(CallId, u64)>,
    /// Whether the display fills the window, and the window the screen.
    fills: bool,
    full_screen: bool,
    /// Whether it has a window of its own, which it always fills.
    alone: bool,
    own: OwnPicture,
    /// Whether the figures are shown.
    quality: bool,
    talk: TalkKey,
    /// Since when the own microphone is open.
    open_since: Option<u64>,
}

impl CallRegion {
    /// The display in a window of its own.
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }

    pub fn is_full_screen(&self) -> bool {
        self.full_screen
    }

    pub fn is_there(&self, scene: &Scene<'_>) -> bool {
        scene.view.state.call.is_some()
    }

    /// Whether the other's picture is seen in the main window.
    pub fn has_display(&self, scene: &Scene<'_>) -> bool {
        !scene.popped_out && scene.view.state.call.as_ref().is_some_and(is_talking)
    }

    /// Whether the display is all that the window shows.
    pub fn fills(&self, scene: &Scene<'_>) -> bool {
        self.fills && self.has_display(scene)
    }

    /// A call that is over leaves the screen to others.
    pub fn leave(&mut self, scene: &Scene<'_>, out: &mut Out) {
        if !self.is_there(scene) {
            (self.quality, self.open_since) = (false, None);
        }
        if !self.fills(scene) {
            self.fills = false;
            if std::mem::take(&mut self.full_screen) {
                out.act(Action::Native(Native::FullScreen(false)));
            }
        }
    }

    /// Draws it; with a `share` of the window, as high as that, and else as high as the window.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, share: Option<&Share>, out: &mut Out) {
        let Some(call) = &scene.view.state.call else { return };
        if is_talking(call) {
            self.talk.follow(ui, scene, call.call.id, out);
            if self.began.is_none_or(|(known, _)| known != call.call.id) {
                self.began = Some((call.call.id, scene.now.at));
            }
            return match share {
                _ if scene.popped_out && !self.alone => elsewhere(ui, scene, out),
                Some(Share { folded: true, .. }) => self.folded(ui, scene, call, out),
                _ => self.display(ui, scene, call, share, out),
            };
        }
        Frame::new().inner_margin(Margin::symmetric(12, 0)).show(ui, |ui| {
            if call.outgoing || call.joined { waiting(ui, scene, call, out) } else { ringing(ui, scene, call, out) }
        });
    }

    /// Who it is, for how long, and the buttons that a call needs.
    fn folded(&mut self, ui: &mut Ui, scene: &Scene<'_>, call: &CallState, out: &mut Out) {
        let palette = Palette::of(ui);
        let row = Rect::from_min_size(ui.cursor().min, Vec2::new(ui.available_width(), size::FOLDED));
        ui.painter().rect_filled(row, 0.0, palette.hover);
        let text = self.who_and_how_long(scene, call);
        let buttons = row.with_min_x(row.right() - 3.0 * SMALL_BUTTON - 3.0 * space::SMALL);
        ui.scope_builder(UiBuilder::new().max_rect(row.with_max_x(buttons.left())), |ui| {
            regions::folded(ui, scene, Region::Display, &text, 0, out);
        });
        ui.scope_builder(UiBuilder::new().max_rect(buttons), |ui| {
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = space::SMALL;
                microphone(ui, scene, palette, SMALL_BUTTON, out);
                camera(ui, scene, palette, SMALL_BUTTON, out);
                hang_up(ui, scene, palette, SMALL_BUTTON, out);
            });
        });
        ui.advance_cursor_after_rect(row);
    }

    fn who_and_how_long(&self, scene: &Scene<'_>, call: &CallState) -> String {
        let since = self.began.map_or(0, |(_, began)| scene.now.at.saturating_sub(began));
        format!("{}   {}", other_name(scene, other(scene, call)), dates::length(since))
    }

    fn display(&mut self, ui: &mut Ui, scene: &Scene<'_>, call: &CallState, share: Option<&Share>, out: &mut Out) {
        let width = ui.available_width();
        let whole = self.fills || self.alone;
        let height = share.map_or(ui.available_height(), |share| share.height);
        let (stage, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::click_and_drag());
        if response.double_clicked() {
            self.turn(out);
        }
        if whole && response.drag_started() {
            out.act(Action::Native(Native::Move));
        }
        out.pictures.push(PicturePlace { whose: Whose::Theirs, area: stage, radius: 0.0, fill: false });
        self.own.show(ui, scene, stage, OTHERS, out);
        let palette = Palette::of(ui);
        self.title(ui, scene, stage, &self.who_and_how_long(scene, call));
        let bar = Rect::from_center_size(stage.center_bottom() - Vec2::new(0.0, 32.0), Vec2::new(238.0, 52.0));
        ui.painter().rect_filled(bar, 255.0, palette.stage.gamma_multiply(0.8));
        ui.scope_builder(UiBuilder::new().max_rect(bar.shrink2(Vec2::new(9.0, 0.0))), |ui| {
            ui.horizontal_centered(|ui| self.buttons(ui, scene, palette, out));
        });
        self.open_since = if scene.muted { None } else { self.open_since.or(Some(scene.now.at)) };
        let open_for = self.open_since.map(|since| scene.now.at.saturating_sub(since) / 1_000);
        let mut above = stage.shrink2(Vec2::new(10.0, 0.0)).with_max_y(bar.top() - space::SMALL);
        if self.talk.hint(ui, scene, above.center_bottom()) {
            above.max.y -= letter::SMALL + 2.0 * space::SMALL;
        }
        call_troubles::show(ui, scene, above, &app::troubles(scene.view, open_for));
        // Where nothing below it has the place for them.
        if share.is_none_or(|share| share.elastic) && self.quality && quality::show_over(ui, stage, scene, call) {
            self.quality = false;
        }
    }

    /// How well the call goes, with whom it is, and for how long it has gone on; the figures are one click away.
    fn title(&mut self, ui: &mut Ui, scene: &Scene<'_>, stage: Rect, text: &str) {
        let palette = Palette::of(ui);
        let lead = letter::ICON + space::TINY;
        // The own picture may stand at the other side.
        let width = stage.width() * 0.62 - lead;
        let text = controls::cut(ui, text, semibold(letter::SMALL), palette.on_stage, width);
        let at = stage.left_top() + Vec2::new(10.0, 10.0);
        let area = quality::pill(ui, at, Align2::LEFT_TOP, text, lead);
        let (icon, how) = quality::sign(app::signal(scene.view));
        let sign = egui::pos2(area.left() + 8.0 + letter::ICON / 2.0, area.center().y);
        ui.painter().text(sign, Align2::CENTER_CENTER, icon, regular(letter::ICON), palette.on_stage);
        let name = match self.quality {
            true => scene.say("quality-close"),
            false => scene.words.with("quality-open", &[("how", Value::Text(&scene.say(how)))]),
        };
        let response = ui.interact(area, ui.id().with("quality"), Sense::click());
        controls::focus_ring(ui, &response, 13);
        let response = controls::named(ui, response, &name).on_hover_text(name);
        if response.clicked() {
            self.quality = !self.quality;
        }
    }

    /// Whether the figures are to be seen in place of the contacts.
    pub fn has_quality(&self, scene: &Scene<'_>) -> bool {
        self.quality && scene.view.state.call.as_ref().is_some_and(is_talking)
    }

    pub fn show_quality(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        scene.view.state.call.iter().for_each(|call| self.quality = !quality::show(ui, scene, call));
    }

    /// The display fills its window, or no more; one that does always, the screen.
    fn turn(&mut self, out: &mut Out) {
        if self.alone || self.full_screen {
            self.fill_screen(!self.full_screen, out);
        } else {
            self.fills = !self.fills;
        }
    }

    fn fill_screen(&mut self, yes: bool, out: &mut Out) {
        (self.full_screen, self.fills) = (yes, yes);
        out.act(Action::Native(Native::FullScreen(yes)));
    }

    fn menu(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let (icon, name) =
            if self.own.hidden { (icons::EYE, "call-own-show") } else { (icons::EYE_SLASH, "call-own-hide") };
        if menu_item(ui, icon, &scene.say(name)) {
            self.own.hidden = !self.own.hidden;
        }
        if menu_item(ui, icons::CAMERA, &scene.say("call-snapshot")) {
            out.act(Action::KeepPicture);
        }
        if !self.alone {
            let name = scene.say(if self.fills { "call-region" } else { "call-fill-window" });
            let icon = if self.fills { icons::CORNERS_IN } else { icons::CORNERS_OUT };
            if !self.full_screen && menu_item(ui, icon, &name) {
                self.fills = !self.fills;
            }
            if !self.fills {
                for region in [Region::Display, Region::Contacts] {
                    regions::fold_item(ui, scene, region, out);
                }
            }
            if menu_item(ui, icons::ARROW_SQUARE_OUT, &scene.say("call-pop-out")) {
                out.act(Action::Native(Native::PopOut(true)));
            }
        } else if menu_item(ui, icons::ARROW_SQUARE_IN, &scene.say("call-pop-in")) {
            out.act(Action::Native(Native::PopOut(false)));
        }
    }

    fn buttons(&mut self, ui: &mut Ui, scene: &Scene<'_>, palette: &Palette, out: &mut Out) {
        ui.spacing_mut().item_spacing.x = 8.0;
        microphone(ui, scene, palette, BUTTON, out);
        camera(ui, scene, palette, BUTTON, out);
        let more = switch(ui, icons::DOTS_THREE, &scene.say("call-more"), palette, false, BUTTON);
        Popup::menu(&more).show(|ui| self.menu(ui, scene, out));
        let (icon, name) =
            if self.full_screen { (icons::CORNERS_IN, "call-shrink") } else { (icons::CORNERS_OUT, "call-fill") };
        if switch(ui, icon, &scene.say(name), palette, false, BUTTON).clicked() {
            self.fill_screen(!self.full_screen, out);
        }
        // In that order: what is largest shrinks first.
        if (self.full_screen || self.fills) && ui.input(|input| input.key_pressed(Key::Escape)) {
            match self.full_screen {
                true => self.fill_screen(false, out),
                false => self.fills = false,
            }
        }
        hang_up(ui, scene, palette, BUTTON, out);
    }
}

/// A button on the stage; one that is on has its colours exchanged.
fn switch(ui: &mut Ui, icon: &str, name: &str, palette: &Palette, on: bool, diameter: f32) -> Response {
    let off = (palette.stage_button, palette.on_stage);
    let (fill, ink) = if on { (palette.on_stage, palette.stage) } else { off };
    controls::round_button(ui, icon, name, fill, ink, diameter)
}

fn microphone(ui: &mut Ui, scene: &Scene<'_>, palette: &Palette, diameter: f32, out: &mut Out) {
    let (icon, name) = match scene.muted {
        true => (icons::MICROPHONE_SLASH, "call-unmute"),
        false => (icons::MICROPHONE, "call-mute"),
    };
    let button = switch(ui, icon, &scene.say(name), palette, scene.muted, diameter);
    if button.clicked() {
        out.act(Action::Mute(!scene.muted));
    }
    if !scene.muted {
        controls::level_ring(ui, button.rect, scene.level);
    }
}

fn camera(ui: &mut Ui, scene: &Scene<'_>, palette: &Palette, diameter: f32, out: &mut Out) {
    let (icon, name) = match scene.hidden {
        true => (icons::VIDEO_CAMERA_SLASH, "call-show-camera"),
        false => (icons::VIDEO_CAMERA, "call-hide-camera"),
    };
    if switch(ui, icon, &scene.say(name), palette, scene.hidden, diameter).clicked() {
        out.act(Action::Hide(!scene.hidden));
    }
}

fn hang_up(ui: &mut Ui, scene: &Scene<'_>, palette: &Palette, diameter: f32, out: &mut Out) {
    let name = scene.say("call-hang-up");
    let (fill, ink) = (palette.bad, palette.on_bad);
    if controls::round_button(ui, icons::PHONE_DISCONNECT, &name, fill, ink, diameter).clicked() {
        out.give(Command::HangUp);
    }
}

/// Whether this client sees and hears the other side.
pub fn is_talking(call: &CallState) -> bool {
    call.joined && call.call.phase == CallPhase::Talking
}

/// The call has a window of its own: this one says so, and takes it back.
fn elsewhere(ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
    Frame::new().inner_margin(Margin::symmetric(12, 0)).show(ui, |ui| {
        controls::card(ui, false, |ui| {
            ui.horizontal(|ui| {
                let palette = Palette::of(ui);
                ui.label(RichText::new(icons::ARROW_SQUARE_OUT).font(regular(letter::ICON)).color(palette.soft));
                ui.label(RichText::new(scene.say("call-elsewhere")).color(palette.text));
                controls::from_the_right(ui, |ui| {
                    if controls::small_button(ui, &scene.say("call-pop-in-short"), false).clicked() {
                        out.act(Action::Native(Native::PopOut(false)));
                    }
                });
            });
        });
    });
}

/// The one this call is with.
pub fn other<'a>(scene: &Scene<'_>, call: &'a CallState) -> Option<&'a Participant> {
    let me = scene.me();
    call.call.participants.iter().find(|one| one.id != me)
}

pub fn other_name<'a>(scene: &'a Scene<'_>, other: Option<&'a Participant>) -> &'a str {
    other.map_or("", |one| names::of_member(&scene.view.state, one.id, &one.name))
}

/// Someone calls: one key takes it, one refuses it.
fn ringing(ui: &mut Ui, scene: &Scene<'_>, call: &CallState, out: &mut Out) {
    let palette = Palette::of(ui);
    let caller = &call.call.caller;
    let name = names::of_member(&scene.view.state, caller.id, &caller.name);
    let (mut video, mut voice, mut decline) = (false, false, false);
    if scene.focused && ui.memory(|memory| memory.focused().is_none()) {
        ui.input(|input| {
            video = input.key_pressed(Key::Enter);
            decline = input.key_pressed(Key::Escape);
        });
    }
    controls::card(ui, false, |ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(space::SMALL);
            face(ui, scene, caller.id, name, out);
            ui.label(RichText::new(name).font(semibold(letter::HEADING)).color(palette.text));
            ui.label(RichText::new(scene.say("call-rings")).font(regular(letter::SMALL)).color(palette.soft));
            ui.add_space(space::SMALL);
        });
        centred(ui, 3.0 * size::CALL_BUTTON + 2.0 * space::LARGE, |ui| {
            ui.spacing_mut().item_spacing.x = space::LARGE;
            let diameter = size::CALL_BUTTON;
            let button = |ui: &mut Ui, icon, name, fill, ink| {
                controls::round_button(ui, icon, &scene.say(name), fill, ink, diameter).clicked()
            };
            decline |= button(ui, icons::PHONE_X, "call-decline", palette.bad, palette.on_bad);
            voice |= button(ui, icons::PHONE, "call-accept-voice", palette.chosen, palette.text);
            video |= button(ui, icons::VIDEO_CAMERA, "call-accept", palette.good, palette.on_good);
        });
        ui.add_space(space::SMALL);
        ui.vertical_centered(|ui| {
            ui.label(RichText::new(scene.say("call-keys")).font(regular(letter::TINY)).color(palette.soft));
        });
    });
    if decline {
        out.give(Command::Decline { call: call.call.id });
    } else if voice || video {
        out.act(Action::Hide(voice));
        out.give(Command::Accept { call: call.call.id });
    }
}

/// The other side rings, or the call is about to begin.
fn waiting(ui: &mut Ui, scene: &Scene<'_>, call: &CallState, out: &mut Out) {
    let palette = Palette::of(ui);
    let other = other(scene, call);
    let name = other_name(scene, other);
    controls::card(ui, false, |ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(space::SMALL);
            face(ui, scene, other.map_or(0, |one| one.id), name, out);
            ui.label(RichText::new(name).font(semibold(letter::HEADING)).color(palette.text));
            let word = scene.say(if call.joined && !call.outgoing { "call-connects" } else { "call-waits" });
            ui.label(RichText::new(word).font(regular(letter::SMALL)).color(palette.soft));
            ui.add_space(space::SMALL);
        });
        centred(ui, size::CALL_BUTTON, |ui| hang_up(ui, scene, palette, size::CALL_BUTTON, out));
        ui.add_space(space::SMALL);
    });
}

fn face(ui: &mut Ui, scene: &Scene<'_>, account: u64, name: &str, out: &mut Out) {
    let (area, _) = ui.allocate_exact_size(Vec2::splat(size::AVATAR_LARGE), Sense::hover());
    Face::of(scene, account, name).draw(ui, scene, area.center(), size::AVATAR_LARGE, None, out);
    ui.add_space(space::TINY);
}

/// A row of a known width, in the middle.
fn centred(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        contents(ui);
    });
}

/// What a chat's own window says while its call goes on elsewhere.
pub fn bar(ui: &mut Ui, scene: &Scene<'_>, call: &CallState, out: &mut Out) {
    let palette = Palette::of(ui);
    let area = Rect::from_min_size(ui.cursor().min, Vec2::new(ui.available_width(), 38.0));
    ui.painter().rect_filled(area, 0.0, palette.good);
    let (name, action) = match (is_talking(call), call.outgoing || call.joined) {
        (true, _) => ("call-goes-on", None),
        (false, true) => ("call-waits", None),
        (false, false) => ("call-rings-from", Some(Command::Accept { call: call.call.id })),
    };
    let caller = &call.call.caller;
    let who = names::of_member(&scene.view.state, caller.id, &caller.name);
    let text = match action {
        Some(_) => scene.words.with("call-rings-from", &[("name", Value::Text(who))]),
        None => scene.say(name),
    };
    let at = area.left_center() + Vec2::new(space::WIDE, 0.0);
    ui.painter().text(at, Align2::LEFT_CENTER, text, semibold(letter::SMALL), palette.on_good);
    ui.scope_builder(UiBuilder::new().max_rect(area.shrink2(Vec2::new(space::SMALL, 0.0))), |ui| {
        controls::from_the_right(ui, |ui| {
            let ends = scene.say(if action.is_some() { "call-decline" } else { "call-hang-up" });
            if controls::small_button(ui, &ends, false).clicked() {
                out.give(match action {
                    Some(_) => Command::Decline { call: call.call.id },
                    None => Command::HangUp,
                });
            }
            if let Some(accept) = action.clone()
                && controls::small_button(ui, &scene.say("call-accept"), false).clicked()
            {
                out.act(Action::Hide(false));
                out.give(accept);
            }
        });
    });
    ui.advance_cursor_after_rect(area);
}
