//! One end of a measured call: an engine in this process, what happens to it, and what its devices wrote down.

use std::sync::Arc;
use std::time::Duration;

use client::call::{DeviceSetup, Devices, Report as CallReport};
use client::engine::{Command, ConnectOptions, ConnectionState, Credentials, Engine, Event};
use client::link::Carriage;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::devices::{ChirpMicrophone, ListeningSpeaker, MarkingCamera, Notebook, Notes, ReadingScreen, Scene};
use super::stage::Stage;
use crate::failure::BenchError;

/// What picture and sound may take, in kilobits a second.
#[derive(Debug, Clone, Copy)]
pub struct Bitrates {
    pub video_kbps: u32,
    pub audio_kbps: u32,
}

/// Somebody at one end of a measured call.
pub struct Person {
    pub name: String,
    engine: Engine,
    pub events: mpsc::Receiver<Event>,
    pub notes: Notebook,
    /// What its client said last about the call.
    pub last: Option<Box<CallReport>>,
    session: String,
}

impl Person {
    /// Signs in person `index` of the stage.
    pub async fn enter(stage: &Stage, index: usize, scene: &Scene, bitrates: Bitrates) -> Result<Self, BenchError> {
        let (name, password) = stage.people[index].clone();
        let notes: Notebook = Arc::new(Mutex::new(Notes::default()));
        let mut setup = device_setup(scene.clone(), notes.clone());
        setup.video.bitrate = bitrates.video_kbps.saturating_mul(1_000);
        setup.audio.bitrate = bitrates.audio_kbps.saturating_mul(1_000);
        let connect = ConnectOptions {
            server: stage.server.clone(),
            proxy: stage.proxy.clone(),
            proof: stage.proof.clone(),
            device: format!("bench-{index}"),
        };
        let (engine, events) = Engine::start(connect, setup);
        let mut person = Self { name: name.clone(), engine, events, notes, last: None, session: String::new() };
        person.give(Command::LogIn(Credentials::Password { user: name, password })).await?;
        let session = person.wait("the login", |event| match event {
            Event::LoggedIn { session, .. } => Some(session.clone()),
            _ => None,
        });
        person.session = session.await?;
        Ok(person)
    }

    /// The session that it was given when it signed in.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Signs off; the session stays good.
    pub async fn leave(self) -> Result<(), BenchError> {
        self.give(Command::Quit).await?;
        self.engine.ended().await;
        Ok(())
    }

    pub async fn give(&self, command: Command) -> Result<(), BenchError> {
        self.engine.give(command).await.map_err(|error| BenchError::Refused(error.to_string()))
    }

    /// Keeps what is asked for later.
    pub fn take(&mut self, event: &Event) {
        if let Event::CallReport { report, .. } = event {
            self.last = Some(report.clone());
        }
    }

    /// Waits for something to happen, a minute at most.
    pub async fn wait<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> Result<T, BenchError> {
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
    pub fn carriage(&self) -> (&'static str, &'static str) {
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
