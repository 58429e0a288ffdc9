//! People, chats and a call to draw, and a harness that draws them.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use client::{
    app::{Entrance, SignIn, StillKey, Stills, View, VoiceNow},
    call::{Report, Second, VideoReport},
    engine::{CallState, ChatState, ConnectionState, Search, State, Transfer},
    home::{Language, Preferences, Theme},
    link::{Carriage, Path},
    ui::{Checked, Fonts, Moment, Notices, Out, Scene, Tongue, Whose, Words},
};
use egui::{Color32, Context, Ui, Vec2};
use egui_kittest::Harness;
use jiff::tz::TimeZone;
use relay::vocabulary::{
    Account, Attachment, Availability, Call, CallPhase, Chat, ChatKind, ChatMember, ChatRole, Contact, ContactRequest,
    History, Hit, Marks, Me, Message, OwnPresence, Participant, Presence, PresenceInfo, Profile, Reaction, Role,
};

/// Wednesday, 25 November 2026, 09:41 in Tokyo.
pub const NOW: u64 = 1_795_567_260_000;
pub const ME: u64 = 1;
pub const CHAT: u64 = 7;

static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::find);

/// How a screen is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub theme: egui::Theme,
    pub tongue: Tongue,
    pub width: f32,
    pub scale: f32,
}

/// Each theme, language, width and scale with each other one, two at a time.
pub const LOOKS: [Look; 4] = [
    Look { name: "light-en-320", theme: egui::Theme::Light, tongue: Tongue::English, width: 320.0, scale: 1.0 },
    Look { name: "dark-ja-480", theme: egui::Theme::Dark, tongue: Tongue::Japanese, width: 480.0, scale: 1.0 },
    Look { name: "light-ja-320-2x", theme: egui::Theme::Light, tongue: Tongue::Japanese, width: 320.0, scale: 2.0 },
    Look { name: "dark-en-480-2x", theme: egui::Theme::Dark, tongue: Tongue::English, width: 480.0, scale: 2.0 },
];

/// A window's world.
pub struct World<S> {
    pub screen: S,
    pub view: View,
    pub words: Words,
    pub preferences: Preferences,
    pub notices: Notices,
    pub stills: Stills,
    pub saved: HashMap<String, PathBuf>,
    pub out: Out,
    pub muted: bool,
    pub level: f32,
    pub checked: Option<Checked>,
    pub voice: VoiceNow,
    pub focused: bool,
    pub popped_out: bool,
    dressed: bool,
    zone: TimeZone,
}

impl<S> World<S> {
    pub fn new(screen: S, view: View, tongue: Tongue) -> Self {
        let language = if tongue == Tongue::Japanese { Language::Japanese } else { Language::English };
        let preferences = Preferences { language, theme: Theme::System, ..Preferences::default() };
        Self {
            screen,
            view,
            words: Words::new(tongue),
            preferences,
            notices: Notices::default(),
            stills: Stills::default(),
            saved: HashMap::new(),
            out: Out::default(),
            muted: false,
            level: 0.0,
            checked: None,
            voice: VoiceNow::default(),
            focused: true,
            popped_out: false,
            dressed: false,
            zone: TimeZone::fixed(jiff::tz::offset(9)),
        }
    }

    /// Draws once; what is wanted is gathered.
    fn draw(&mut self, ui: &mut Ui, show: fn(&mut S, &mut Ui, &Scene<'_>, &mut Out)) {
        if !self.dressed {
            self.dressed = true;
            dress(ui.ctx());
            return;
        }
        // As a native window has it: without a margin.
        let whole = egui::UiBuilder::new().max_rect(ui.ctx().content_rect());
        ui.scope_builder(whole, |ui| self.draw_whole(ui, show));
    }

    fn draw_whole(&mut self, ui: &mut Ui, show: fn(&mut S, &mut Ui, &Scene<'_>, &mut Out)) {
        self.out.pictures.clear();
        let scene = Scene {
            view: &self.view,
            words: &self.words,
            preferences: &self.preferences,
            now: Moment { at: NOW, zone: &self.zone },
            muted: self.muted,
            hidden: false,
            level: self.level,
            checked: self.checked,
            voice: &self.voice,
            has_japanese: true,
            notices: &self.notices,
            stills: &self.stills,
            saved: &self.saved,
            focused: self.focused,
            popped_out: self.popped_out,
            tray: true,
        };
        let palette = if ui.visuals().dark_mode { client::ui::theme::DARK } else { client::ui::theme::LIGHT };
        ui.painter().rect_filled(ui.max_rect(), 0.0, palette.ground);
        // What the GPU draws below: stood in for by two plain colours.
        let below: Vec<_> = (0..4).map(|_| ui.painter().add(egui::Shape::Noop)).collect();
        show(&mut self.screen, ui, &scene, &mut self.out);
        for (index, place) in below.into_iter().zip(&self.out.pictures) {
            let colour = if place.whose == Whose::Theirs {
                Color32::from_rgb(70, 92, 96)
            } else {
                Color32::from_rgb(140, 110, 90)
            };
            ui.painter().set(index, egui::Shape::rect_filled(place.area, place.radius, colour));
        }
    }
}

fn dress(context: &Context) {
    context.set_fonts(FONTS.definitions.clone());
    client::ui::theme::dress(context);
}

/// A harness that draws a screen in a window of this height.
pub fn harness<S: 'static>(
    look: Look,
    height: f32,
    world: World<S>,
    show: fn(&mut S, &mut Ui, &Scene<'_>, &mut Out),
) -> Harness<'static, World<S>> {
    let mut harness = Harness::builder()
        .with_size(Vec2::new(look.width, height))
        .with_pixels_per_point(look.scale)
        .with_theme(look.theme)
        .wgpu()
        .build_ui_state(move |ui, world: &mut World<S>| world.draw(ui, show), world);
    harness.run();
    // What is measured while it is drawn has its place only then.
    harness.run();
    harness
}

/// Presses the other button on a node. Nodes know their places in pixels, events in points: at another scale than 1
/// `click_secondary` misses, and for the first button `click_accesskit` is right.
pub fn secondary_click<S>(
    harness: &mut Harness<'static, World<S>>,
    find: impl for<'h> Fn(&'h Harness<'static, World<S>>) -> egui_kittest::Node<'h>,
) {
    let pos = (find(harness).rect().center().to_vec2() / harness.ctx.pixels_per_point()).to_pos2();
    harness.hover_at(pos);
    for pressed in [true, false] {
        let modifiers = egui::Modifiers::default();
        harness.event(egui::Event::PointerButton { pos, button: egui::PointerButton::Secondary, pressed, modifiers });
    }
}

pub fn view(state: State) -> View {
    let suggested = SignIn { server: "http://chat.example".into(), user: "haruka".into(), ..SignIn::default() };
    View { state: Arc::new(state), entrance: Entrance::Inside, suggested: Arc::new(suggested), ..View::default() }
}

fn profile(id: u64, name: &str, display: &str) -> Profile {
    Profile { id, name: name.into(), display_name: display.into(), ..Profile::default() }
}

pub fn contact(id: u64, display: &str, groups: &[&str], state: Availability, status: &str) -> Contact {
    let presence =
        PresenceInfo { state, status: status.into(), since: Some(NOW - 60_000), last_seen: Some(NOW - 7_200_000) };
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Contact { who: profile(id, &format!("user{id}"), display), since: NOW, groups, presence }
}

/// Nobody known, but signed in and connected.
pub fn alone() -> State {
    let path =
        Path { proxy: None, up: Carriage::Streaming, down: Carriage::Streaming, alive: true, exchanges: 9, cuts: 0 };
    State {
        connection: ConnectionState::Connected { path },
        account: Some(Account { id: ME, name: "haruka".into() }),
        ..State::default()
    }
}

/// Several people in groups, some waiting for an answer, and chats.
pub fn crowd() -> State {
    let mut state = alone();
    let roster = Arc::make_mut(&mut state.roster);
    let own = PresenceInfo {
        state: Availability::Available,
        status: "Reviewing the design".into(),
        ..PresenceInfo::default()
    };
    roster.own = OwnPresence { presence: own, ..OwnPresence::default() };
    for one in [
        contact(2, "Ada Lovelace", &["Office"], Availability::Available, "at her desk"),
        contact(3, "山田 太郎", &["Office"], Availability::InACall, ""),
        contact(
            4,
            "Grace Hopper",
            &["Office"],
            Availability::DoNotDisturb,
            "writing a compiler, please leave a message",
        ),
        contact(5, "Bartholomew Featherstonehaugh-Cholmondeley III", &[], Availability::Away, ""),
        contact(6, "佐藤 花子", &[], Availability::Available, "お昼に出ています"),
        contact(8, "Lin", &[], Availability::Offline, ""),
    ] {
        roster.contacts.insert(one.who.id, one);
    }
    roster.contacts.get_mut(&2).unwrap().who.picture = Some("ada-face".into());
    let asks = ContactRequest {
        from: profile(9, "mina", "Mina Kim"),
        to: profile(ME, "haruka", ""),
        text: "Hello from the workshop in Osaka".into(),
        at: NOW,
    };
    roster.incoming.insert(9, asks);
    state.chats.insert(CHAT, Arc::new(conversation()));
    let profile = Profile { picture: Some("my-face".into()), ..profile(ME, "haruka", "Haruka Sato") };
    state.me = Some(Arc::new(Me { profile, language: String::new(), role: Role::Member }));
    let mut lunch = ChatState::new(Chat {
        id: 11,
        kind: ChatKind::Group,
        name: "Lunch".into(),
        members: vec![member(ME, "haruka"), member(2, "ada"), member(6, "hanako")],
        joined: 3,
        ..Chat::default()
    });
    lunch.unread = 12;
    state.chats.insert(11, Arc::new(lunch));
    state
}

pub fn member(id: u64, name: &str) -> ChatMember {
    ChatMember { id, name: name.into(), role: ChatRole::Member, standing: relay::vocabulary::Standing::Joined }
}

/// A group of several, in which someone is mentioned.
pub const GROUP: u64 = 11;

pub fn group() -> State {
    let mut state = crowd();
    let members = vec![
        ChatMember { role: ChatRole::Owner, ..member(ME, "haruka") },
        ChatMember { role: ChatRole::Moderator, ..member(2, "user2") },
        member(3, "user3"),
        member(4, "user4"),
        member(6, "user6"),
        member(20, "adam.smith"),
        ChatMember { standing: relay::vocabulary::Standing::Requested, ..member(21, "zoe") },
    ];
    let chat = Chat {
        id: GROUP,
        kind: ChatKind::Group,
        name: "Lunch".into(),
        members: members.clone(),
        joined: 6,
        role: ChatRole::Owner,
        read: 9,
        ..Chat::default()
    };
    let mut lunch = ChatState::new(chat);
    lunch.members = members;
    let mut put = |n: u64, from: u64, name: &str, text: &str, mentions: &[u64]| {
        let at = NOW - 1_800_000 + n * 60_000;
        let mut message = Message::line(n, Account { id: from, name: name.into() }, text, at, format!("g{n}"));
        message.mentions = mentions.to_vec();
        lunch.store(message, ME);
    };
    put(1, 2, "user2", "Who is in today?", &[]);
    put(2, 3, "user3", "います！12時にロビーで。", &[]);
    put(3, ME, "haruka", "Me too. @user4, will you join us?", &[4]);
    put(4, 4, "user4", "If the compiler lets me", &[]);
    put(5, 2, "user2", "@haruka could you book the table by the window? @user3 and I come a little later.", &[ME, 3]);
    state.chats.insert(GROUP, Arc::new(lunch));
    state
}

/// A conversation with all that a line can have.
pub fn conversation() -> ChatState {
    let mut chat = ChatState::new(Chat {
        id: CHAT,
        kind: ChatKind::Direct,
        members: vec![member(ME, "haruka"), member(2, "user2")],
        joined: 2,
        read: 8,
        ..Chat::default()
    });
    let day = 86_400_000;
    let mut next = 0;
    let mut put = |from: u64, at: u64, text: &str, change: fn(&mut Message)| {
        next += 1;
        let name = if from == ME { "haruka" } else { "user2" };
        let mut message = Message::line(next, Account { id: from, name: name.into() }, text, at, format!("k{next}"));
        change(&mut message);
        chat.store(message, ME);
    };
    let morning = NOW - 40 * 60_000;
    put(2, NOW - day, "Good morning! Did the parcel arrive?", |_| {});
    put(ME, NOW - day + 60_000, "It did, this afternoon. Thank you 🙏", |_| {});
    put(
        2,
        morning,
        "昨日の図面を見ました。**窓の幅**はこれでいいと思いますが、右端の余白をもう少し広げられますか？",
        |message| {
            message.reactions.push(Reaction { emoji: "👍".into(), by: vec![ME] });
        },
    );
    put(
        ME,
        morning + 60_000,
        "I think so. Two things first:\n- the strip keeps its width\n- `min_size` must not change",
        |_| {},
    );
    put(ME, morning + 90_000, "See https://example.org/drawings/42", |message| message.edited_at = Some(NOW));
    put(2, morning + 180_000, "Of course.", |message| message.reply_to = Some(4));
    put(ME, morning + 240_000, "Then I will send it *today*.", |message| {
        message.reactions.push(Reaction { emoji: "🎉".into(), by: vec![2] });
    });
    put(2, morning + 600_000, "", |message| {
        message.notice = Some(relay::vocabulary::Notice::CallEnded { call: 1, duration_ms: 754_000 });
    });
    put(2, morning + 660_000, "One more question before you go", |_| {});
    put(
        2,
        morning + 661_000,
        "averyveryverylongwordthatdoesnotwantToBreakAnywhereAtAllBecauseItHasNoSpacesInIt",
        |_| {},
    );
    chat.marks.insert(2, Marks { account: 2, delivered: 10, read: 7 });
    chat
}

/// A conversation with pictures, files on their way and saved, and two pinned lines.
pub fn with_files() -> State {
    let mut state = crowd();
    let chat = Arc::make_mut(state.chats.get_mut(&CHAT).unwrap());
    let file = |id: &str, name: &str, size, picture| Attachment {
        id: id.into(),
        name: name.into(),
        media: "application/octet-stream".into(),
        size,
        picture,
        voice: None,
    };
    let ada = || Account { id: 2, name: "user2".into() };
    let mut lines = [
        Message::line(11, ada(), "The view from the workshop", NOW - 120_000, "k11"),
        Message::line(12, Account { id: ME, name: "haruka".into() }, "", NOW - 60_000, "k12"),
        Message::line(13, ada(), "", NOW - 30_000, "k13"),
    ];
    lines[0].files.push(file("view", "view.jpg", 183_000, Some((640, 400))));
    lines[1].files.push(file("late", "not-there-yet.png", 4_200, Some((120, 90))));
    lines[2].files.push(file("plan", "図面 第二版 二階の窓と廊下の寸法をなおしたもの.pdf", 2_345_678, None));
    lines[2].files.push(file("notes", "notes.txt", 812, None));
    lines[2].files.push(file("clip", "machine-hall.mkv", 48_100_000, None));
    for line in lines {
        chat.store(line, ME);
    }
    chat.unread = 0;
    let mut pinned = vec![chat.line(3).unwrap().as_ref().clone(), chat.line(7).unwrap().as_ref().clone()];
    pinned.iter_mut().for_each(|line| line.pinned = true);
    chat.pinned(&History { messages: pinned, more: false, latest: 13 }, true);
    let transfer =
        |up: bool, name: &str, done, size| Transfer { chat: up.then_some(CHAT), name: name.into(), up, done, size };
    state.transfers.insert(1, transfer(false, "clip", 19_000_000, 48_100_000));
    state.transfers.insert(2, transfer(true, "drawings.zip", 3_100_000, 8_000_000));
    state
}

/// The faces of those who have one have come: two that can be told apart.
pub fn have_faces<S>(world: &mut World<S>) {
    for (name, skin, hair) in [("ada-face", (222, 184, 150), (96, 60, 40)), ("my-face", (240, 208, 176), (40, 36, 40))]
    {
        let colour = |x: i32, y: i32| {
            let inside = |cx: i32, cy: i32, r: i32| (x - cx).pow(2) + (y - cy).pow(2) < r * r;
            let (r, g, b) = if inside(64, 70, 30) {
                skin
            } else if inside(64, 58, 38) {
                hair
            } else if inside(64, 150, 52) {
                (70, 110, 120)
            } else {
                (206, 216, 210)
            };
            Color32::from_rgb(r, g, b)
        };
        let pixels = (0..128).flat_map(|y| (0..128).map(move |x| colour(x, y))).collect();
        world.stills.put(StillKey::Person(name.into()), egui::ColorImage::new([128, 128], pixels));
    }
}

/// The picture of the conversation has come, and its notes were saved.
pub fn have_come<S>(world: &mut World<S>) {
    let (width, height) = (320_usize, 200_usize);
    let colour = |x: usize, y: usize| {
        let hill = height as f32 * (0.62 + 0.12 * (x as f32 / 41.0).sin());
        match (y as f32) < hill {
            true => Color32::from_rgb(150, 180 - (y / 3) as u8, 205 - (y / 4) as u8),
            false => Color32::from_rgb(70, 96 + (y / 8) as u8, 74),
        }
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| colour(x, y))).collect();
    let still = || egui::ColorImage::new([width, height], Vec::clone(&pixels));
    world.stills.put(StillKey::Thumbnail("view".into()), still());
    world.stills.put(StillKey::Whole("view".into()), still());
    world.stills.wait_for(&StillKey::Thumbnail("late".into()));
    world.saved.insert("notes".into(), "notes.txt".into());
}

/// What the words "the" find in the conversation.
pub fn searched(mut state: State, chat: Option<u64>) -> State {
    let known = &state.chats[&CHAT];
    let hits = [6, 4, 3, 1]
        .iter()
        .filter_map(|n| known.line(*n))
        .map(|message| Hit { chat: CHAT, message: Message::clone(message) });
    let search = Search { query: "the".into(), hits: hits.collect(), next: None, waits: false };
    state.searches.insert(chat, Arc::new(search));
    state
}

/// A call with Ada.
pub fn call(outgoing: bool, joined: bool, phase: CallPhase) -> CallState {
    let participant = |id, name: &str, presence| Participant { id, name: name.into(), presence, tracks: None };
    let caller = if outgoing { (ME, "haruka") } else { (2, "user2") };
    let theirs = if joined { Presence::Joined } else { Presence::Ringing };
    let call = Call {
        id: 3,
        chat: CHAT,
        caller: Account { id: caller.0, name: caller.1.into() },
        participants: vec![participant(ME, "haruka", Presence::Joined), participant(2, "user2", theirs)],
        phase,
    };
    CallState::new(call, outgoing, joined)
}

/// The same call after some minutes through a proxy that lets no long answers through, with a bad moment in it.
pub fn measured_call() -> CallState {
    let course = (0..52).map(|n| {
        let wave = |step: f32| (n as f32 / step).sin();
        let bad = (31..36).contains(&n);
        Second {
            round_trip_ms: Some(38.0 + 6.0 * wave(3.0) + if bad { 90.0 } else { 0.0 }),
            video_delay_ms: (!bad).then_some(178.0 + 25.0 * wave(5.0)),
            audio_delay_ms: Some(160.0 + 9.0 * wave(4.0) + if bad { 140.0 } else { 0.0 }),
            buffer_ms: 60.0 + 12.0 * wave(7.0),
            sent_kbps: 940.0 + 60.0 * wave(2.0),
            received_kbps: if bad { 120.0 } else { 910.0 + 80.0 * wave(2.5) },
            sent_rate: 30.0,
            shown_rate: if bad { 6.0 } else { 29.6 },
            dropped: if bad { 4 } else { 0 },
            sound_received: 50,
            cpu: Some(0.34 + 0.04 * wave(2.2)),
            loudest_db: Some(-24.0),
            heard: Some(true),
        }
    });
    let video = VideoReport { width: 1280, height: 720, dropped: 23, ..VideoReport::default() };
    let report = Report { duration_s: 754.0, video, ..Report::default() };
    let course = Arc::new(course.collect());
    CallState { report: Some(Box::new(report)), course, ..call(true, true, CallPhase::Talking) }
}

/// A path through a proxy that holds answers back.
pub fn held_back(mut state: State) -> State {
    let proxy = Some("http://proxy.example:3128".to_owned());
    let path = Path { proxy, up: Carriage::Streaming, down: Carriage::Short, alive: true, exchanges: 812, cuts: 3 };
    state.connection = ConnectionState::Connected { path };
    state
}
