//! What is told outside the windows: lines that nobody looks at, requests, calls that ring. Pure: who asks, shows it.

use relay::vocabulary::{Availability, ChatId, Message};

use super::{Value, Words, names};
use crate::{
    desktop::{About, Deed, Notification},
    engine::{Event, State},
    home::{Notifications, Preferences},
};

/// Lines that came while this client was away longer than this are only counted, in milliseconds.
const NEWS: u64 = 10 * 60_000;

/// Letters of a line that are told.
const TOLD: usize = 200;

/// The moment at which something happens.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub state: &'a State,
    pub words: &'a Words,
    /// The chat that a person looks at, if any.
    pub looked_at: Option<ChatId>,
    /// Whether nothing is to disturb.
    pub quiet: bool,
    /// Unix milliseconds.
    pub now: u64,
}

/// Whether nothing is to disturb: the person says so, or these are the hours for it. `minute` is that of the day.
pub fn is_quiet(state: &State, preferences: &Preferences, minute: u16) -> bool {
    let says_so = state.roster.own.presence.state == Availability::DoNotDisturb;
    says_so
        || match preferences.notifications {
            Notifications::Always => false,
            Notifications::OutsideQuietHours => preferences.quiet_hours.has(minute),
            Notifications::Never => true,
        }
}

/// What to tell of something that has happened, if anything.
pub fn notify(event: &Event, desk: Desk<'_>) -> Option<Notification> {
    let Desk { state, words, .. } = desk;
    let say = |name: &str, value: (&'static str, Value<'_>)| words.with(name, &[value]);
    let show = |about, title, text, deeds: &[(Deed, &str)], urgent| {
        let deeds = deeds.iter().map(|(deed, name)| (*deed, words.say(name))).collect();
        (!desk.quiet).then_some(Notification { about, title, text, deeds, urgent })
    };
    let open = (Deed::Open, "notify-open");
    match event {
        Event::Message { chat, message } if is_news(*chat, message, desk) => {
            let who = names::of_member(state, message.from.id, &message.from.name);
            let known = state.chats.get(chat).filter(|known| !known.chat.name.is_empty());
            let title = match known {
                Some(known) => words
                    .with("notify-in-group", &[("who", Value::Text(who)), ("group", Value::Text(&known.chat.name))]),
                None => who.to_owned(),
            };
            show(About::Chat(*chat), title, line(message), &[open], false)
        }
        Event::ChatRequested { chat } => {
            let who = chat.members.iter().find(|member| Some(member.id) != state.account.as_ref().map(|me| me.id));
            let who = who.map_or("", |member| names::of_member(state, member.id, &member.name));
            show(
                About::Chat(chat.id),
                say("notify-chat-request", ("who", Value::Text(who))),
                String::new(),
                &[open],
                false,
            )
        }
        Event::ContactRequested { request } if Some(request.to.id) == state.account.as_ref().map(|me| me.id) => {
            let title = say("notify-request", ("who", Value::Text(names::of_profile(&request.from))));
            let deeds = [open, (Deed::Accept, "notify-accept"), (Deed::Decline, "notify-decline")];
            show(About::Request(request.from.name.clone()), title, request.text.clone(), &deeds, false)
        }
        Event::CallInvited { call } => {
            let who = names::of_member(state, call.caller.id, &call.caller.name);
            let deeds = [open, (Deed::Accept, "call-accept"), (Deed::Decline, "call-decline")];
            show(About::Call(call.id), say("call-rings-from", ("name", Value::Text(who))), String::new(), &deeds, true)
        }
        _ => None,
    }
}

/// Whether what a notification is about still waits for somebody.
pub fn waits(about: &About, state: &State) -> bool {
    match about {
        About::Chat(chat) => state
            .chats
            .get(chat)
            .is_some_and(|known| known.unread > 0 || known.chat.standing == relay::vocabulary::Standing::Requested),
        About::Request(name) => state.roster.incoming.values().any(|request| request.from.name == *name),
        About::Tray => false,
        About::Call(call) => {
            state.call.as_ref().is_some_and(|known| known.call.id == *call && !known.joined && !known.outgoing)
        }
    }
}

fn is_news(chat: ChatId, message: &Message, desk: Desk<'_>) -> bool {
    let is_line = message.notice.is_none() && message.change.is_none() && message.erased.is_none();
    let mine = desk.state.account.as_ref().is_some_and(|me| me.id == message.from.id);
    let read = desk.state.chats.get(&chat).is_some_and(|known| known.chat.read >= message.sequence);
    let fresh = desk.now.saturating_sub(message.at) < NEWS;
    is_line && fresh && !mine && !read && !message.silent && desk.looked_at != Some(chat)
}

/// The beginning of a line, or what hangs on it.
fn line(message: &Message) -> String {
    if message.text.is_empty() {
        return message.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    match message.text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &message.text[..end]),
        None => message.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use relay::vocabulary::{Account, Call, CallPhase, Chat, ContactRequest, Profile};

    use super::*;
    use crate::{
        engine::{CallState, ChatState},
        ui::Tongue,
    };

    const NOW: u64 = 1_795_567_260_000;

    fn account(id: u64, name: &str) -> Account {
        Account { id, name: name.into() }
    }

    fn state() -> State {
        let chat =
            |id, name: &str| Arc::new(ChatState::new(Chat { id, name: name.into(), read: 4, ..Chat::default() }));
        let chats = [(7, chat(7, "")), (9, chat(9, "Lunch"))].into();
        State { account: Some(account(1, "haruka")), chats, ..State::default() }
    }

    fn message(chat: ChatId, change: impl FnOnce(&mut Message)) -> Event {
        let mut message = Message::line(5, account(2, "ada"), "Hello <b>", NOW - 1_000, "k");
        change(&mut message);
        Event::Message { chat, message }
    }

    fn told(event: &Event, looked_at: Option<ChatId>, quiet: bool) -> Option<Notification> {
        let words = Words::new(Tongue::English);
        notify(event, Desk { state: &state(), words: &words, looked_at, quiet, now: NOW })
    }

    #[test]
    fn a_line_is_told_once_nobody_looks() {
        let Some(shown) = told(&message(7, |_| {}), None, false) else { panic!("nothing is told") };
        assert_eq!((shown.title.as_str(), shown.text.as_str(), shown.urgent), ("ada", "Hello <b>", false));
        assert_eq!((shown.about, shown.deeds[0].0), (About::Chat(7), Deed::Open));
        assert!(told(&message(7, |_| {}), Some(9), false).is_some());
        assert_eq!(told(&message(7, |_| {}), Some(7), false), None, "it is looked at");
        assert_eq!(told(&message(7, |_| {}), None, true), None, "nothing is to disturb");
        let quiet: [fn(&mut Message); 5] = [
            |message| message.silent = true,
            |message| message.from.id = 1,
            |message| message.sequence = 4,
            |message| message.at -= NEWS,
            |message| message.change = Some(relay::vocabulary::Change::Delete { of: 3 }),
        ];
        for change in quiet {
            let event = message(7, change);
            assert_eq!(told(&event, None, false), None, "{event:?}");
        }
    }

    #[test]
    fn a_group_is_named_and_a_long_line_is_cut_between_letters() {
        let Some(shown) = told(&message(9, |message| message.text = "窓".repeat(300)), None, false) else {
            panic!("nothing is told")
        };
        assert_eq!(shown.title, "ada in Lunch");
        assert_eq!(shown.text, "窓".repeat(TOLD) + "…");
    }

    #[test]
    fn a_call_offers_an_answer() {
        let call = Call { id: 3, chat: 7, caller: account(2, "ada"), participants: vec![], phase: CallPhase::Ringing };
        let Some(shown) = told(&Event::CallInvited { call }, Some(7), false) else { panic!("nothing") };
        assert!(shown.urgent);
        let deeds: Vec<_> = shown.deeds.iter().map(|(deed, _)| *deed).collect();
        assert_eq!(deeds, [Deed::Open, Deed::Accept, Deed::Decline]);
    }

    #[test]
    fn what_was_told_waits_until_it_is_dealt_with() {
        let mut state = state();
        assert!(![About::Chat(7), About::Request("mina".into()), About::Call(3)].iter().any(|one| waits(one, &state)));
        Arc::make_mut(state.chats.get_mut(&7).unwrap()).unread = 1;
        assert!(waits(&About::Chat(7), &state) && !waits(&About::Chat(9), &state));
        let call = Call { id: 3, chat: 7, caller: account(2, "ada"), participants: vec![], phase: CallPhase::Ringing };
        state.call = Some(CallState::new(call.clone(), false, false));
        assert!(waits(&About::Call(3), &state) && !waits(&About::Call(4), &state));
        state.call = Some(CallState::new(call, false, true));
        assert!(!waits(&About::Call(3), &state), "it was taken");
    }

    #[test]
    fn requests_of_others_are_told_and_own_ones_are_not() {
        let profile = |id, name: &str| Profile { id, name: name.into(), ..Profile::default() };
        let request = |from, to| Event::ContactRequested {
            request: ContactRequest {
                from: profile(from, "mina"),
                to: profile(to, "x"),
                text: "It is me".into(),
                at: NOW,
            },
        };
        let Some(shown) = told(&request(5, 1), None, false) else { panic!("nothing is told") };
        assert_eq!((shown.about, shown.text.as_str()), (About::Request("mina".into()), "It is me"));
        assert_eq!(told(&request(1, 5), None, false), None);
    }

    #[test]
    fn hours_and_persons_say_when_it_is_quiet() {
        let preferences = |notifications| Preferences { notifications, ..Preferences::default() };
        let quiet = |minute| is_quiet(&state(), &preferences(Notifications::OutsideQuietHours), minute);
        assert_eq!([quiet(22 * 60), quiet(0), quiet(7 * 60 - 1)], [true; 3]);
        assert_eq!([quiet(7 * 60), quiet(12 * 60), quiet(22 * 60 - 1)], [false; 3]);
        assert!(!is_quiet(&state(), &preferences(Notifications::Always), 0));
        assert!(is_quiet(&state(), &preferences(Notifications::Never), 720));
        let mut busy = state();
        Arc::make_mut(&mut busy.roster).own.presence.state = Availability::DoNotDisturb;
        assert!(is_quiet(&busy, &preferences(Notifications::Always), 0));
    }
}
