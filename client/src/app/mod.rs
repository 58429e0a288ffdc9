//! The application behind the window: signs in, runs the engine on a thread of its own, and says when there is something
//! new to show. Whoever owns an [`App`] never waits for it.

mod device_check;
mod device_names;
mod devices;
mod entrance;
mod links;
mod options;
mod outbox;
mod portrait;
mod run;
mod seeing;
mod session_store;
mod stills;
mod troubles;
mod view;
mod voice_message;

use std::{
    collections::VecDeque,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::mpsc;

pub use device_names::DeviceNames;
pub use devices::{Pictures, Senses};
pub use entrance::{Entrance, Failure, SignIn};
pub use links::{Link, LinkError};
pub use options::{AppOptions, OptionsError};
pub use portrait::portrait;
pub use stills::{Look, StillError, StillKey, Stills, keep_picture, write_png};
pub use troubles::{Signal, Trouble, signal, troubles};
pub use view::View;
pub use voice_message::{Playing, Recording, VoiceNow};

use device_check::DeviceCheck;
use device_names::KnownDevices;
use voice_message::VoiceMessages;

use relay::vocabulary::ChatId;

use crate::{
    call::DeviceSetup,
    device::{DeviceControls, Ringing, Tune},
    engine::{Command, Event},
    home::Draft,
    link::Clock,
};

/// Lines that come close to each other are heard as one.
const CHIMES: Duration = Duration::from_secs(1);

/// Commands that may wait. A person gives a few a second.
const ORDERS: usize = 256;

/// Events that are kept for the window; older ones are dropped, for the state tells the same.
const EVENTS: usize = 512;

/// Called from any thread when there is something new to show: it must not block.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

#[derive(Debug, Error)]
pub enum AppError {
    #[error("a thread for the network cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What the window asks of the application.
#[derive(Debug)]
enum Order {
    SignIn(SignIn),
    /// The answer to [`Entrance::Unknown`].
    Trust(bool),
    /// Gives up what is being tried.
    Cancel,
    SignOut,
    Give(Command),
    /// Keeps what is being written.
    Draft(ChatId, Draft),
    /// Gets a picture that somebody looks at.
    See(StillKey),
    /// Gets a voice message that somebody listens to.
    Hear(String),
    /// Records a voice message for a chat.
    Record(ChatId),
    Quit,
}

/// What both sides of the application share.
struct Shared {
    view: Mutex<View>,
    events: Mutex<VecDeque<Event>>,
    pictures: Pictures,
    stills: Stills,
    senses: Senses,
    controls: DeviceControls,
    device_names: Arc<KnownDevices>,
    /// Where the devices are opened that a person tries out, and the ones that are open.
    setup: DeviceSetup,
    check: Mutex<Option<DeviceCheck>>,
    voices: Arc<VoiceMessages>,
    /// When it was last heard that somebody has written.
    chimed: Mutex<Option<Instant>>,
    wake: Wake,
}

impl Shared {
    fn show(&self, view: View) {
        let mut shown = self.view.lock();
        let differs = shown.differs(&view);
        *shown = view;
        drop(shown);
        if differs {
            (self.wake)();
        }
    }

    fn tell(&self, event: Event) {
        let mut events = self.events.lock();
        if events.len() >= EVENTS {
            events.pop_front();
        }
        events.push_back(event);
        drop(events);
        (self.wake)();
    }
}

/// A running application. Dropping it signs off and waits until that is done, for less than a second.
pub struct App {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    /// Starts it. With what was remembered or given in `options` it signs in by itself.
    pub fn start(options: AppOptions, wake: Wake) -> Result<Self, AppError> {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let pictures = Pictures::new(wake.clone());
        let shared = Arc::new(Shared {
            view: Mutex::new(View::default()),
            events: Mutex::default(),
            pictures,
            stills: Stills::default(),
            senses: Senses::default(),
            controls: options.devices.controls.clone(),
            device_names: Arc::default(),
            setup: options.devices.clone(),
            check: Mutex::default(),
            chimed: Mutex::default(),
            voices: Arc::new(VoiceMessages::new(options.devices.clone(), wake.clone())),
            wake,
        });
        let inside = shared.clone();
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || run::run(options, &inside, ordered))
            .map_err(AppError::Thread)?;
        Ok(Self { orders, shared, thread: Some(thread) })
    }

    /// What there is to show now.
    pub fn view(&self) -> View {
        View { device_names: self.shared.device_names.names(), ..self.shared.view.lock().clone() }
    }

    /// What has happened since this was asked last.
    pub fn events(&self) -> Vec<Event> {
        self.shared.events.lock().drain(..).collect()
    }

    /// The pictures of a call.
    pub fn pictures(&self) -> &Pictures {
        &self.shared.pictures
    }

    /// Still pictures, as far as they have come; [`App::see`] gets them.
    pub fn stills(&self) -> &Stills {
        &self.shared.stills
    }

    /// Gets a picture, unless it is there or on its way. Many are asked for at every drawing.
    pub fn see(&self, key: StillKey) {
        if self.shared.stills.wait_for(&key) {
            self.order(Order::See(key));
        }
    }

    /// Microphone and camera, on or off.
    pub fn senses(&self) -> &Senses {
        &self.shared.senses
    }

    /// Microphone and speaker: what is chosen, and how they do.
    pub fn devices(&self) -> &DeviceControls {
        &self.shared.controls
    }

    /// Looks which cameras, microphones and speakers there are: [`View::device_names`].
    pub fn ask_for_device_names(&self) {
        self.shared.device_names.ask(self.shared.wake.clone());
    }

    /// Opens camera and microphone for a person who tries them out, or closes them again. A call has its own.
    pub fn check_devices(&self, yes: bool) {
        let mut check = self.shared.check.lock();
        *check = None;
        if yes {
            let started = DeviceCheck::start(&self.shared.setup, &self.shared.pictures);
            *check = started.inspect_err(|error| tracing::error!(%error, "devices cannot be tried out")).ok();
        }
    }

    /// Whether a person tries them out.
    pub fn checks_devices(&self) -> bool {
        self.shared.check.lock().is_some()
    }

    /// Plays a sound for a person who tries the speaker out.
    pub fn check_sound(&self) {
        if let Err(error) = DeviceCheck::sound(&self.shared.setup) {
            tracing::error!(%error, "the speaker cannot be tried out");
        }
    }

    /// Voice messages: what is recorded and listened to now.
    pub fn voice(&self) -> VoiceNow {
        self.shared.voices.now()
    }

    /// Records a voice message for a chat, until [`App::end_recording`].
    pub fn record(&self, chat: ChatId) {
        self.order(Order::Record(chat));
    }

    /// What is recorded is sent, or thrown away.
    pub fn end_recording(&self, send: bool) {
        self.shared.voices.end_recording(send);
    }

    /// Plays a voice message; one that plays already pauses, or goes on.
    pub fn hear(&self, file: String) {
        match self.shared.voices.now().playing {
            Some(playing) if playing.file == file => self.shared.voices.pause(!playing.pauses),
            _ => {
                self.shared.voices.choose(&file, 0);
                self.order(Order::Hear(file));
            }
        }
    }

    /// Plays a voice message from so many milliseconds on; one that plays already, or pauses, goes on from there.
    pub fn hear_from(&self, file: String, from: u64) {
        match self.shared.voices.now().playing {
            Some(playing) if playing.file == file => self.shared.voices.seek(from),
            _ => {
                self.shared.voices.choose(&file, from);
                self.order(Order::Hear(file));
            }
        }
    }

    /// Lets it be heard that somebody has written, where anything is heard: not more than once a second.
    pub fn chime(&self) {
        let mut chimed = self.shared.chimed.lock();
        if !self.shared.setup.rings || chimed.is_some_and(|at| at.elapsed() < CHIMES) {
            return;
        }
        *chimed = Some(Instant::now());
        if let Err(error) = Ringing::once(Tune::Line, self.shared.controls.clone(), Clock::start()) {
            tracing::warn!(%error, "nothing is heard of a line");
        }
    }

    pub fn give(&self, command: Command) {
        self.order(Order::Give(command));
    }

    /// Keeps what is being written in a chat, over the end of the program.
    pub fn keep_draft(&self, chat: ChatId, draft: Draft) {
        self.order(Order::Draft(chat, draft));
    }

    pub fn sign_in(&self, sign_in: SignIn) {
        self.order(Order::SignIn(sign_in));
    }

    /// Answers whether an unknown server's certificate is right.
    pub fn trust(&self, yes: bool) {
        self.order(Order::Trust(yes));
    }

    /// Gives up signing in.
    pub fn cancel(&self) {
        self.order(Order::Cancel);
    }

    pub fn sign_out(&self) {
        self.order(Order::SignOut);
    }

    fn order(&self, order: Order) {
        if let Err(error) = self.orders.try_send(order) {
            tracing::error!(%error, "the application takes no more commands");
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.order(Order::Quit);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread broke off");
        }
    }
}
