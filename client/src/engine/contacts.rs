//! Contacts and presence: asking for them, reading on in what changes, saying what one is oneself.

use std::{sync::Arc, time::Duration};

use relay::{
    Frame, TrackId,
    link::Promise,
    vocabulary::{
        AskContact, Contact, ContactRequests, Contacts, Directory, Event as Told, OwnPresence, Problem, ReadFrom,
        RenameGroup, SetGroups, SetPresence, code,
    },
};

use super::{
    command::{Command, Deed},
    core::Core,
    event::Event,
    lookups::percent_encoded,
    requests::Purpose,
    roster::{Roster, Then},
};

impl Core {
    /// Reads everything about contacts over a new link.
    pub(super) fn meet_contacts(&mut self) {
        self.roster().begin();
        self.ask(Purpose::ListContacts { first: true }, "GET", "/v1/contacts", &());
        self.roster().expect_requests();
        self.ask(Purpose::ListRequests, "GET", "/v1/contacts/requests", &());
        self.ask(Purpose::ListBlocks, "GET", "/v1/blocks", &());
        // Also when nobody is away: the server may remember something else from before.
        let idle = self.idle.is_idle(self.since_start());
        self.said_idle = Some(idle);
        self.say_idle(idle);
    }

    /// Does what a person asks for, if it is about contacts or presence.
    pub(super) fn obey_about_contacts(&mut self, command: Command) {
        match command {
            Command::AskContact { name, text } => {
                let ask = AskContact { to: name, text };
                self.ask_surely(Purpose::Change("ask for a contact"), "POST", "/v1/contacts/requests", &ask);
            }
            Command::Contact { name, deed } => self.deal_with(&name, deed),
            Command::RenameGroup { from, to } => {
                let rename = RenameGroup { from, to };
                self.ask_surely(Purpose::Change("rename a group"), "POST", "/v1/contacts/groups/rename", &rename);
            }
            Command::ListContacts => {
                self.roster().begin_list();
                self.ask(Purpose::ListContacts { first: true }, "GET", "/v1/contacts", &());
            }
            Command::ListBlocks => {
                let blocked = self.state.roster.blocked.values().cloned().collect();
                self.tell(Event::Blocks { blocked });
            }
            Command::SearchDirectory { prefix, after } => {
                let (encoded, after) = (percent_encoded(&prefix), percent_encoded(&after));
                let path = format!("/v1/directory?prefix={encoded}&after={after}");
                self.ask(Purpose::Search { prefix }, "GET", &path, &());
            }
            Command::SetPresence { state, status } => {
                let set = SetPresence { state, status, idle: None };
                self.ask_surely(Purpose::OwnPresence, "PUT", "/v1/presence", &set);
            }
            Command::SetIdle { idle } => {
                self.idle.tell(idle, self.since_start());
                self.watch_the_person();
            }
            Command::AwayAfter { span } => self.idle.set_after(span),
            other => tracing::error!(?other, "a command without anyone to obey it"),
        }
    }

    /// Says whether the person is away, when that has changed.
    pub(super) fn watch_the_person(&mut self) {
        let idle = self.idle.is_idle(self.since_start());
        let online = self.link.as_ref().is_some_and(|link| link.authenticated);
        if online && self.said_idle != Some(idle) {
            self.said_idle = Some(idle);
            self.say_idle(idle);
        }
    }

    /// The person has done something.
    pub(super) fn person_acts(&mut self) {
        self.idle.act(self.since_start());
        self.watch_the_person();
    }

    /// A page of contacts has come.
    pub(super) fn contacts_listed(&mut self, page: Contacts) {
        let listed = self.roster().page(page);
        for id in listed.changed {
            if let Some(contact) = self.state.roster.contacts.get(&id).cloned() {
                self.tell_presence(&contact);
            }
        }
        match listed.then {
            Then::More { after } => {
                let path = format!("/v1/contacts?after={after}");
                self.ask(Purpose::ListContacts { first: false }, "GET", &path, &());
            }
            Then::Complete { as_of } => {
                let contacts: Vec<Contact> = self.state.roster.contacts.values().cloned().collect();
                self.tell(Event::Contacts { contacts });
                self.read_presence(as_of);
            }
        }
    }

    /// The requests that wait have come: those that wait for an answer are told of.
    pub(super) fn requests_listed(&mut self, requests: ContactRequests) {
        let Some(me) = self.state.account.as_ref().map(|account| account.id) else { return };
        let known = self.state.roster.incoming.clone();
        self.roster().set_requests(me, requests);
        let now = self.state.roster.incoming.clone();
        for request in now.values().filter(|request| known.get(&request.from.id) != Some(request)) {
            self.tell(Event::ContactRequested { request: request.clone() });
        }
    }

    pub(super) fn blocks_listed(&mut self, blocks: relay::vocabulary::Blocks) {
        self.roster().blocked = blocks.blocked.into_iter().map(|account| (account.id, account)).collect();
    }

    pub(super) fn own_presence(&mut self, own: OwnPresence) {
        if self.state.roster.own != own {
            self.roster().own = own.clone();
            self.tell(Event::OwnPresence { own });
        }
    }

    pub(super) fn found(&self, prefix: String, directory: Directory) {
        self.tell(Event::Directory { prefix, people: directory.people, more: directory.more });
    }

    /// A change of someone's presence came.
    pub(super) fn presence_changed(&mut self, frame: &Frame) {
        let (account, presence) = match Told::parse(&frame.payload()) {
            Ok(Told::PresenceChanged { account, presence }) => (account, presence),
            Ok(other) => return tracing::debug!(?other, "the presence track carries only presence"),
            Err(error) => return self.warn(format!("A change of presence cannot be understood: {error}.")),
        };
        if self.state.account.as_ref().is_some_and(|me| me.id == account) {
            // What was chosen is not in it, and may have been on another device.
            if self.state.roster.own.presence != presence {
                self.ask_surely(Purpose::OwnPresence, "GET", "/v1/presence", &());
            }
            return;
        }
        let news = self.roster().change(account, frame.header().sequence, presence).cloned();
        if let Some(contact) = news {
            self.tell_presence(&contact);
        }
    }

    /// The server tells of something about contacts.
    pub(super) fn told_of_contacts(&mut self, event: Told) {
        let Some(me) = self.state.account.as_ref().map(|account| account.id) else { return };
        match event {
            Told::ContactRequested { request } => {
                self.roster().request(me, (*request).clone());
                self.tell(Event::ContactRequested { request: *request });
            }
            Told::ContactRequestEnded { from, to, outcome } => {
                self.roster().end_request(me, from.id, to.id);
                self.tell(Event::ContactRequestEnded { from, to, outcome });
            }
            Told::ContactAdded { contact, as_of } => {
                let id = contact.who.id;
                self.roster().add(*contact, as_of);
                if let Some(contact) = self.state.roster.contacts.get(&id).cloned() {
                    self.tell(Event::ContactAdded { contact });
                }
            }
            Told::ContactRemoved { who } => {
                self.roster().remove(who.id);
                self.tell(Event::ContactRemoved { who });
            }
            Told::ContactGrouped { account, groups } => {
                self.roster().group(account, groups.clone());
                self.tell(Event::ContactGrouped { account, groups });
            }
            Told::ContactGroupRenamed { from, to } => {
                self.roster().rename_group(&from, to.as_deref());
                self.tell(Event::ContactGroupRenamed { from, to });
            }
            Told::ContactBlocked { who } => {
                self.roster().block(who.clone());
                self.tell(Event::ContactBlocked { who });
            }
            Told::ContactUnblocked { who } => {
                self.roster().blocked.remove(&who.id);
                self.tell(Event::ContactUnblocked { who });
            }
            other => tracing::debug!(?other, "the server told of something that this version does not know"),
        }
    }

    /// Nobody is logged in any more.
    pub(super) fn forget_contacts(&mut self) {
        self.state.roster = Arc::default();
    }

    fn deal_with(&mut self, name: &str, deed: Deed) {
        let in_chats = || {
            let members = self.state.chats.values().flat_map(|chat| &chat.chat.members);
            members.clone().find(|member| member.name.eq_ignore_ascii_case(name)).map(|member| member.id)
        };
        let Some(id) = self.state.roster.find(name).or_else(in_chats) else {
            let detail = format!("{name} is no contact, has asked for nothing, and is in no chat of yours.");
            let problem = Problem::new(404, code::NOT_FOUND, detail);
            return self.tell(Event::Refused { command: deed.name().to_owned(), problem });
        };
        let (purpose, request) = (Purpose::Change(deed.name()), format!("/v1/contacts/requests/{id}"));
        match deed {
            Deed::Accept => self.ask_surely(purpose, "POST", &format!("{request}/accept"), &()),
            Deed::Decline => self.ask_surely(purpose, "POST", &format!("{request}/decline"), &()),
            Deed::Withdraw => self.ask_surely(purpose, "DELETE", &request, &()),
            Deed::Remove => self.ask_surely(purpose, "DELETE", &format!("/v1/contacts/{id}"), &()),
            Deed::Group(groups) => {
                self.ask_surely(purpose, "PUT", &format!("/v1/contacts/{id}/groups"), &SetGroups { groups })
            }
            Deed::Block => self.ask_surely(purpose, "PUT", &format!("/v1/blocks/{id}"), &()),
            Deed::Unblock => self.ask_surely(purpose, "DELETE", &format!("/v1/blocks/{id}"), &()),
        };
    }

    fn read_presence(&mut self, as_of: u64) {
        let Some(link) = &mut self.link else { return };
        if std::mem::replace(&mut link.reads_presence, true) {
            return;
        }
        let changes = self.changes.clone();
        let sink = move |frame: Frame| {
            if changes.send(frame).is_err() {
                tracing::debug!("a change of presence came after the engine's end");
            }
        };
        link.connection.accept_track(TrackId::PRESENCE, Promise::Latest, Box::new(sink));
        let path = format!("/v1/cursors/{}", TrackId::PRESENCE);
        self.ask(Purpose::Change("read presence"), "PUT", &path, &ReadFrom { after: Some(as_of) });
    }

    /// Whether the person is away is said over every link anew.
    fn say_idle(&mut self, idle: bool) {
        let set = SetPresence { idle: Some(idle), ..SetPresence::default() };
        self.ask(Purpose::OwnPresence, "PUT", "/v1/presence", &set);
    }

    fn tell_presence(&self, contact: &Contact) {
        let (who, presence) = (contact.who.clone(), contact.presence.clone());
        self.tell(Event::Presence { account: who.id, name: who.name, presence });
    }

    fn roster(&mut self) -> &mut Roster {
        Arc::make_mut(&mut self.state.roster)
    }

    fn since_start(&self) -> Duration {
        Duration::from_micros(self.clock.now())
    }
}
