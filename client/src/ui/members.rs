//! A group at the side of its chat: its picture and name, who is in it and in what part, asking others in, leaving.

use egui::{Frame, Key, Margin, RichText, ScrollArea, Ui, UiBuilder, Vec2};
use relay::vocabulary::{AskIn, CHAT_NAME_MAX, ChangeChat, ChatMember, ChatRole, SetRole, Standing};

use super::{
    Action, Out, Portrait, Scene, Then, Value,
    avatar::Face,
    contact_row::{self, Row},
    contacts::menu_item,
    controls, icons, names,
    people_picker::PeoplePicker,
    presence,
    theme::{Palette, letter, semibold, size, space},
};
use crate::engine::{ChatState, Command, InChat};

/// What is remembered while it is open.
#[derive(Debug, Default)]
pub struct Members {
    /// The group's name, while it is being written.
    name: Option<String>,
    asks: Option<PeoplePicker>,
    /// Whether leaving is to be confirmed.
    leaves: bool,
}

impl Members {
    /// Draws it. Says whether the person wants to close it.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        let mut close = self.name.is_none() && ui.input(|input| input.key_pressed(Key::Escape));
        controls::at_the_bottom(ui, "leave", |ui| self.leave(ui, scene, chat, out));
        let margin = Frame::new().inner_margin(Margin::symmetric(space::NORMAL as i8, space::SMALL as i8));
        margin.show(ui, |ui| {
            ui.horizontal(|ui| {
                let title = scene.say("group-members");
                ui.label(RichText::new(title).font(semibold(letter::HEADING)).color(palette.text));
                controls::from_the_right(ui, |ui| {
                    close |= controls::icon_button(ui, icons::X, &scene.say("group-close")).clicked();
                    let ask = controls::icon_button(ui, icons::USER_PLUS, &scene.say("group-ask-in"));
                    if ask.clicked() {
                        self.asks = if self.asks.is_some() { None } else { Some(PeoplePicker::default()) };
                    }
                });
            });
            ui.add_space(space::SMALL);
            self.describe(ui, scene, chat, out);
            self.ask(ui, scene, chat, out);
        });
        let members = chat.everyone();
        let area = ScrollArea::vertical().auto_shrink(false).id_salt("members");
        ui.spacing_mut().item_spacing.y = 0.0;
        area.show_rows(ui, size::CONTACT_ROW, members.len(), |ui, seen| {
            for one in &members[seen.start..seen.end.min(members.len())] {
                let id = egui::Id::new(("member", chat.chat.id, one.id));
                ui.scope_builder(UiBuilder::new().id(id), |ui| member(ui, scene, chat, one, out));
            }
        });
        close
    }

    /// The picture and the name, which those who keep order may change.
    fn describe(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) {
        let palette = Palette::of(ui);
        let name = names::of_chat(scene, &chat.chat);
        let may = chat.chat.role >= ChatRole::Moderator;
        ui.vertical_centered(|ui| {
            let (area, _) = ui.allocate_exact_size(Vec2::splat(size::AVATAR_LARGE), egui::Sense::hover());
            Face::of_chat(scene, &chat.chat, &name).draw(ui, scene, area.center(), size::AVATAR_LARGE, None, out);
            let Some(written) = &mut self.name else {
                let text = RichText::new(&name).font(semibold(letter::HEADING)).color(palette.text);
                ui.add(egui::Label::new(text).wrap());
                return;
            };
            let field = controls::field(ui, &scene.say("group-name"), written, "", false);
            let entered = controls::entered(ui, &field);
            let fits = written.trim().len() <= CHAT_NAME_MAX;
            if (controls::primary_button(ui, &scene.say("save"), fits).clicked() || entered) && fits {
                let change = ChangeChat { name: Some(written.trim().to_owned()), ..ChangeChat::default() };
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::Describe(change) });
                self.name = None;
            } else if ui.input(|input| input.key_pressed(Key::Escape)) {
                self.name = None;
            }
        });
        if may && self.name.is_none() {
            ui.vertical_centered(|ui| {
                if controls::text_button(ui, &scene.say("group-rename")).clicked() {
                    self.name = Some(chat.chat.name.clone());
                }
                if controls::text_button(ui, &scene.say("picture-choose")).clicked() {
                    out.act(Action::ChoosePicture(Portrait::Chat(chat.chat.id)));
                }
                if chat.chat.picture.is_some() && controls::text_button(ui, &scene.say("picture-remove")).clicked() {
                    out.give(Command::InChat { chat: chat.chat.id, act: InChat::Picture(None) });
                }
            });
        }
    }

    fn ask(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) {
        let Some(picker) = &mut self.asks else { return };
        let mut done = false;
        controls::card(ui, false, |ui| {
            let is_in = |account: u64| chat.everyone().iter().any(|member| member.id == account);
            let entered = picker.show(ui, scene, is_in, out);
            let names = picker.names();
            ui.add_space(space::SMALL);
            let asks = controls::primary_button(ui, &scene.say("group-ask-in"), !names.is_empty()).clicked();
            if (asks || entered) && !names.is_empty() {
                let ask = AskIn { names, text: String::new() };
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::AskIn(ask) });
                done = true;
            }
        });
        if done {
            self.asks = None;
        }
    }

    fn leave(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) {
        let palette = Palette::of(ui);
        Frame::new().inner_margin(Margin::same(space::NORMAL as i8)).show(ui, |ui| {
            if !self.leaves {
                self.leaves = controls::quiet_button(ui, &scene.say("group-leave")).clicked();
                return;
            }
            ui.label(RichText::new(scene.say("group-leave-really")).color(palette.text));
            ui.horizontal(|ui| {
                if controls::small_button(ui, &scene.say("group-leave"), true).clicked() {
                    out.give(Command::InChat { chat: chat.chat.id, act: InChat::Leave });
                }
                if controls::small_button(ui, &scene.say("cancel"), false).clicked() {
                    self.leaves = false;
                }
            });
        });
    }
}

fn member(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, member: &ChatMember, out: &mut Out) {
    let me = scene.me();
    let name = names::of_member(&scene.view.state, member.id, &member.name);
    let contact = scene.view.state.roster.contacts.get(&member.id);
    let part = match (member.standing, member.role) {
        (Standing::Joined, ChatRole::Owner) => scene.say("group-owner"),
        (Standing::Joined, ChatRole::Moderator) => scene.say("group-moderator"),
        (Standing::Joined, ChatRole::Member) => String::new(),
        _ => scene.say("group-asked"),
    };
    let you = if member.id == me { scene.say("group-you") } else { String::new() };
    let state = contact.map(|contact| presence::line(scene, &contact.presence)).unwrap_or_default();
    let line = [part, you, state].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let line = if line.is_empty() { format!("@{}", member.name) } else { line };
    let others = member.id != me;
    let face = Face::of(scene, member.id, name);
    let row = Row { face, line: &line, presence: contact.map(|contact| contact.presence.state), unread: 0 };
    let drawn = contact_row::draw(ui, scene, &row, usize::from(others), out);
    if !others {
        return;
    }
    if let Some(place) = drawn.buttons {
        ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
            let says = scene.words.with("group-more", &[("name", Value::Text(name))]);
            let more = controls::icon_button(ui, icons::DOTS_THREE, &says);
            egui::Popup::menu(&more).show(|ui| menu(ui, scene, chat, member, out));
        });
    }
    if drawn.row.clicked() {
        out.act(Action::Meet { name: member.name.clone(), then: Then::Talk });
    }
    controls::context_menu(ui, &drawn.row, |ui| menu(ui, scene, chat, member, out));
}

/// What can be done about a member: who may do what is the server's table, `server/src/chat/rights.rs`.
fn menu(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, member: &ChatMember, out: &mut Out) {
    let act = |act| Command::InChat { chat: chat.chat.id, act };
    if menu_item(ui, icons::CHAT_CIRCLE, &scene.say("chat-open")) {
        out.act(Action::Meet { name: member.name.clone(), then: Then::Talk });
    }
    let mine = chat.chat.role;
    let joined = member.standing == Standing::Joined;
    if mine == ChatRole::Owner && joined {
        ui.separator();
        for (role, icon, word) in [
            (ChatRole::Member, icons::USERS, "group-make-member"),
            (ChatRole::Moderator, icons::SHIELD, "group-make-moderator"),
            (ChatRole::Owner, icons::CROWN, "group-make-owner"),
        ] {
            if member.role != role && menu_item(ui, icon, &scene.say(word)) {
                out.give(act(InChat::SetRole(member.id, SetRole { role })));
            }
        }
    }
    if mine > member.role && mine >= ChatRole::Moderator {
        ui.separator();
        let word = if joined { "group-remove" } else { "group-take-back" };
        if menu_item(ui, icons::TRASH, &scene.say(word)) {
            out.give(act(InChat::Remove(member.id)));
        }
    }
}
