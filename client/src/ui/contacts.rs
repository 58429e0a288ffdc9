//! The contacts: search, requests to answer, groups, chats of many, and adding someone by request.

use std::collections::BTreeSet;

use egui::{
    Frame, Id, Key, KeyboardShortcut, Margin, Modifiers, Rect, Response, RichText, ScrollArea, Sense, TextEdit, Ui,
    UiBuilder, Vec2,
};
use relay::vocabulary::{CHAT_NAME_MAX, ChatKind, Contact, Standing};

use super::{
    Action, Out, Scene, Then, Value,
    avatar::Face,
    chat_search,
    contact_list::{ContactList, Entry, HEAD, Section},
    contact_row::{self, Row},
    controls, icons, names,
    people_picker::PeoplePicker,
    presence, regions, requests,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::{
    engine::{ChatState, Command, Deed},
    home::Region,
};

/// What the list remembers.
#[derive(Debug, Default)]
pub struct Contacts {
    search: String,
    list: ContactList,
    /// A request that is being written: the name, a few words, and whether it just begins.
    adding: Option<(String, String, bool)>,
    /// A group that is being made: its name, and who is asked into it.
    group: Option<(String, PeoplePicker)>,
    closed: BTreeSet<String>,
    asked: chat_search::Asked,
    /// Whether the field for searching is to have the keyboard.
    seeks: bool,
    /// Whether the first who is found is to be met.
    opens: bool,
}

/// Looks for someone.
const SEARCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

/// Adds someone.
const ADD: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::N);

impl Contacts {
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        Frame::new().inner_margin(Margin::symmetric(12, 0)).show(ui, |ui| {
            self.add(ui, scene, out);
            self.new_group(ui, scene, out);
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            self.list(ui, scene, out);
            ui.add_space(space::NORMAL);
        });
    }

    /// The buttons that choose a function: looking for someone, making a group, adding someone. All of them are about
    /// contacts, which are to be seen then: says whether they were used.
    pub fn functions(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> bool {
        let mut used = self.keys(ui);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::TINY;
            let search = self.search_field(ui, scene);
            used |= search.changed();
            self.opens = controls::entered(ui, &search);
            let group = controls::icon_button(ui, icons::USERS_THREE, &scene.say("group-new"));
            if controls::turns(ui, &group) {
                self.group = if self.group.is_some() { None } else { Some((String::new(), PeoplePicker::default())) };
                (self.adding, used) = (None, true);
            }
            let name = format!("{} ({})", scene.say("contact-add"), ui.ctx().format_shortcut(&ADD));
            let add = controls::icon_button(ui, icons::USER_PLUS, &scene.say("contact-add")).on_hover_text(name);
            if controls::turns(ui, &add) {
                self.turn_adding();
                used = true;
            }
            for button in [group, add] {
                controls::context_menu(ui, &button, |ui| regions::fold_item(ui, scene, Region::Functions, out));
            }
        });
        used
    }

    /// What a key does of it, seen or folded. Says whether one was pressed.
    pub fn keys(&mut self, ui: &Ui) -> bool {
        let (search, add) = ui.input_mut(|input| (input.consume_shortcut(&SEARCH), input.consume_shortcut(&ADD)));
        self.seeks |= search;
        if add {
            self.turn_adding();
        }
        search || add
    }

    fn turn_adding(&mut self) {
        self.group = None;
        self.adding = match self.adding {
            None => Some((self.search.trim().to_owned(), String::new(), true)),
            Some(_) => None,
        };
    }

    fn search_field(&mut self, ui: &mut Ui, scene: &Scene<'_>) -> Response {
        let palette = Palette::of(ui);
        let width = ui.available_width() - 2.0 * (size::ICON_BUTTON + space::TINY);
        let hint = RichText::new(format!("{}  {}", icons::MAGNIFYING_GLASS, scene.say("search"))).color(palette.soft);
        let search = TextEdit::singleline(&mut self.search)
            .hint_text(hint)
            .desired_width(width)
            .min_size(Vec2::new(width, 32.0))
            .vertical_align(egui::Align::Center)
            .frame(Frame::new().fill(palette.hover).corner_radius(8).inner_margin(Margin::symmetric(10, 6)));
        let search = ui.add(search);
        search.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, scene.say("search")));
        controls::focus_ring(ui, &search, 8);
        if std::mem::take(&mut self.seeks) {
            search.request_focus();
        }
        search
    }

    fn add(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let Some((name, text, begins)) = &mut self.adding else { return };
        let mut done = false;
        ui.add_space(space::SMALL);
        controls::card(ui, false, |ui| {
            let field = controls::field(ui, &scene.say("contact-add-name"), name, "", false);
            if std::mem::take(begins) {
                field.request_focus();
            }
            let note = controls::field(ui, &scene.say("contact-add-text"), text, &scene.say("contact-add-hint"), false);
            ui.add_space(space::TINY);
            let enter = controls::entered(ui, &field) || controls::entered(ui, &note);
            let ask = controls::primary_button(ui, &scene.say("contact-add-send"), !name.trim().is_empty()).clicked();
            if (ask || enter) && !name.trim().is_empty() {
                let (name, text) = (name.trim().to_owned(), text.trim().to_owned());
                out.give(Command::AskContact { name, text });
                done = true;
            }
        });
        if done {
            self.adding = None;
        }
    }

    fn new_group(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let Some((name, people)) = &mut self.group else { return };
        let mut done = false;
        ui.add_space(space::SMALL);
        controls::card(ui, false, |ui| {
            let field = controls::field(ui, &scene.say("group-name"), name, &scene.say("group-name-hint"), false);
            let entered = people.show(ui, scene, |_| false, out) || controls::entered(ui, &field);
            let names = people.names();
            let fits = !names.is_empty() && name.trim().len() <= CHAT_NAME_MAX;
            ui.add_space(space::SMALL);
            if (controls::primary_button(ui, &scene.say("group-make"), fits).clicked() || entered) && fits {
                out.give(Command::OpenGroup { names, name: name.trim().to_owned(), text: None });
                done = true;
            }
        });
        if done {
            self.group = None;
        }
    }

    fn list(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let state = &scene.view.state;
        let roster = &state.roster;
        let wanted = self.search.trim().to_lowercase();
        for request in roster.incoming.values().filter(|_| wanted.is_empty()) {
            requests::contact_card(ui, scene, request, out);
        }
        for known in state.chats.values().filter(|known| known.chat.standing == Standing::Requested) {
            requests::chat_card(ui, scene, &known.chat, out);
        }
        self.list.update(scene, &wanted, &self.closed);
        let nothing = roster.contacts.is_empty() && state.chats.is_empty() && roster.outgoing.is_empty();
        if nothing && wanted.is_empty() && roster.incoming.is_empty() {
            return empty(ui, &scene.say("contacts-none"), &scene.say("contacts-none-text"), icons::USERS);
        }
        if self.list.found() == 0 && !wanted.is_empty() {
            if !chat_search::everywhere(ui, scene, &mut self.asked, &self.search, out) {
                let text = scene.say("contacts-not-found-text");
                empty(ui, &scene.say("contacts-not-found"), &text, icons::MAGNIFYING_GLASS);
            }
            return;
        }
        if std::mem::take(&mut self.opens)
            && !wanted.is_empty()
            && let Some(first) = self.list.first().and_then(|account| roster.contacts.get(&account))
        {
            let chat = names::direct_chat_of(state, first.who.id);
            let meet = || Action::Meet { name: first.who.name.clone(), then: Then::Talk };
            out.act(chat.map_or_else(meet, Action::Show));
            self.search.clear();
        }
        self.rows(ui, scene, out);
        chat_search::everywhere(ui, scene, &mut self.asked, &self.search, out);
    }

    /// Draws the rows that are in sight.
    fn rows(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let state = &scene.view.state;
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), self.list.height()), Sense::hover());
        let seen = ui.clip_rect();
        let mut turned = None;
        for index in self.list.between(seen.top() - area.top(), seen.bottom() - area.top()) {
            let Some((entry, top)) = self.list.row(index) else { continue };
            let at = Rect::from_min_size(area.min + Vec2::new(0.0, top), Vec2::new(area.width(), size::CONTACT_ROW));
            // Of its own, whatever is in sight above it: the keyboard stays where it is.
            let id = Id::new(("contacts", entry));
            ui.scope_builder(UiBuilder::new().id(id).max_rect(at), |ui| match entry {
                Entry::Head(section) => {
                    if let Some(section) = self.list.at(section)
                        && head(ui, section)
                    {
                        turned = Some(section.name.clone());
                    }
                }
                Entry::Contact { account, .. } => {
                    state.roster.contacts.get(&account).into_iter().for_each(|contact| {
                        contact_row_of(ui, scene, contact, out);
                    });
                }
                Entry::Chat(chat) => {
                    state.chats.get(&chat).into_iter().for_each(|known| chat_row(ui, scene, known, out));
                }
                Entry::Asked(account) => {
                    state.roster.outgoing.get(&account).into_iter().for_each(|request| {
                        requests::outgoing_row(ui, scene, request, out);
                    });
                }
            });
        }
        if let Some(name) = turned
            && !self.closed.remove(&name)
        {
            self.closed.insert(name);
        }
    }
}

/// The head of a section, which opens and closes it. Says whether it is to be turned.
fn head(ui: &mut Ui, section: &Section) -> bool {
    let palette = Palette::of(ui);
    let (area, head) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEAD), Sense::click());
    let colour = if head.hovered() { palette.text } else { palette.soft };
    let icon = if section.open { icons::CARET_DOWN } else { icons::CARET_RIGHT };
    let at = area.left_center() + Vec2::new(space::WIDE, 2.0);
    ui.painter().text(at, egui::Align2::LEFT_CENTER, icon, regular(letter::TINY), colour);
    let width = area.width() - space::HUGE - space::WIDE;
    let text = controls::cut(ui, &section.title, semibold(letter::TINY), colour, width);
    ui.painter().galley(at + Vec2::new(18.0, -text.size().y / 2.0), text, colour);
    controls::focus_ring(ui, &head, 8);
    controls::follow_focus(&head);
    let head = controls::named(ui, head, &section.title);
    controls::turns(ui, &head)
}

/// The head of something that cannot be closed.
pub fn heading(ui: &mut Ui, name: &str) {
    let palette = Palette::of(ui);
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 30.0), Sense::hover());
    let at = area.left_center() + Vec2::new(space::WIDE, 2.0);
    let text = controls::cut(ui, name, semibold(letter::TINY), palette.soft, area.width() - space::HUGE);
    ui.painter().galley(at - Vec2::new(0.0, text.size().y / 2.0), text, palette.soft);
}

fn contact_row_of(ui: &mut Ui, scene: &Scene<'_>, contact: &Contact, out: &mut Out) {
    let chat = names::direct_chat_of(&scene.view.state, contact.who.id);
    let unread = chat.and_then(|chat| scene.view.state.chats.get(&chat)).map_or(0, |known| known.unread);
    let line = presence::line(scene, &contact.presence);
    let row = Row {
        face: Face::of(scene, contact.who.id, names::of_profile(&contact.who)),
        line: &line,
        presence: Some(contact.presence.state),
        unread,
    };
    let reachable = presence::rank(contact.presence.state) < 4;
    let drawn = contact_row::draw(ui, scene, &row, if reachable { 2 } else { 0 }, out);
    let meet = |then| match (chat, then) {
        (Some(chat), Then::Talk) => Action::Show(chat),
        _ => Action::Meet { name: contact.who.name.clone(), then },
    };
    if let Some(place) = drawn.buttons {
        ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                if controls::icon_button(ui, icons::PHONE, &scene.say("call-voice")).clicked() {
                    out.act(meet(Then::Voice));
                }
                if controls::icon_button(ui, icons::VIDEO_CAMERA, &scene.say("call-video")).clicked() {
                    out.act(meet(Then::Video));
                }
            });
        });
    }
    if drawn.row.clicked() {
        out.act(meet(Then::Talk));
    }
    controls::context_menu(ui, &drawn.row, |ui| {
        for (icon, word, then) in [
            (icons::CHAT_CIRCLE, "chat-open", Then::Talk),
            (icons::PHONE, "call-voice", Then::Voice),
            (icons::VIDEO_CAMERA, "call-video", Then::Video),
        ] {
            if (reachable || then == Then::Talk) && menu_item(ui, icon, &scene.say(word)) {
                out.act(meet(then));
            }
        }
        ui.separator();
        let deed = |deed| Command::Contact { name: contact.who.name.clone(), deed };
        if menu_item(ui, icons::TRASH, &scene.say("contact-remove")) {
            out.give(deed(Deed::Remove));
        }
        if menu_item(ui, icons::PROHIBIT, &scene.say("contact-block")) {
            out.give(deed(Deed::Block));
        }
    });
}

/// An entry of a menu. Says whether it was chosen.
pub fn menu_item(ui: &mut Ui, icon: &str, text: &str) -> bool {
    let entry = ui.button(format!("{icon}  {text}"));
    let clicked = controls::named(ui, entry, text).clicked();
    if clicked {
        ui.close();
    }
    clicked
}

fn chat_row(ui: &mut Ui, scene: &Scene<'_>, known: &ChatState, out: &mut Out) {
    let name = names::of_chat(scene, &known.chat);
    let line = match known.chat.kind {
        ChatKind::Group => scene.words.with("chat-members", &[("count", Value::Number(u64::from(known.chat.joined)))]),
        _ => String::new(),
    };
    let row = Row { face: Face::of_chat(scene, &known.chat, &name), line: &line, presence: None, unread: known.unread };
    if contact_row::draw(ui, scene, &row, 0, out).row.clicked() {
        out.act(Action::Show(known.chat.id));
    }
}

/// A list that has nothing in it says why, and what to do.
pub fn empty(ui: &mut Ui, title: &str, text: &str, icon: &str) {
    let palette = Palette::of(ui);
    ui.add_space((ui.available_height() * 0.22).clamp(space::LARGE, 120.0));
    ui.vertical_centered(|ui| {
        ui.set_max_width(260.0);
        ui.label(RichText::new(icon).font(regular(34.0)).color(palette.soft));
        ui.add_space(space::SMALL);
        ui.label(RichText::new(title).font(semibold(letter::HEADING)).color(palette.text));
        ui.add_space(space::TINY);
        ui.label(RichText::new(text).color(palette.soft));
    });
}
