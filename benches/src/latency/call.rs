//! The measured call: two engines that find each other, talk for a while, and hang up.

use std::sync::Arc;
use std::time::Duration;

use client::call::{DeviceSetup, Devices, Report as CallReport};
use client::device::CameraFormat;
use client::engine::{Command, ConnectOptions, ConnectionState, Credentials, Engine, Event};
use client::link::Carriage;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::Options;
use super::devices::{ChirpMicrophone, ListeningSpeaker, MarkingCamera, Notebook, Notes, ReadingScreen, Scene};
use super::report::{Context, Report, Way};
use super::stage::Stage;
use crate::failure::BenchError;
use crate::machine::clock;
use crate::progress::Progress;

/// Measures a call.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(BenchError::io("starting threads"))?.block_on(measure(options))
}

async fn measure(options: &Options) -> Result<Report, BenchError> {
    let stage = Stage::set(options).await?;
    let scene = scene(options)?;
    let mut caller = Person::enter(&stage, 0, options, &scene).await?;
    let mut callee = Person::enter(&stage, 1, options, &scene).await?;
    caller.give(Command::OpenChat { with: stage.people[1].0.clone(), text: None }).await?;
    let chat = caller.wait("the chat", |event| match event {
        Event::ChatOpened { chat } => Some(chat.id),
        _ => None,
    });
    let chat = chat.await?;
    caller.give(Command::Call { chat }).await?;
    let call = callee.wait("the call to ring", |event| match event {
        Event::CallInvited { call } => Some(call.id),
        _ => None,
    });
    let call = call.await?;
    callee.give(Command::Accept { call }).await?;
    for person in [&mut caller, &mut callee] {
        let accepted = |event: &Event| matches!(event, Event::CallAccepted { .. }).then_some(());
        person.wait("the call to be accepted", accepted).await?;
    }
    let from = clock::now() + options.warm_up * 1_000_000;
    talk(options, [&mut caller, &mut callee]).await;
    let until = clock::now();
    let carriages = [caller.carriage(), callee.carriage()];
    caller.give(Command::HangUp).await?;
    for person in [&mut caller, &mut callee] {
        let ended = |event: &Event| matches!(event, Event::CallEnded { .. }).then_some(());
        person.wait("the call to end", ended).await?;
    }
    let [up_down, down_up] = [(0, 1), (1, 0)].map(|(from, to)| {
        let (sends, takes) = (carriages[from].0, carriages[to].1);
        format!("up {sends}, down {takes}")
    });
    let ways = [(&caller, &callee, up_down), (&callee, &caller, down_up)].map(|(sender, receiver, carriage)| {
        let kilobits = receiver.last.as_ref().map_or(0.0, |last| last.video.received_kbps + last.audio.received_kbps);
        let name = format!("{} to {}", sender.name, receiver.name);
        Way::new(Context { name, kilobits, carriage, from, until }, &sender.notes.lock(), &receiver.notes.lock())
    });
    let proxy = options.proxy.clone();
    Ok(Report { server: stage.server.to_string(), proxy, seconds: options.seconds, ways: ways.into() })
}

/// Lets time pass while what happens is taken in.
async fn talk(options: &Options, mut people: [&mut Person; 2]) {
    let whole = (options.warm_up + options.seconds) as f64;
    let mut progress = Progress::new("in a call", whole);
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < whole {
        let [caller, callee] = &mut people;
        tokio::select! {
            Some(event) = caller.events.recv() => caller.take(&event),
            Some(event) = callee.events.recv() => callee.take(&event),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        let done = began.elapsed().as_secs_f64();
        progress.set(done, &format!("{:.0} s left", whole - done));
    }
}

fn scene(options: &Options) -> Result<Scene, BenchError> {
    let size =
        options.size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let refused = || BenchError::Refused(format!("\"{}\" is not a size: write for example 1280x720", options.size));
    let (width, height) = size.ok_or_else(refused)?;
    let format = CameraFormat { width, height, frame_rate: options.frame_rate };
    Ok(Scene { clip: options.clip.clone(), format })
}

/// One of the two, with an engine and a notebook.
struct Person {
    name: String,
    engine: Engine,
    events: mpsc::Receiver<Event>,
    notes: Notebook,
    last: Option<Box<CallReport>>,
}

impl Person {
    async fn enter(stage: &Stage, index: usize, options: &Options, scene: &Scene) -> Result<Self, BenchError> {
        let (name, password) = stage.people[index].clone();
        let notes: Notebook = Arc::new(Mutex::new(Notes::default()));
        let mut setup = device_setup(scene.clone(), notes.clone());
        setup.video.bitrate = options.video_kbps.saturating_mul(1_000);
        setup.audio.bitrate = options.audio_kbps.saturating_mul(1_000);
        let connect = ConnectOptions {
            server: stage.server.clone(),
            proxy: stage.proxy.clone(),
            proof: stage.proof.clone(),
            device: format!("bench-{index}"),
        };
        let (engine, events) = Engine::start(connect, setup);
        let mut person = Self { name: name.clone(), engine, events, notes, last: None };
        person.give(Command::LogIn(Credentials::Password { user: name, password })).await?;
        person.wait("the login", |event| matches!(event, Event::LoggedIn { .. }).then_some(())).await?;
        Ok(person)
    }

    async fn give(&self, command: Command) -> Result<(), BenchError> {
        self.engine.give(command).await.map_err(|error| BenchError::Refused(error.to_string()))
    }

    fn take(&mut self, event: &Event) {
        if let Event::CallReport { report, .. } = event {
            self.last = Some(report.clone());
        }
    }

    async fn wait<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> Result<T, BenchError> {
        let found = async {
            while let Some(event) = self.events.recv().await {
                self.take(&event);
                if let Some(found) = wanted(&event) {
                    return Ok(found);
                }
                let refused = match event {
                    Event::Refused { problem, .. } => problem.to_string(),
                    Event::Unreachable { reason, r#final: true } => reason,
                    _ => continue,
                };
                return Err(BenchError::Refused(format!("{}: {refused}", self.name)));
            }
            Err(BenchError::Refused(format!("{}: the engine ended", self.name)))
        };
        let late = |_| BenchError::Refused(format!("waited {} s for {what} in vain", PATIENCE.as_secs()));
        timeout(PATIENCE, found).await.map_err(late)?
    }

    /// How it travels, up and down.
    fn carriage(&self) -> (&'static str, &'static str) {
        let name = |carriage| match carriage {
            Carriage::Short => "short",
            Carriage::Streaming => "streaming",
        };
        match &self.engine.state().borrow().connection {
            ConnectionState::Connected { path } => (name(path.up), name(path.down)),
            _ => ("cut", "cut"),
        }
    }
}

fn device_setup(scene: Scene, notes: Notebook) -> DeviceSetup {
    DeviceSetup::new(move |our_clock| {
        let notes = || notes.clone();
        Ok(Devices {
            camera: Box::new(MarkingCamera::open(&scene, our_clock, notes())?),
            microphone: Box::new(ChirpMicrophone::new(our_clock, notes())),
            screen: Box::new(ReadingScreen { our_clock, notes: notes() }),
            speaker: Box::new(ListeningSpeaker::new(our_clock, notes())),
            recording: None,
            arrivals: None,
        })
    })
}

/// Longest wait for anything that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);
