//! One's own profile: the picture, how one wants to be called, what one says of oneself.

use egui::{Frame, Margin, RichText, ScrollArea, Ui, Vec2};
use relay::vocabulary::{ChangeProfile, DISPLAY_NAME_MAX, STATUS_TEXT_MAX};

use super::{
    Action, Out, Portrait, Scene, Value,
    avatar::Face,
    controls, icons, names,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::engine::{Command, OwnAccount};

/// What is being written.
#[derive(Debug, Default)]
pub struct ProfilePage {
    written: Option<Written>,
}

#[derive(Debug)]
struct Written {
    name: String,
    status: String,
}

impl ProfilePage {
    /// Draws the page. Says whether the person wants to leave it.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        let mut leave = false;
        Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
            ui.horizontal(|ui| {
                leave = controls::icon_button(ui, icons::CARET_LEFT, &scene.say("back")).clicked();
                ui.label(RichText::new(scene.say("profile")).font(semibold(letter::HEADING)).color(palette.text));
            });
            ui.add_space(space::SMALL);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let Some(me) = scene.view.state.me.clone() else {
                    let text = RichText::new(scene.say("profile-waits")).color(palette.soft);
                    ui.label(text);
                    return;
                };
                let name = names::of_profile(&me.profile);
                ui.vertical_centered(|ui| {
                    let (area, _) = ui.allocate_exact_size(Vec2::splat(size::PORTRAIT), egui::Sense::hover());
                    let face = Face::of(scene, me.profile.id, name);
                    face.draw(ui, scene, area.center(), size::PORTRAIT, None, out);
                    if controls::text_button(ui, &scene.say("picture-choose")).clicked() {
                        out.act(Action::ChoosePicture(Portrait::Own));
                    }
                    if me.profile.picture.is_some() && controls::text_button(ui, &scene.say("picture-remove")).clicked()
                    {
                        out.give(Command::OwnAccount(OwnAccount::Picture(None)));
                    }
                });
                ui.add_space(space::NORMAL);
                let status = &scene.view.state.roster.own.presence.status;
                let written = self
                    .written
                    .get_or_insert_with(|| Written { name: me.profile.display_name.clone(), status: status.clone() });
                let hint = me.profile.name.as_str();
                let named = controls::field(ui, &scene.say("profile-name"), &mut written.name, hint, false);
                ui.add_space(space::SMALL);
                let hint = scene.say("status-hint");
                let said = controls::field(ui, &scene.say("status"), &mut written.status, &hint, false);
                ui.add_space(space::SMALL);
                let account = scene.words.with("profile-account", &[("name", Value::Text(&me.profile.name))]);
                ui.label(RichText::new(account).font(regular(letter::SMALL)).color(palette.soft));
                ui.add_space(space::NORMAL);
                let (name, said_now) = (written.name.trim(), written.status.trim());
                let other = name != me.profile.display_name || said_now != status.as_str();
                let fits = name.len() <= DISPLAY_NAME_MAX && said_now.len() <= STATUS_TEXT_MAX;
                if other && !fits {
                    ui.label(RichText::new(scene.say("profile-too-long")).color(palette.bad_text));
                }
                let entered = controls::entered(ui, &named) || controls::entered(ui, &said);
                let saves = controls::primary_button(ui, &scene.say("save"), other && fits).clicked();
                if (saves || entered) && other && fits {
                    if name != me.profile.display_name {
                        let change = ChangeProfile { display_name: Some(name.to_owned()), ..ChangeProfile::default() };
                        out.give(Command::OwnAccount(OwnAccount::Change(change)));
                    }
                    if said_now != status.as_str() {
                        out.give(Command::SetPresence { state: None, status: Some(said_now.to_owned()) });
                    }
                    leave = true;
                }
            });
        });
        if leave {
            self.written = None;
        }
        leave
    }
}
