//! The application's loop: signing in, then an engine whose state and events are shown to the window.

use std::{path::PathBuf, sync::Arc};

use tokio::{
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinSet,
};

use super::{
    Order, Shared, View,
    devices::watched,
    entrance::{Entrance, Failure, Plan, SignIn, Way, proxy_rules},
    options::AppOptions,
    outbox::Outbox,
    seeing::Seeing,
    session_store::SessionStore,
    stills::StillKey,
    voice_message::{Hearing, Sought, Spoken},
};
use crate::{
    device::{Ringing, Tune},
    engine::{CallState, Command, ConnectOptions, Credentials, Engine, Event, OwnAccount, Proof, State},
    home::{KnownServers, Remembered, WrittenError},
    http::ServerAddress,
    link::Clock,
};
use relay::{seal::Fingerprint, vocabulary::CallPhase};

pub(super) fn run(options: AppOptions, shared: &Arc<Shared>, orders: mpsc::Receiver<Order>) {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(Run::new(options, shared.clone()).go(orders)),
        Err(error) => {
            let failure = Entrance::Failed(Failure::Other(error.to_string()));
            shared.show(View { entrance: failure, ..View::default() });
        }
    }
}

/// An engine that runs, and what it says.
struct Running {
    engine: Engine,
    events: mpsc::Receiver<Event>,
    state: watch::Receiver<Arc<State>>,
    server: ServerAddress,
}

struct Run {
    options: AppOptions,
    shared: Arc<Shared>,
    known: KnownServers,
    sessions: SessionStore,
    entrance: Entrance,
    /// What is being tried, or was tried last.
    sign_in: SignIn,
    asked: Option<(ServerAddress, Fingerprint)>,
    attempt: JoinSet<Result<Way, Failure>>,
    running: Option<Running>,
    seeing: Seeing,
    hearing: Hearing,
    /// What comes of recording and playing.
    speaking: (UnboundedSender<Spoken>, UnboundedReceiver<Spoken>),
    ringing: Option<Ringing>,
    /// What was written by who is signed in.
    outbox: Option<Outbox>,
}

enum Woken {
    Order(Option<Order>),
    Way(Result<Way, Failure>),
    Event(Option<Event>),
    State,
    Seen,
    Spoken(Spoken),
}

impl Run {
    fn new(options: AppOptions, shared: Arc<Shared>) -> Self {
        let told = shared.clone();
        let sessions = SessionStore::start(options.home.clone(), options.keyring, move |error| {
            told.tell(Event::Warning { text: error.to_string() });
        });
        Self {
            known: KnownServers::in_folder(&options.home),
            sessions,
            sign_in: options.suggested.clone(),
            options,
            shared,
            entrance: Entrance::Outside,
            asked: None,
            attempt: JoinSet::new(),
            running: None,
            seeing: Seeing::default(),
            hearing: Hearing::default(),
            speaking: unbounded_channel(),
            ringing: None,
            outbox: None,
        }
    }

    async fn go(mut self, mut orders: mpsc::Receiver<Order>) {
        self.begin().await;
        loop {
            self.show();
            self.ring();
            let woken = tokio::select! {
                order = orders.recv() => Woken::Order(order),
                Some(way) = self.attempt.join_next(), if !self.attempt.is_empty() => {
                    Woken::Way(way.unwrap_or_else(|error| Err(Failure::Other(error.to_string()))))
                }
                () = self.seeing.seen(&self.shared.stills), if self.seeing.is_busy() => Woken::Seen,
                Some(spoken) = self.speaking.1.recv() => Woken::Spoken(spoken),
                woken = next(self.running.as_mut()) => woken,
            };
            match woken {
                Woken::Order(None | Some(Order::Quit)) => break,
                Woken::Order(Some(order)) => self.obey(order).await,
                Woken::Way(way) => self.found(way).await,
                Woken::Event(Some(event)) => self.happened(event).await,
                Woken::Event(None) => self.running = None,
                Woken::State => {}
                Woken::Seen => (self.shared.wake)(),
                Woken::Spoken(Spoken::Recorded(command)) => self.keep_and_give(command).await,
                Woken::Spoken(Spoken::Failed(text)) => self.shared.tell(Event::Warning { text }),
            }
        }
        self.stop().await;
    }

    /// Goes on where the last time ended, or with what the command line gave.
    async fn begin(&mut self) {
        if let Some(fingerprint) = self.options.fingerprint
            && let Ok(server) = self.options.suggested.server.parse::<ServerAddress>()
            && let Err(error) = self.known.remember(&server, fingerprint)
        {
            return self.entrance = Entrance::Failed(error.into());
        }
        if let Some(remembered) = self.options.remembered.take() {
            match self.remembered_options(&remembered) {
                Ok(options) => {
                    // Not yet, if the keyring asks a person; it asks in a window of its own.
                    self.entrance = Entrance::Inside;
                    let found = self.sessions.find(remembered);
                    self.attempt.spawn(async move {
                        let session = found.await?;
                        Ok(Way::Open(Box::new(options), Credentials::Session(session)))
                    });
                }
                Err(failure) => self.entrance = Entrance::Failed(failure),
            }
        } else if !self.options.suggested.password.is_empty() {
            self.try_in(self.options.suggested.clone());
        }
    }

    fn remembered_options(&self, remembered: &Remembered) -> Result<ConnectOptions, Failure> {
        let server: ServerAddress = remembered.server.parse()?;
        let proof = match self.known.find(&server)? {
            Some(fingerprint) => Proof::Fingerprint(fingerprint),
            None if server.is_secure() => Proof::Authorities,
            // Never without a proof: it is asked for as at the first time.
            None => return Err(Failure::SessionOver),
        };
        let proxy = proxy_rules(&remembered.proxy)?;
        Ok(ConnectOptions { server, proxy, proof, device: self.options.device.clone() })
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::SignIn(sign_in) => {
                self.stop().await;
                self.try_in(sign_in);
            }
            Order::Trust(yes) => {
                let Some((server, fingerprint)) = self.asked.take() else { return };
                if !yes {
                    return self.entrance = Entrance::Outside;
                }
                match self.known.remember(&server, fingerprint) {
                    Ok(()) => self.try_in(self.sign_in.clone()),
                    Err(error) => self.entrance = Entrance::Failed(error.into()),
                }
            }
            Order::Cancel => {
                self.attempt.shutdown().await;
                self.stop().await;
                self.entrance = Entrance::Outside;
            }
            Order::SignOut => {
                self.remember(String::new());
                if let Some(Err(error)) = self.outbox.take().map(Outbox::forget) {
                    self.complain(&error);
                }
                if self.running.is_none() {
                    // The keyring is still asked, or there is nobody to sign out.
                    self.attempt.shutdown().await;
                    return self.entrance = Entrance::Outside;
                }
                self.give(Command::LogOut).await;
            }
            Order::Give(command) => self.keep_and_give(command).await,
            Order::Draft(chat, draft) => {
                if let Some(Err(error)) = self.outbox.as_mut().map(|outbox| outbox.draft(chat, draft)) {
                    self.complain(&error);
                }
            }
            Order::See(key) => self.see(key).await,
            Order::Hear(file) => self.hear(file).await,
            Order::Record(chat) => self.shared.voices.record(chat, self.speaking.0.clone()),
            Order::Quit => {}
        }
    }

    /// What it sends is on the disk first.
    async fn keep_and_give(&mut self, command: Command) {
        let command = match &mut self.outbox {
            Some(outbox) => {
                let (command, written) = outbox.keep(command);
                written.unwrap_or_else(|error| self.complain(&error));
                command
            }
            None => command,
        };
        self.give(command).await;
    }

    async fn give(&mut self, command: Command) {
        if let Some(running) = &self.running
            && let Err(error) = running.engine.give(command).await
        {
            tracing::error!(%error, "a command was not obeyed");
        }
    }

    fn complain(&self, error: &WrittenError) {
        self.shared.tell(Event::Warning { text: error.to_string() });
    }

    /// Sends what was on its way when the program ended, once for each time that somebody comes in.
    async fn open_outbox(&mut self, user: &str) {
        let Some(server) = self.running.as_ref().map(|running| running.server.to_string()) else { return };
        if self.outbox.is_some() {
            return;
        }
        let (outbox, error) = Outbox::open(&self.options.home, &server, user);
        error.iter().for_each(|error| self.complain(error));
        for command in outbox.unsent() {
            self.give(command).await;
        }
        self.outbox = Some(outbox);
    }

    async fn see(&mut self, key: StillKey) {
        match (self.seeing.begin(&key), self.running.is_some()) {
            (Ok(command), true) => self.give(command).await,
            (Err(error), _) => {
                tracing::warn!(%error, "a picture cannot be kept");
                self.shared.stills.put_broken(key);
            }
            // It is forgotten with everything else.
            (Ok(_), false) => {}
        }
    }

    fn try_in(&mut self, sign_in: SignIn) {
        self.attempt.abort_all();
        self.attempt = JoinSet::new();
        self.sign_in = sign_in;
        match Plan::read(&self.sign_in) {
            Ok(plan) => {
                self.entrance = Entrance::Trying;
                self.attempt.spawn(plan.follow(self.known.clone(), self.options.device.clone()));
            }
            Err(failure) => self.entrance = Entrance::Failed(failure),
        }
    }

    async fn found(&mut self, way: Result<Way, Failure>) {
        match way {
            Ok(Way::Open(options, credentials)) => self.start(*options, credentials).await,
            Ok(Way::Unknown(server, fingerprint)) => {
                let shown = Entrance::Unknown { server: server.to_string(), fingerprint: fingerprint.to_string() };
                self.asked = Some((server, fingerprint));
                if self.options.accept_new {
                    return Box::pin(self.obey(Order::Trust(true))).await;
                }
                self.entrance = shown;
            }
            // What was given on the command line is as good.
            Err(Failure::Keyring(_)) if !self.sign_in.password.is_empty() => self.try_in(self.sign_in.clone()),
            Err(failure) => self.entrance = Entrance::Failed(failure),
        }
    }

    async fn start(&mut self, options: ConnectOptions, credentials: Credentials) {
        self.stop().await;
        let server = options.server.clone();
        let setup = watched(self.options.devices.clone(), &self.shared.pictures, &self.shared.senses);
        let (engine, events) = Engine::start(options, setup);
        let state = engine.state();
        self.running = Some(Running { engine, events, state, server });
        self.give(Command::LogIn(credentials)).await;
    }

    /// Ends the engine well, if one runs.
    async fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if running.engine.give(Command::Quit).await.is_ok() {
            running.engine.ended().await;
        }
        self.outbox = None;
        self.shared.pictures.clear();
        self.shared.stills.clear();
        self.seeing = Seeing::default();
        self.hearing = Hearing::default();
        self.shared.voices.end_recording(false);
        self.shared.voices.stop();
    }

    async fn happened(&mut self, event: Event) {
        if self.seeing.take(&event, &self.shared.stills) {
            return (self.shared.wake)();
        }
        if let Some((file, come)) = self.hearing.take(&event) {
            return self.come_to_hear(&file, come);
        }
        if let Some(Err(error)) = self.outbox.as_mut().map(|outbox| outbox.happened(&event)) {
            self.complain(&error);
        }
        match &event {
            Event::LoggedIn { account, session, .. } => {
                self.entrance = Entrance::Inside;
                self.sign_in.user.clone_from(&account.name);
                self.sign_in.password.clear();
                self.sign_in.join = false;
                if let Some(running) = &self.running {
                    self.sign_in.server = running.server.to_string();
                }
                self.remember(session.clone());
                self.open_outbox(&account.name).await;
                self.give(Command::OwnAccount(OwnAccount::Show)).await;
            }
            Event::SessionRenewed { session, .. } => self.remember(session.clone()),
            Event::Refused { command, problem } if COMING_IN.contains(&command.as_str()) => {
                let failure = Failure::from(problem);
                if problem.retry_after_ms.is_none() || self.entrance == Entrance::Trying {
                    self.remember(String::new());
                    self.stop().await;
                    self.entrance = Entrance::Failed(failure);
                }
            }
            Event::Unreachable { reason, r#final: true } if self.entrance == Entrance::Trying => {
                self.stop().await;
                self.entrance = Entrance::Failed(Failure::Other(reason.clone()));
            }
            Event::LoggedOut { .. } => {
                self.remember(String::new());
                self.stop().await;
                self.entrance = Entrance::Outside;
            }
            Event::CallEnded { .. } | Event::CallCancelled { .. } => {
                self.shared.pictures.clear();
                self.shared.senses.mute(false);
                self.shared.senses.hide(false);
            }
            _ => {}
        }
        self.run_errand(&event).await;
        self.shared.tell(event);
    }

    /// A voice message is to be listened to.
    async fn hear(&mut self, file: String) {
        match self.hearing.begin(&file) {
            Ok(Sought::Here(path)) => self.come_to_hear(&file, Ok(path)),
            Ok(Sought::Fetch(command)) => self.give(command).await,
            Ok(Sought::OnItsWay) => {}
            Err(error) => self.come_to_hear(&file, Err(error.to_string())),
        }
    }

    fn come_to_hear(&self, file: &str, come: Result<PathBuf, String>) {
        match come {
            Ok(path) => self.shared.voices.play(file, path, self.speaking.0.clone()),
            Err(text) => {
                if self.shared.voices.is_chosen(file) {
                    self.shared.voices.stop();
                }
                self.shared.tell(Event::Warning { text });
            }
        }
    }

    /// Does what the command line asked for, each thing once.
    async fn run_errand(&mut self, event: &Event) {
        match event {
            Event::LoggedIn { .. } => {
                if let Some(with) = self.options.with.clone() {
                    self.give(Command::OpenChat { with, text: None }).await;
                }
            }
            Event::ChatOpened { chat } if self.options.with.is_some() => {
                let with = self.options.with.as_deref().unwrap_or_default();
                if chat.members.iter().any(|member| member.name.eq_ignore_ascii_case(with)) {
                    self.options.with = None;
                    if std::mem::take(&mut self.options.call) {
                        self.give(Command::Call { chat: chat.id }).await;
                    }
                }
            }
            Event::CallInvited { call } if std::mem::take(&mut self.options.answer) => {
                self.give(Command::Accept { call: call.id }).await;
            }
            _ => {}
        }
    }

    fn remember(&self, session: String) {
        let SignIn { server, proxy, user, .. } = self.sign_in.clone();
        let server = self.running.as_ref().map_or(server, |running| running.server.to_string());
        let remembered = Remembered { server, proxy, user, session, in_keyring: false };
        if let Err(error) = self.sessions.keep(remembered) {
            self.shared.tell(Event::Warning { text: error.to_string() });
        }
    }

    /// Begins to ring and stops, as the state of the call wants it.
    fn ring(&mut self) {
        let call = self.running.as_ref().and_then(|running| running.state.borrow().call.clone());
        let tune = call.as_ref().filter(|_| self.options.devices.rings).and_then(tune_of);
        if self.ringing.as_ref().map(Ringing::tune) == tune {
            return;
        }
        // The one before stops first.
        self.ringing = None;
        self.ringing = tune.and_then(|tune| {
            let started = Ringing::start(tune, self.shared.controls.clone(), Clock::start());
            started.inspect_err(|error| tracing::warn!(%error, "nothing rings")).ok()
        });
    }

    fn show(&self) {
        let state = self.running.as_ref().map_or_else(Arc::default, |running| running.state.borrow().clone());
        let suggested = SignIn { password: String::new(), ..self.sign_in.clone() };
        let drafts = self.outbox.as_ref().map(Outbox::drafts).unwrap_or_default();
        let (entrance, suggested) = (self.entrance.clone(), Arc::new(suggested));
        self.shared.show(View { state, entrance, suggested, drafts, ..View::default() });
    }
}

/// What is heard of a call before anyone talks.
fn tune_of(call: &CallState) -> Option<Tune> {
    match (call.call.phase == CallPhase::Ringing, call.outgoing, call.joined) {
        (true, true, _) => Some(Tune::Ringback),
        (_, false, false) => Some(Tune::Incoming),
        _ => None,
    }
}

/// What the engine calls the ways to come in when they are refused.
const COMING_IN: [&str; 2] = ["log in", "join"];

async fn next(running: Option<&mut Running>) -> Woken {
    let Some(running) = running else { return std::future::pending().await };
    tokio::select! {
        event = running.events.recv() => Woken::Event(event),
        // An engine that has ended says so by its events.
        Ok(()) = running.state.changed() => Woken::State,
    }
}
