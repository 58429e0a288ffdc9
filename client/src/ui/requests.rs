//! Requests that wait for an answer: to become a contact, to join a chat, and those that one has made.

use egui::{Frame, Margin, RichText, Sense, Ui, UiBuilder, Vec2};
use relay::vocabulary::{Chat, ContactRequest};

use super::{
    Action, Out, Scene, Value,
    avatar::{self, Face},
    contact_row::{self, Row},
    controls, icons, names,
    theme::{Palette, letter, regular, size, space},
};
use crate::{
    app::StillKey,
    engine::{Command, Deed, InChat},
};

/// Someone wants to become a contact.
pub fn contact_card(ui: &mut Ui, scene: &Scene<'_>, request: &ContactRequest, out: &mut Out) {
    let name = names::of_profile(&request.from);
    let title = scene.words.with("request-contact", &[("name", Value::Text(name))]);
    let deed = |deed| Command::Contact { name: request.from.name.clone(), deed };
    match ask(ui, scene, request.from.id, name, &title, &request.text) {
        Some(Answer::Yes) => out.give(deed(Deed::Accept)),
        Some(Answer::No) => out.give(deed(Deed::Decline)),
        None => {}
    }
}

/// Someone wants to talk.
pub fn chat_card(ui: &mut Ui, scene: &Scene<'_>, chat: &Chat, out: &mut Out) {
    let Some(request) = &chat.request else { return };
    let name = names::of_member(&scene.view.state, request.from.id, &request.from.name);
    let title = scene.words.with("request-chat", &[("name", Value::Text(name))]);
    let act = |act| Command::InChat { chat: chat.id, act };
    match ask(ui, scene, request.from.id, name, &title, &request.text) {
        Some(Answer::Yes) => {
            out.give(act(InChat::Accept));
            out.act(Action::Show(chat.id));
        }
        Some(Answer::No) => out.give(act(InChat::Decline)),
        None => {}
    }
}

enum Answer {
    Yes,
    No,
}

fn ask(ui: &mut Ui, scene: &Scene<'_>, account: u64, name: &str, title: &str, text: &str) -> Option<Answer> {
    let palette = Palette::of(ui);
    let mut answer = None;
    Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        controls::card(ui, false, |ui| {
            ui.horizontal_top(|ui| {
                let (area, _) = ui.allocate_exact_size(Vec2::splat(size::AVATAR), Sense::hover());
                avatar::draw(ui, area.center(), size::AVATAR, account, name, None);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = space::TINY;
                    ui.label(RichText::new(title).color(palette.text));
                    if !text.is_empty() {
                        ui.label(RichText::new(text).font(regular(letter::SMALL)).color(palette.soft));
                    }
                    ui.add_space(space::TINY);
                    ui.horizontal(|ui| {
                        if controls::small_button(ui, &scene.say("request-accept"), true).clicked() {
                            answer = Some(Answer::Yes);
                        }
                        if controls::small_button(ui, &scene.say("request-decline"), false).clicked() {
                            answer = Some(Answer::No);
                        }
                    });
                });
            });
        });
    });
    answer
}

/// Someone was asked and has not answered.
pub fn outgoing_row(ui: &mut Ui, scene: &Scene<'_>, request: &ContactRequest, out: &mut Out) {
    let line = scene.say("request-waits");
    let face = Face {
        picture: request.to.picture.clone().map(StillKey::Person),
        ..Face::of(scene, request.to.id, names::of_profile(&request.to))
    };
    let row = Row { face, line: &line, presence: None, unread: 0 };
    let drawn = contact_row::draw(ui, scene, &row, 1, out);
    if let Some(place) = drawn.buttons {
        ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
            if controls::icon_button(ui, icons::X, &scene.say("request-withdraw")).clicked() {
                out.give(Command::Contact { name: request.to.name.clone(), deed: Deed::Withdraw });
            }
        });
    }
}
