//! The engine's loop: one task that opens links, obeys commands, takes in events and writes state.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use relay::{
    Frame, Kind,
    link::Statistics,
    vocabulary::{CallId, Chat, ChatId, Problem, Response},
};
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    account::{Ending, SessionLife},
    command::{Command, Credentials},
    connecting::{ConnectOptions, Connecting, Failed},
    downloads::{Fetches, Source},
    event::Event,
    held::HeldCommands,
    idle::Idle,
    messages::Unsent,
    requests::{Purpose, Requests},
    state::{ConnectionState, State},
    uploads::{Recorded, Sending},
};
use crate::{
    call::{DeviceSetup, Media},
    link::{Clock, Connection, LinkEvent},
};

/// Commands that may wait for the engine.
const COMMANDS: usize = 256;

/// Events that may wait for whoever listens; a listener that is further behind loses the oldest reports first.
const EVENTS: usize = 1024;

/// How often figures are renewed.
const FIGURES: Duration = Duration::from_secs(1);

/// How long a good-bye may take.
const FAREWELL: Duration = Duration::from_millis(700);

/// A running engine. Dropping it ends it at once; [`Command::Quit`] ends it well.
#[derive(Debug)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<Arc<State>>,
    task: JoinHandle<()>,
}

/// The engine has ended and takes no more commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the engine has ended")]
pub struct EngineEnded;

impl Engine {
    /// Starts an engine inside the tokio runtime that this is called from. `devices` says what a call will see, hear
    /// and show. Events come out of the receiver until the engine ends.
    pub fn start(options: ConnectOptions, devices: DeviceSetup) -> (Self, mpsc::Receiver<Event>) {
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let (events, listener) = mpsc::channel(EVENTS);
        let (shown, state) = watch::channel(Arc::new(State::default()));
        let (lines, arrived) = mpsc::unbounded_channel();
        let (changes, changed) = mpsc::unbounded_channel();
        let clock = Clock::start();
        let core = Core {
            connecting: Connecting::new(options, clock),
            clock,
            devices,
            commanded,
            events,
            shown,
            state: State::default(),
            credentials: None,
            link: None,
            media: None,
            unsent: VecDeque::new(),
            held: HeldCommands::default(),
            sending: VecDeque::new(),
            fetching: VecDeque::new(),
            recordings: JoinSet::new(),
            last_transfer: 0,
            listed: Vec::new(),
            reading: HashSet::new(),
            watched: HashSet::new(),
            delivered: HashMap::new(),
            lines,
            arrived,
            changes,
            changed,
            idle: Idle::default(),
            said_idle: None,
            retry_at: None,
            session: None,
            ending: None,
            begun_to_join: false,
            last_over: None,
            quit: false,
        };
        (Self { commands, state, task: tokio::spawn(core.run()) }, listener)
    }

    /// Gives a command; waits while too many wait already.
    pub async fn give(&self, command: Command) -> Result<(), EngineEnded> {
        self.commands.send(command).await.map_err(|_| EngineEnded)
    }

    /// The state now, and a way to wait for the next one.
    pub fn state(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    /// Waits until the engine has ended.
    pub async fn ended(mut self) {
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            tracing::error!(%error, "the engine broke off");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A link and what waits on it.
pub(super) struct Linked {
    pub connection: Connection,
    pub requests: Requests,
    pub authenticated: bool,
    pub reads_presence: bool,
}

pub(super) struct Core {
    pub connecting: Connecting,
    pub clock: Clock,
    pub devices: DeviceSetup,
    commanded: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    shown: watch::Sender<Arc<State>>,
    pub state: State,
    pub credentials: Option<Credentials>,
    pub link: Option<Linked>,
    pub media: Option<Media>,
    pub unsent: VecDeque<Unsent>,
    pub held: HeldCommands,
    /// Lines that wait for their files, which are sent one after the other.
    pub sending: VecDeque<Sending>,
    pub fetching: Fetches,
    pub recordings: JoinSet<Recorded>,
    pub last_transfer: u64,
    /// Chats of the list that came so far, while its pages come.
    pub listed: Vec<Chat>,
    /// Chats that are read down this link.
    pub reading: HashSet<ChatId>,
    /// Chats whose signals are followed, over every link.
    pub watched: HashSet<ChatId>,
    /// How far each chat was reported to have come.
    pub delivered: HashMap<ChatId, u64>,
    /// Lines of chats on their way from the link to the engine. Not bounded: the link's flight is, and a line that it
    /// has acknowledged must not be lost.
    pub lines: mpsc::UnboundedSender<(ChatId, Frame)>,
    arrived: mpsc::UnboundedReceiver<(ChatId, Frame)>,
    /// Changes of presence on their way from the link to the engine.
    pub changes: mpsc::UnboundedSender<Frame>,
    changed: mpsc::UnboundedReceiver<Frame>,
    /// Whether somebody uses this client, and what the server was told of that on this link.
    pub idle: Idle,
    pub said_idle: Option<bool>,
    pub retry_at: Option<Instant>,
    /// The session at hand, and when to renew it.
    pub session: Option<SessionLife>,
    /// What was asked for that ends the session. The server ends the link with it, perhaps before it has answered.
    pub ending: Option<Ending>,
    /// Whether the server was asked to take someone in, or to set a password, and has not answered.
    pub begun_to_join: bool,
    /// The call that was over last: an answer about it may still be on its way.
    pub last_over: Option<CallId>,
    quit: bool,
}

/// What woke the engine.
enum Woken {
    Command(Option<Command>),
    Opened(Box<Result<Connection, Failed>>),
    Link(LinkEvent),
    Line(ChatId, Frame),
    Presence(Frame),
    Recorded(Recorded),
    KeyframeNeeded,
    Tick,
    Retry,
}

impl Core {
    async fn run(mut self) {
        let mut figures = interval(FIGURES);
        figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.quit {
            let retry_at = self.retry_at;
            let woken = tokio::select! {
                command = self.commanded.recv() => Woken::Command(command),
                opened = self.connecting.outcome() => Woken::Opened(Box::new(opened)),
                event = next_event(self.link.as_ref()) => Woken::Link(event),
                Some((chat, frame)) = self.arrived.recv() => Woken::Line(chat, frame),
                Some(frame) = self.changed.recv() => Woken::Presence(frame),
                Some(Ok(recorded)) = self.recordings.join_next(), if !self.recordings.is_empty() => {
                    Woken::Recorded(recorded)
                }
                () = keyframe_needed(self.media.as_ref()) => Woken::KeyframeNeeded,
                () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => Woken::Retry,
                _ = figures.tick() => Woken::Tick,
            };
            match woken {
                Woken::Command(None) => self.quit = true,
                Woken::Command(Some(command)) => self.obey(command),
                Woken::Opened(opened) => self.opened(*opened),
                Woken::Link(event) => self.happened(event),
                Woken::Line(chat, frame) => self.chat_frame(chat, frame.header().kind, &frame.payload()),
                Woken::Presence(frame) => self.presence_changed(&frame),
                Woken::Recorded(recorded) => self.recorded(recorded),
                Woken::KeyframeNeeded => self.ask_for_keyframe(),
                Woken::Tick => self.renew_figures(),
                Woken::Retry => self.connect(),
            }
            self.show();
        }
        self.end_media();
        if let Some(link) = self.link.take() {
            link.connection.close("the user quits");
            // Good-bye goes with the next exchange; there is nothing to wait for it by.
            tokio::time::sleep(FAREWELL).await;
        }
    }

    fn obey(&mut self, command: Command) {
        if !matches!(command, Command::SetIdle { .. } | Command::AwayAfter { .. }) {
            self.person_acts();
        }
        match command {
            Command::LogIn(credentials) => {
                self.credentials = Some(credentials);
                self.begun_to_join = false;
                // They were another one's, perhaps.
                self.held.clear();
                match &self.link {
                    Some(_) => self.authenticate(),
                    None => self.connect(),
                }
            }
            Command::LogOut => {
                self.credentials = None;
                self.ending = self.ask(Purpose::LogOut, "POST", "/v1/logout", &()).then_some(Ending::LogOut);
            }
            Command::OwnAccount(act) => self.about_account(act),
            Command::ListChats { ignored } => self.tell_chats(ignored),
            Command::OpenChat { with, text } => self.open_direct(with, text),
            Command::OpenGroup { names, name, text } => self.open_group(names, name, text),
            Command::InChat { chat, act } => self.in_chat(chat, act),
            Command::Fetch { file, to, small: false } => self.fetch(Source::File(file), to),
            Command::Fetch { file, to, small: true } => self.fetch(Source::Thumbnail(file), to),
            Command::FetchPicture { picture, to } => self.fetch(Source::Picture(picture), to),
            Command::Search { query, chat, before } => self.search(&query, chat, before),
            Command::StopSearch { chat } => self.stop_search(chat),
            Command::Say { chat, text } => self.say(chat, text),
            Command::Call { chat } => self.call(chat),
            Command::Accept { call } => self.accept(call),
            Command::Decline { call } => self.decline(call),
            Command::HangUp => self.hang_up(),
            Command::Quit => {
                self.hang_up();
                self.quit = true;
            }
            other => self.obey_about_contacts(other),
        }
    }

    /// Begins to open a link.
    fn connect(&mut self) {
        self.retry_at = None;
        self.connecting.begin();
        if !matches!(self.state.connection, ConnectionState::Connecting { .. }) {
            self.state.connection = ConnectionState::Connecting { reason: None };
        }
    }

    /// An attempt to open a link is over; if it failed, there will be another.
    fn opened(&mut self, opened: Result<Connection, Failed>) {
        match opened {
            Ok(connection) => {
                self.tell(Event::Connected {
                    server: self.connecting.options().server.to_string(),
                    sealed: connection.fingerprint().is_some(),
                    fingerprint: connection.fingerprint().map(|fingerprint| fingerprint.to_string()),
                });
                self.state.connection = ConnectionState::Connected { path: connection.path() };
                self.reading.clear();
                self.delivered.clear();
                self.held.link_lost();
                self.link = Some(Linked {
                    connection,
                    requests: Requests::default(),
                    authenticated: false,
                    reads_presence: false,
                });
                self.authenticate();
            }
            Err(failed) => {
                self.tell(Event::Unreachable { reason: failed.reason.clone(), r#final: failed.is_final });
                if failed.is_final {
                    self.state.connection = ConnectionState::Failed { reason: failed.reason };
                } else {
                    self.state.connection = ConnectionState::Connecting { reason: Some(failed.reason) };
                    self.retry_at = Some(Instant::now() + failed.wait);
                }
            }
        }
    }

    fn happened(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Control(frame) => match frame.header().kind {
                Kind::Response => match Response::parse(&frame.payload()) {
                    Ok(response) => self.answered(response),
                    Err(error) => self.warn(format!("An answer of the server cannot be understood: {error}.")),
                },
                Kind::Event => match relay::vocabulary::Event::parse(&frame.payload()) {
                    Ok(event) => self.told(event),
                    Err(error) => self.warn(format!("An event of the server cannot be understood: {error}.")),
                },
                other => tracing::debug!(kind = ?other, "the control track carries only answers and events"),
            },
            LinkEvent::Bulk(frame) => self.bulk(&frame.payload()),
            LinkEvent::BulkTaken => {
                self.send_pieces();
                self.fetch_on();
            }
            LinkEvent::KeyframeWanted(_) => {
                if let Some(media) = &self.media {
                    media.make_keyframe();
                }
            }
            LinkEvent::KeyframeMissing(_) => self.ask_for_keyframe(),
            LinkEvent::Ended { reason } => {
                self.tell(Event::Disconnected { reason: reason.clone() });
                self.link = None;
                if self.ending == Some(Ending::LogOut) {
                    self.logged_out("as asked");
                }
                self.state.connection = ConnectionState::Connecting { reason: Some(reason) };
                self.retry_at.get_or_insert_with(Instant::now);
            }
        }
    }

    fn renew_figures(&mut self) {
        self.renew_path();
        if let Some(link) = &self.link {
            let statistics: Statistics = link.connection.statistics();
            let offset = link.connection.clock_offset();
            if let Some(media) = &self.media {
                media.renew(&statistics, offset);
            }
        }
        self.report_call(false);
        self.send_unsent();
        self.ask_held();
        self.watch_the_person();
        self.mark_delivered();
        self.retry_upload();
        self.renew_session();
    }

    fn renew_path(&mut self) {
        let Some(path) = self.link.as_ref().map(|link| link.connection.path()) else { return };
        let changed = match &self.state.connection {
            ConnectionState::Connected { path: known } => {
                (known.up, known.down, known.alive) != (path.up, path.down, path.alive)
            }
            _ => true,
        };
        if changed {
            self.tell(Event::Path { path: path.clone() });
        }
        self.state.connection = ConnectionState::Connected { path };
    }

    /// Sends a command through the link, if there is one. What matters is asked again when a new link stands.
    pub(super) fn ask<T: serde::Serialize>(&mut self, purpose: Purpose, method: &str, path: &str, body: &T) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let payload = match link.requests.ask(purpose.clone(), method, path, body) {
            Ok(payload) => payload,
            Err(error) => {
                self.refuse(&purpose, Problem::from(&error));
                return false;
            }
        };
        match link.connection.send_request(&payload) {
            Ok(()) => true,
            Err(error) => {
                self.warn(format!("The link takes no more: {error}."));
                false
            }
        }
    }

    /// Tells whoever listens. One who does not listen fast enough does not hold the engine up.
    pub(super) fn tell(&self, event: Event) {
        if let Err(error) = self.events.try_send(event) {
            tracing::warn!(%error, "nobody takes the engine's events");
        }
    }

    pub(super) fn warn(&self, text: String) {
        self.tell(Event::Warning { text });
    }

    fn show(&self) {
        self.shown.send_replace(Arc::new(self.state.clone()));
    }
}

async fn next_event(link: Option<&Linked>) -> LinkEvent {
    match link {
        Some(link) => link.connection.next_event().await,
        None => std::future::pending().await,
    }
}

async fn keyframe_needed(media: Option<&Media>) {
    match media {
        Some(media) => media.keyframe_needed().await,
        None => std::future::pending().await,
    }
}
