//! The main window, top to bottom: who I am, the display, what can be done, the contacts, the messages. A region without
//! anything in it takes no place.

use egui::{CentralPanel, Frame, Id, Key, Margin, Rect, RichText, Ui, UiBuilder, Vec2};

use super::{
    Out, Scene,
    call::CallRegion,
    contacts::Contacts,
    controls, icons, keys,
    me::Me,
    notices,
    preferences::{Page, PreferencesPage, Went},
    profile::ProfilePage,
    region_stack::{Part, Share},
    regions::{self, Borders},
    sign_in::SignInScreen,
    strip::Strip,
    theme::{Palette, letter, regular, size, space},
    title_bar,
};
use crate::{
    app::Entrance,
    engine::ConnectionState,
    home::{Dock, Region},
    link::Carriage,
    ui::Action,
};

/// What the main window remembers between two drawings.
#[derive(Debug, Default)]
pub struct MainScreen {
    sign_in: SignInScreen,
    me: Me,
    contacts: Contacts,
    call: CallRegion,
    borders: Borders,
    /// How high the messages were when they were drawn last.
    messages: f32,
    page: Page,
    preferences: PreferencesPage,
    profile: ProfilePage,
    strip: Strip,
}

impl MainScreen {
    /// What the native window is called: with the number of lines that nobody has read, as a badge.
    pub fn title(&self, scene: &Scene<'_>) -> String {
        let name = scene.say("app-name");
        let unread = scene.view.state.chats.values().map(|chat| u64::from(chat.unread)).sum();
        let values = [("name", super::Value::Text(&name)), ("count", super::Value::Number(unread))];
        if unread > 0 { scene.words.with("title-unread", &values) } else { name }
    }

    /// Fills the first screen with an invitation.
    pub fn invite(&mut self, link: &str) {
        self.sign_in.invite(link);
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        if ui.available_width() < size::STRIP_BELOW {
            return self.strip.show(ui, scene, out);
        }
        let inside = scene.view.entrance == Entrance::Inside;
        self.call.leave(scene, out);
        let fills = inside && self.call.fills(scene);
        if !fills {
            title_bar::show(ui, scene, &title(scene), out, |ui, out| self.title_buttons(ui, scene, inside, out));
        }
        if ui.input_mut(keys::wanted) {
            self.page = if self.page == Page::Keys { Page::People } else { Page::Keys };
        }
        let has_regions = inside && self.page == Page::People;
        if !fills && !has_regions && !scene.notices.list().is_empty() {
            controls::at_the_bottom(ui, "notices", |ui| notices::show(ui, scene, out));
        }
        if !inside && self.page == Page::People {
            return self.sign_in.show(ui, scene, out);
        }
        if self.page == Page::Preferences {
            let escape = ui.input(|input| input.key_pressed(Key::Escape));
            match self.preferences.show(ui, scene, inside, out) {
                Went::Nowhere if escape => self.page = Page::People,
                Went::Nowhere => {}
                Went::Back => self.page = Page::People,
                Went::Keys => self.page = Page::Keys,
            }
            return;
        }
        if self.page == Page::Keys {
            if keys::show(ui, scene) || ui.input(|input| input.key_pressed(Key::Escape)) {
                self.page = Page::People;
            }
            return;
        }
        if self.page == Page::Profile && inside {
            let escape = ui.input(|input| input.key_pressed(Key::Escape));
            if self.profile.show(ui, scene, out) || escape {
                self.page = Page::People;
            }
            return;
        }
        if fills {
            return self.call.show(ui, scene, None, out);
        }
        CentralPanel::no_frame().show(ui, |ui| {
            let frame = Frame::new().inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 });
            frame.show(ui, |ui| {
                if self.me.show(ui, scene, out) {
                    self.page = Page::Profile;
                }
            });
            connection(ui, scene);
            if self.call.is_there(scene) && !self.call.has_display(scene) {
                self.call.show(ui, scene, None, out);
                ui.add_space(space::SMALL);
            }
            self.regions(ui, scene, out);
        });
    }

    /// The regions that have something to show, one below the other.
    fn regions(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let spacing = std::mem::take(&mut ui.spacing_mut().item_spacing.y);
        let parts = self.parts(ui, scene);
        let shares = self.borders.divide(&parts, ui.available_height(), &scene.preferences.regions);
        for share in &shares {
            let area = Rect::from_min_size(ui.cursor().min, Vec2::new(ui.available_width(), share.height));
            let id = Id::new(("region", share.part.region));
            ui.scope_builder(UiBuilder::new().id(id).max_rect(area), |ui| {
                ui.shrink_clip_rect(area);
                ui.spacing_mut().item_spacing.y = spacing;
                self.region(ui, scene, share, out);
            });
            ui.advance_cursor_after_rect(area);
            if share.border {
                self.borders.show(ui, scene, &shares, share.part.region, out);
            }
        }
    }

    fn parts(&self, ui: &Ui, scene: &Scene<'_>) -> Vec<Part> {
        let display = self.call.has_display(scene).then(|| Part::display(ui.available_width()));
        let functions = (!self.call.has_quality(scene)).then(Part::functions);
        let messages = (!scene.notices.list().is_empty()).then(|| Part::messages(self.messages));
        display.into_iter().chain(functions).chain([Part::contacts()]).chain(messages).collect()
    }

    fn region(&mut self, ui: &mut Ui, scene: &Scene<'_>, share: &Share, out: &mut Out) {
        let region = share.part.region;
        match region {
            Region::Display => self.call.show(ui, scene, Some(share), out),
            Region::Contacts if !share.folded && self.call.has_quality(scene) => self.call.show_quality(ui, scene),
            Region::Contacts if !share.folded => self.contacts.show(ui, scene, out),
            Region::Contacts => {
                let unread = scene.view.state.chats.values().map(|chat| chat.unread).sum();
                regions::folded(ui, scene, region, &scene.say("contacts-all"), unread, out);
            }
            Region::Functions => self.functions(ui, scene, share.folded, out),
            Region::Messages if !share.folded => {
                self.messages = notices::show_within(ui, scene, self.messages, out);
            }
            Region::Messages => {
                let waiting = scene.notices.list().len() as u32;
                regions::folded(ui, scene, region, &scene.say("messages"), waiting, out);
            }
            // Nothing fills them yet.
            Region::Information | Region::Page => {}
        }
    }

    /// Whatever is done with them is seen among the contacts.
    fn functions(&mut self, ui: &mut Ui, scene: &Scene<'_>, folded: bool, out: &mut Out) {
        let used = if folded {
            regions::folded(ui, scene, Region::Functions, &scene.say("functions"), 0, out);
            self.contacts.keys(ui)
        } else {
            let inside = Frame::new().inner_margin(Margin::symmetric(12, 0));
            inside.show(ui, |ui| self.contacts.functions(ui, scene, out)).inner
        };
        if used {
            let regions = scene.preferences.regions.with_fold(Region::Contacts, false);
            let regions = regions.with_fold(Region::Functions, false);
            regions::prefer(scene, regions, out);
        }
    }

    fn title_buttons(&mut self, ui: &mut Ui, scene: &Scene<'_>, inside: bool, out: &mut Out) {
        let palette = Palette::of(ui);
        let gear = controls::icon_button(ui, icons::GEAR_SIX, &scene.say("preferences"));
        if controls::turns(ui, &gear) {
            self.page = if self.page == Page::Preferences { Page::People } else { Page::Preferences };
        }
        let preferences = scene.preferences;
        let pinned = preferences.always_on_top;
        let (icon, colour) =
            if pinned { (icons::PUSH_PIN_SLASH, palette.accent_text) } else { (icons::PUSH_PIN, palette.soft) };
        let name = scene.say(if pinned { "window-let-go" } else { "window-keep-on-top" });
        if preferences.dock == Dock::Free && controls::icon_button_in(ui, icon, &name, colour).clicked() {
            let mut preferences = preferences.clone();
            preferences.always_on_top = !pinned;
            out.act(Action::Prefer(preferences));
        }
        if inside {
            signal(ui, scene);
        }
    }
}

fn title(scene: &Scene<'_>) -> String {
    scene.say("app-name")
}

/// How good the way to the server is: always visible, in detail on hovering.
fn signal(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = Palette::of(ui);
    let (icon, colour, text) = match &scene.view.state.connection {
        ConnectionState::Connected { path } => {
            let icon = match (path.alive, path.up, path.down) {
                (false, ..) => icons::CELL_SIGNAL_LOW,
                (true, Carriage::Streaming, Carriage::Streaming) => icons::CELL_SIGNAL_FULL,
                _ => icons::CELL_SIGNAL_MEDIUM,
            };
            let way = match &path.proxy {
                Some(proxy) => scene.words.with("path-proxy", &[("proxy", super::Value::Text(proxy))]),
                None => scene.say("path-direct"),
            };
            let carriage =
                |carriage| scene.say(if carriage == Carriage::Streaming { "path-streaming" } else { "path-short" });
            let up = scene.words.with("path-up", &[("how", super::Value::Text(&carriage(path.up)))]);
            let down = scene.words.with("path-down", &[("how", super::Value::Text(&carriage(path.down)))]);
            (icon, palette.soft, format!("{way}\n{up}\n{down}"))
        }
        _ => (icons::WIFI_SLASH, palette.away, scene.say("connection-none")),
    };
    let (area, response) = ui.allocate_exact_size(egui::Vec2::splat(size::ICON_BUTTON), egui::Sense::hover());
    ui.painter().text(area.center(), egui::Align2::CENTER_CENTER, icon, regular(letter::ICON - 2.0), colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, &text));
    response.on_hover_text(text);
}

/// What is wrong with the connection, in words, while something is.
fn connection(ui: &mut Ui, scene: &Scene<'_>) {
    let (text, reason) = match &scene.view.state.connection {
        ConnectionState::Connected { .. } => return,
        ConnectionState::Idle | ConnectionState::Connecting { reason: None } => (scene.say("connection-begins"), None),
        ConnectionState::Connecting { reason } => (scene.say("connection-lost"), reason.as_deref()),
        ConnectionState::Failed { reason } => (scene.say("connection-failed"), Some(reason.as_str())),
    };
    let palette = Palette::of(ui);
    Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        controls::card(ui, false, |ui| {
            controls::told(ui, icons::WIFI_SLASH, palette.away, |ui| {
                ui.label(RichText::new(text).color(palette.text));
                if let Some(reason) = reason {
                    ui.label(RichText::new(reason).font(regular(letter::SMALL)).color(palette.soft));
                }
            });
        });
    });
}
