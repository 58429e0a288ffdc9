//! What can be preferred: language, theme, size, how lines stand, where the window sits; signing out. It can be
//! searched, and is effective at once.

use egui::{Frame, Margin, RichText, TextEdit, Ui};

use super::{
    Action, Out, Scene, Value, controls, device_check, icons, talk_key,
    theme::{Palette, letter, radius, regular, semibold, size, space},
};
use crate::home::{ChatStyle, Dock, Language, Notifications, Preferences, Region, Speaking, TextSize, Theme};

/// What the main window shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    People,
    Preferences,
    /// What one says of oneself.
    Profile,
    /// Which keys do what.
    Keys,
}

/// What the page remembers.
#[derive(Debug, Default)]
pub struct PreferencesPage {
    search: String,
    /// Whether it was asked which microphones and speakers there are, since the page was opened.
    asked: bool,
}

/// What came of drawing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    Nowhere,
    Back,
    /// To the list of keys.
    Keys,
}

impl PreferencesPage {
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, inside: bool, out: &mut Out) -> Went {
        let palette = Palette::of(ui);
        let mut went = Went::Nowhere;
        if !std::mem::replace(&mut self.asked, true) {
            out.act(Action::AskForDeviceNames);
        }
        Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
            ui.horizontal(|ui| {
                if controls::icon_button(ui, icons::CARET_LEFT, &scene.say("back")).clicked() {
                    went = Went::Back;
                }
                ui.label(RichText::new(scene.say("preferences")).font(semibold(letter::HEADING)).color(palette.text));
            });
            ui.add_space(space::TINY);
            self.field(ui, scene);
            ui.add_space(space::SMALL);
            egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                if inside && self.search.trim().is_empty() && account(ui, scene) {
                    out.act(Action::SignOut);
                    went = Went::Back;
                }
                let mut chosen = scene.preferences.clone();
                let found = choices(ui, scene, self.search.trim(), &mut chosen, out);
                if chosen != *scene.preferences {
                    out.act(Action::Prefer(chosen));
                }
                if !found {
                    ui.label(RichText::new(scene.say("preferences-none")).color(palette.soft));
                }
                ui.add_space(space::NORMAL);
                if controls::quiet_button(ui, &scene.say("keys")).clicked() {
                    went = Went::Keys;
                }
                ui.add_space(space::NORMAL);
                if controls::quiet_button(ui, &scene.say("quit")).clicked() {
                    out.act(Action::Quit);
                }
                if !scene.has_japanese {
                    ui.add_space(space::NORMAL);
                    // In English whatever was chosen: nothing else could be read.
                    let text = super::Words::new(super::Tongue::English).say("fonts-no-japanese");
                    controls::card(ui, true, |ui| ui.label(RichText::new(text).color(palette.text)));
                }
            });
        });
        self.asked = went == Went::Nowhere;
        if !self.asked && scene.checked.is_some() {
            out.act(Action::CheckDevices(false));
        }
        went
    }

    fn field(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        let palette = Palette::of(ui);
        let name = scene.say("preferences-search");
        let hint = RichText::new(format!("{}  {name}", icons::MAGNIFYING_GLASS)).color(palette.soft);
        let width = ui.available_width();
        let field = TextEdit::singleline(&mut self.search)
            .hint_text(hint)
            .char_limit(64)
            .desired_width(width)
            .min_size(egui::vec2(width, 32.0))
            .vertical_align(egui::Align::Center)
            .frame(Frame::new().fill(palette.hover).corner_radius(8).inner_margin(Margin::symmetric(10, 6)));
        let field = ui.add(field);
        field.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &name));
        controls::focus_ring(ui, &field, 8);
    }
}

/// Who is signed in where. Says whether they want to sign out.
fn account(ui: &mut Ui, scene: &Scene<'_>) -> bool {
    let palette = Palette::of(ui);
    if let Some(account) = &scene.view.state.account {
        let server = ("server", Value::Text(&scene.view.suggested.server));
        let text = scene.words.with("signed-in-as", &[("name", Value::Text(&account.name)), server]);
        ui.label(RichText::new(text).font(regular(letter::SMALL)).color(palette.soft));
    }
    let leaves = controls::quiet_button(ui, &scene.say("sign-out")).clicked();
    ui.add_space(space::NORMAL);
    leaves
}

/// Draws what can be chosen and has `wanted` in its name or its choices. Says whether there is any.
fn choices(ui: &mut Ui, scene: &Scene<'_>, wanted: &str, chosen: &mut Preferences, out: &mut Out) -> bool {
    let mut found = false;
    let mut search = Search { wanted: wanted.to_lowercase(), found: &mut found };
    let languages = [
        (Language::System, scene.say("as-the-system")),
        (Language::English, scene.say("language-english")),
        (Language::Japanese, scene.say("language-japanese")),
    ];
    search.choice(ui, &scene.say("language"), &languages, &mut chosen.language);
    let themes = [
        (Theme::System, scene.say("as-the-system")),
        (Theme::Light, scene.say("theme-light")),
        (Theme::Dark, scene.say("theme-dark")),
    ];
    search.choice(ui, &scene.say("theme"), &themes, &mut chosen.theme);
    let sizes: Vec<_> = TextSize::STEPS
        .into_iter()
        .filter_map(|percent| TextSize::try_from(percent).ok())
        .map(|size| (size, format!("{} %", size.percent())))
        .collect();
    search.choice(ui, &scene.say("text-size"), &sizes, &mut chosen.text_size);
    let styles =
        [(ChatStyle::Bubbles, scene.say("chat-style-bubbles")), (ChatStyle::Lines, scene.say("chat-style-lines"))];
    search.choice(ui, &scene.say("chat-style"), &styles, &mut chosen.chat_style);
    let docks = [
        (Dock::Free, scene.say("dock-free")),
        (Dock::Left, scene.say("dock-left")),
        (Dock::Right, scene.say("dock-right")),
        (Dock::Strip, scene.say("dock-strip")),
    ];
    search.choice(ui, &scene.say("dock"), &docks, &mut chosen.dock);
    let mut folded = chosen.regions.is_folded(Region::Functions);
    let folds = [(false, scene.say("functions-shown")), (true, scene.say("functions-folded"))];
    search.choice(ui, &scene.say("functions"), &folds, &mut folded);
    chosen.regions = chosen.regions.with_fold(Region::Functions, folded);
    let starts = [(true, scene.say("yes")), (false, scene.say("no"))];
    search.choice(ui, &scene.say("starts-with-session"), &starts, &mut chosen.starts_with_session);
    if scene.tray {
        let closes = [(true, scene.say("close-to-tray")), (false, scene.say("close-quits"))];
        search.choice(ui, &scene.say("close"), &closes, &mut chosen.close_to_tray);
    }
    let notifications = [
        (Notifications::Always, scene.say("notifications-always")),
        (Notifications::OutsideQuietHours, scene.say("notifications-by-day")),
        (Notifications::Never, scene.say("notifications-never")),
    ];
    let shown = search.choice(ui, &scene.say("notifications"), &notifications, &mut chosen.notifications);
    if shown && chosen.notifications == Notifications::OutsideQuietHours {
        ui.add_space(-space::SMALL);
        ui.horizontal(|ui| {
            let hours = &mut chosen.quiet_hours;
            time_of_day(ui, &scene.say("quiet-from"), &mut hours.from);
            time_of_day(ui, &scene.say("quiet-to"), &mut hours.to);
        });
        ui.add_space(space::NORMAL);
    }
    let sounds = [(true, scene.say("on")), (false, scene.say("off"))];
    search.choice(ui, &scene.say("sounds"), &sounds, &mut chosen.sounds);
    devices(ui, scene, &mut search, chosen, out);
    found
}

/// Camera, microphone and speaker, and what is done to the voice.
fn devices(ui: &mut Ui, scene: &Scene<'_>, search: &mut Search<'_>, preferences: &mut Preferences, out: &mut Out) {
    let chosen = &mut preferences.devices;
    let names = &scene.view.device_names;
    let system = scene.say("sound-system");
    let try_out = scene.say("check-begin");
    if search.has(&[&try_out, &scene.say("camera"), &scene.say("microphone"), &scene.say("speaker")]) {
        device_check::show(ui, scene, out);
    }
    search.picker(ui, &scene.say("camera"), &system, &names.cameras, &mut chosen.camera);
    search.picker(ui, &scene.say("microphone"), &system, &names.sound.microphones, &mut chosen.microphone);
    let speaking =
        [(Speaking::Open, scene.say("speaking-open")), (Speaking::PushToTalk, scene.say("speaking-push-to-talk"))];
    let shown = search.choice(ui, &scene.say("speaking"), &speaking, &mut preferences.speaking);
    if shown && preferences.speaking == Speaking::PushToTalk {
        talk_key::choose(ui, scene, &mut preferences.talk_key);
    }
    search.picker(ui, &scene.say("speaker"), &system, &names.sound.speakers, &mut chosen.speaker);
    let volumes = [50, 100, 150, 200].map(|percent| (percent, format!("{percent} %")));
    search.choice(ui, &scene.say("volume-of-others"), &volumes, &mut chosen.volume);
    let switches = [(true, scene.say("on")), (false, scene.say("off"))];
    search.choice(ui, &scene.say("echo-cancellation"), &switches, &mut chosen.echo_cancellation);
    search.choice(ui, &scene.say("noise-suppression"), &switches, &mut chosen.noise_suppression);
    search.choice(ui, &scene.say("automatic-gain"), &switches, &mut chosen.automatic_gain);
}

/// A time of the day, of which each half hour is offered.
fn time_of_day(ui: &mut Ui, name: &str, minute: &mut u16) {
    let palette = Palette::of(ui);
    let words = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let label = ui.label(RichText::new(name).font(regular(letter::SMALL)).color(palette.soft));
    let button = egui::ComboBox::from_id_salt(name).selected_text(words(*minute)).width(76.0).show_ui(ui, |ui| {
        for half_hour in 0..48 {
            ui.selectable_value(minute, half_hour * 30, words(half_hour * 30));
        }
    });
    button.response.labelled_by(label.id);
}

/// Draws only what is searched for, and says whether that was so.
struct Search<'a> {
    wanted: String,
    found: &'a mut bool,
}

impl Search<'_> {
    /// Whether any of these names is searched for.
    fn has(&mut self, names: &[&str]) -> bool {
        let has = names.iter().any(|name| name.to_lowercase().contains(&self.wanted));
        *self.found |= has;
        has
    }

    fn choice<T: PartialEq + Copy>(
        &mut self,
        ui: &mut Ui,
        name: &str,
        options: &[(T, String)],
        chosen: &mut T,
    ) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.wanted);
        let shown = has(name) || options.iter().any(|(_, text)| has(text));
        if shown {
            *self.found = true;
            choice(ui, name, options, chosen);
        }
        shown
    }

    /// One of the `names`, or none for the system's choice. What is chosen stays to be chosen while it is unplugged.
    fn picker(&mut self, ui: &mut Ui, name: &str, system: &str, names: &[String], chosen: &mut String) {
        let has = |text: &str| text.to_lowercase().contains(&self.wanted);
        if !(has(name) || has(system) || names.iter().any(|name| has(name))) {
            return;
        }
        *self.found = true;
        let palette = Palette::of(ui);
        let label = ui.label(RichText::new(name).font(regular(letter::SMALL)).color(palette.soft));
        ui.add_space(-space::TINY);
        let now = if chosen.is_empty() { system.to_owned() } else { chosen.clone() };
        let width = ui.available_width();
        let picker = egui::ComboBox::from_id_salt(name).selected_text(now).width(width).truncate();
        let picker = picker.show_ui(ui, |ui| {
            ui.selectable_value(chosen, String::new(), system);
            let unplugged = Some(chosen.clone()).filter(|chosen| !chosen.is_empty() && !names.contains(chosen));
            for name in names.iter().cloned().chain(unplugged) {
                ui.selectable_value(chosen, name.clone(), name);
            }
        });
        picker.response.labelled_by(label.id);
        ui.add_space(space::NORMAL);
    }
}

/// One of a few, side by side, where each has the same place.
fn choice<T: PartialEq + Copy>(ui: &mut Ui, name: &str, options: &[(T, String)], chosen: &mut T) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(name).font(regular(letter::SMALL)).color(palette.soft));
    ui.add_space(-space::TINY);
    Frame::new().fill(palette.hover).corner_radius(radius::NORMAL).inner_margin(Margin::same(3)).show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let width = ui.available_width() / options.len() as f32;
        ui.horizontal(|ui| {
            for (value, text) in options {
                let (area, response) =
                    ui.allocate_exact_size(egui::vec2(width, size::ICON_BUTTON), egui::Sense::click());
                let is_chosen = value == chosen;
                if is_chosen {
                    ui.painter().rect(
                        area,
                        radius::SMALL,
                        palette.surface,
                        egui::Stroke::new(1.0, palette.line),
                        egui::StrokeKind::Inside,
                    );
                }
                let colour = if is_chosen || response.hovered() { palette.text } else { palette.soft };
                let font = if is_chosen { semibold(letter::SMALL) } else { regular(letter::SMALL) };
                let galley = controls::cut(ui, text, font, colour, width - 6.0);
                ui.painter().galley(area.center() - galley.size() / 2.0, galley, colour);
                controls::focus_ring(ui, &response, radius::SMALL);
                response.widget_info(|| {
                    egui::WidgetInfo::selected(egui::WidgetType::RadioButton, true, is_chosen, text.as_str())
                });
                if response.clicked() {
                    *chosen = *value;
                }
            }
        });
    });
    ui.add_space(space::NORMAL);
}
