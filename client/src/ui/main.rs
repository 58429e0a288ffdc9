//! The main window, top to bottom: who I am, the display, what can be done, the contacts. A region without anything in
//! it takes no place.

use egui::{CentralPanel, Frame, Key, Margin, RichText, Ui};

use super::{
    Out, Scene,
    call::CallRegion,
    contacts::Contacts,
    controls, icons, keys,
    me::Me,
    notices,
    preferences::{Page, PreferencesPage, Went},
    profile::ProfilePage,
    regions::{self, Border},
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
    border: Border,
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
        let frame = Frame::new().inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 });
        controls::at_the_bottom(ui, "notices", |ui| notices::show(ui, scene, out));
        CentralPanel::no_frame().show(ui, |ui| {
            frame.show(ui, |ui| {
                if self.me.show(ui, scene, out) {
                    self.page = Page::Profile;
                }
            });
            connection(ui, scene);
            self.regions(ui, scene, out);
        });
    }

    /// The display and the contacts, as far as they are there.
    fn regions(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let place = ui.available_size();
        let has_display = self.call.has_display(scene);
        let shares = has_display.then(|| self.border.divide(place, scene.preferences.regions));
        if self.call.is_there(scene) {
            self.call.show(ui, scene, shares, out);
            match shares {
                Some(shares) => self.border.show(ui, scene, place, shares, out),
                None => ui.add_space(space::SMALL),
            }
        }
        if shares.is_some_and(|shares| shares.folded == Some(Region::Contacts)) {
            let unread = scene.view.state.chats.values().map(|chat| chat.unread).sum();
            regions::folded(ui, scene, &scene.say("contacts-all"), unread, out);
        } else if !self.call.show_quality(ui, scene) {
            self.contacts.show(ui, scene, out);
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
