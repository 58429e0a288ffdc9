//! The first screen: where the server is and who one is, and what went wrong in plain words.

use egui::{Key, Margin, RichText, Ui};

use super::{
    Action, Out, Scene, Value, controls, icons,
    theme::{Palette, letter, regular, semibold, size, space},
    title_bar,
};
use crate::app::{Entrance, Failure, SignIn};

/// What was written so far.
#[derive(Debug, Default)]
pub struct SignInScreen {
    fields: SignIn,
    /// Whether the fields hold what was suggested.
    begun: bool,
    shows_proxy: bool,
    /// Whether the first empty field has had the keyboard.
    focused: bool,
    /// What went wrong when the keyboard was last brought to a field because of it.
    failed: Option<Failure>,
    /// Whether the safe answer to the question about a certificate has had the keyboard.
    asked: bool,
}

impl SignInScreen {
    /// Begins anew with an invitation.
    pub fn invite(&mut self, link: &str) {
        self.begun = true;
        self.fields = SignIn { server: link.to_owned(), join: true, ..SignIn::default() };
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        if !self.begun {
            self.begun = true;
            self.fields = (*scene.view.suggested).clone();
            self.shows_proxy = !self.fields.proxy.is_empty();
        }
        let side = ((ui.available_width() - size::FORM) / 2.0).max(space::LARGE);
        egui::ScrollArea::vertical().show(ui, |ui| {
            egui::Frame::new().inner_margin(Margin { left: side as i8, right: side as i8, top: 0, bottom: 24 }).show(
                ui,
                |ui| {
                    ui.set_width(ui.available_width());
                    let free = ui.ctx().content_rect().height() - 470.0;
                    ui.add_space(free.clamp(space::WIDE, 90.0));
                    head(ui, scene);
                    ui.add_space(space::LARGE);
                    match &scene.view.entrance {
                        Entrance::Unknown { server, fingerprint } => {
                            let first = !std::mem::replace(&mut self.asked, true);
                            unknown(ui, scene, server, fingerprint, first, out);
                        }
                        entrance => self.form(ui, scene, entrance, out),
                    }
                },
            );
        });
    }

    fn form(&mut self, ui: &mut Ui, scene: &Scene<'_>, entrance: &Entrance, out: &mut Out) {
        self.asked = false;
        let trying = *entrance == Entrance::Trying;
        let failure = match entrance {
            Entrance::Failed(failure) => Some(failure),
            _ => None,
        };
        let mut correct = None;
        if failure != self.failed.as_ref() {
            self.failed = failure.cloned();
            correct = failure.map(field_of);
            if failure == Some(&Failure::WrongPassword) {
                self.fields.password.clear();
            }
        }
        if let Some(failure) = failure {
            controls::card(ui, true, |ui| {
                let palette = Palette::of(ui);
                controls::told(ui, icons::WARNING_CIRCLE, palette.bad_text, |ui| {
                    ui.label(RichText::new(explain(scene, failure)).color(palette.text));
                });
            });
            ui.add_space(space::SMALL);
        }
        ui.add_enabled_ui(!trying, |ui| self.fields(ui, scene, correct));
        ui.add_space(space::SMALL);
        if trying {
            ui.vertical_centered(|ui| {
                ui.label(RichText::new(scene.say("sign-in-trying")).color(Palette::of(ui).soft));
            });
            if controls::quiet_button(ui, &scene.say("cancel")).clicked() {
                out.act(Action::Cancel);
            }
            return;
        }
        let does = scene.say(if self.fields.join { "join" } else { "sign-in" });
        let enter = ui.input(|input| input.key_pressed(Key::Enter));
        if controls::primary_button(ui, &does, true).clicked() || enter {
            out.act(Action::SignIn(self.fields.clone()));
        }
        ui.vertical_centered(|ui| {
            let other = scene.say(if self.fields.join { "sign-in-instead" } else { "join-instead" });
            if controls::text_button(ui, &other).clicked() {
                self.fields.join = !self.fields.join;
            }
        });
    }

    /// `correct` is the field that has to be corrected.
    fn fields(&mut self, ui: &mut Ui, scene: &Scene<'_>, correct: Option<usize>) {
        let hint = scene.say("server-hint");
        let empty = [&self.fields.server, &self.fields.user, &self.fields.password].map(String::is_empty);
        let first = empty.iter().position(|empty| *empty).filter(|_| !std::mem::replace(&mut self.focused, true));
        let first = correct.or(first);
        let server = controls::field(ui, &scene.say("server"), &mut self.fields.server, &hint, false);
        if server.changed() && self.fields.invitation().is_some() {
            // Whoever has an invitation has no account yet.
            self.fields.join = true;
        }
        let user = controls::field(ui, &scene.say("account"), &mut self.fields.user, "", false);
        let name = scene.say(if self.fields.join { "new-password" } else { "password" });
        let password = controls::field(ui, &name, &mut self.fields.password, "", true);
        if let Some(first) = first {
            [&server, &user, &password][first].request_focus();
        }
        if self.shows_proxy {
            let hint = scene.say("proxy-hint");
            controls::field(ui, &scene.say("proxy"), &mut self.fields.proxy, &hint, false);
        } else if controls::text_button(ui, &scene.say("proxy-set")).clicked() {
            self.shows_proxy = true;
        }
    }
}

/// The field that a failure is about: the server, the account, or the password.
fn field_of(failure: &Failure) -> usize {
    match failure {
        Failure::NoUser | Failure::NameTaken | Failure::Locked => 1,
        Failure::NoPassword | Failure::WrongPassword | Failure::WaitSeconds(_) | Failure::SessionOver => 2,
        _ => 0,
    }
}

fn head(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = Palette::of(ui);
    ui.vertical_centered(|ui| {
        let (area, _) = ui.allocate_exact_size(egui::Vec2::splat(46.0), egui::Sense::hover());
        title_bar::draw_mark(ui, area);
        ui.add_space(space::SMALL);
        ui.label(RichText::new(scene.say("app-name")).font(semibold(letter::TITLE)).color(palette.text));
        ui.label(RichText::new(scene.say("app-promise")).font(regular(letter::SMALL)).color(palette.soft));
    });
}

/// Asks whether the certificate that an unknown server shows is the right one.
fn unknown(ui: &mut Ui, scene: &Scene<'_>, server: &str, fingerprint: &str, first: bool, out: &mut Out) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(scene.say("unknown-title")).font(semibold(letter::HEADING)).color(palette.text));
    ui.label(RichText::new(scene.words.with("unknown-text", &[("server", Value::Text(server))])).color(palette.text));
    controls::card(ui, false, |ui| {
        ui.vertical_centered(|ui| {
            for line in grouped(fingerprint) {
                ui.label(RichText::new(line).monospace().color(palette.text));
            }
        });
    });
    ui.label(RichText::new(scene.say("unknown-how")).font(regular(letter::SMALL)).color(palette.soft));
    ui.add_space(space::SMALL);
    if controls::primary_button(ui, &scene.say("unknown-yes"), true).clicked() {
        out.act(Action::Trust(true));
    }
    let no = controls::quiet_button(ui, &scene.say("unknown-no"));
    if first {
        // Whoever presses a key without reading connects nowhere.
        no.request_focus();
    }
    if no.clicked() {
        out.act(Action::Trust(false));
    }
}

/// A fingerprint as the server prints it, in four lines of eight bytes.
fn grouped(fingerprint: &str) -> Vec<String> {
    let digits: Vec<char> = fingerprint.to_uppercase().chars().filter(|digit| *digit != ':').collect();
    let bytes: Vec<String> = digits.chunks(2).map(|byte| byte.iter().collect()).collect();
    bytes.chunks(8).map(|line| line.join(":")).collect()
}

/// What went wrong, and what to do.
fn explain(scene: &Scene<'_>, failure: &Failure) -> String {
    let with = |name: &str, text: &str| scene.words.with(name, &[("what", Value::Text(text))]);
    match failure {
        Failure::NoServer => scene.say("failure-no-server"),
        Failure::NoUser => scene.say("failure-no-user"),
        Failure::NoPassword => scene.say("failure-no-password"),
        Failure::Address(text) => with("failure-address", text),
        Failure::Invitation => scene.say("failure-invitation"),
        Failure::Proxy(text) => with("failure-proxy", text),
        Failure::ServerUnreachable(text) => with("failure-server-unreachable", text),
        Failure::ProxyUnreachable(text) => with("failure-proxy-unreachable", text),
        Failure::ProxyPassword => scene.say("failure-proxy-password"),
        Failure::ProxyForbids(text) => with("failure-proxy-forbids", text),
        Failure::NoTunnel => scene.say("failure-no-tunnel"),
        Failure::NotKomado(_) => scene.say("failure-not-komado"),
        Failure::Silence => scene.say("failure-silence"),
        Failure::CertificateChanged => scene.say("failure-certificate-changed"),
        Failure::CertificateNotTrusted => scene.say("failure-certificate-not-trusted"),
        Failure::ClockWrong => scene.say("failure-clock-wrong"),
        Failure::WrongPassword => scene.say("failure-wrong-password"),
        Failure::WaitSeconds(seconds) => scene.words.with("failure-wait", &[("seconds", Value::Number(*seconds))]),
        Failure::Locked => scene.say("failure-locked"),
        Failure::WrongCode => scene.say("failure-wrong-code"),
        Failure::InvitationNeeded => scene.say("failure-invitation-needed"),
        Failure::NameTaken => scene.say("failure-name-taken"),
        Failure::SessionOver => scene.say("failure-session-over"),
        Failure::Keyring(text) => with("failure-keyring", text),
        Failure::Other(text) => with("failure-other", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_the_server_prints_it() {
        let lines = grouped(&"0a1b".repeat(16));
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line == "0A:1B:0A:1B:0A:1B:0A:1B"), "{lines:?}");
    }
}
