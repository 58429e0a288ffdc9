//! Starts a server, a screen and a window, and calls it.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::engine::{Command as Order, Deed, Event};
use client::home::{KnownServers, Remembered};
use relay::vocabulary::{Availability, ChatId};
use tempfile::TempDir;

use super::report::{Call, Idle, Report, Started, Used};
use super::screen::{Screen, Seen};
use super::{Options, photons};
use crate::failure::BenchError;
use crate::latency::devices::Scene;
use crate::latency::format;
use crate::latency::person::{Bitrates, Person};
use crate::latency::stage::Stage;
use crate::machine::threads::{self, Threads};
use crate::machine::{clock, memory, usage};
use crate::processes::{Child, beside};
use crate::progress::Progress;

/// Measures a window.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(BenchError::io("starting threads"))?.block_on(measure(options))
}

async fn measure(options: &Options) -> Result<Report, BenchError> {
    let (stage, pin) = Stage::own(options.server_binary.as_deref()).await?;
    // Title, own picture and buttons stand above and below.
    let scene = Scene { clip: None, format: format(&options.size, options.frame_rate)?, mark: MARK };
    let bitrates = Bitrates { video_kbps: options.video_kbps, audio_kbps: options.audio_kbps };
    let mut caller = Person::enter(&stage, 0, &scene, bitrates).await?;
    let mut callee = Person::enter(&stage, 1, &scene, bitrates).await?;
    let chat = acquaint(&mut caller, &mut callee).await?;

    let home = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the window's folder"))?;
    let refused = |error: &dyn std::fmt::Display| BenchError::Refused(error.to_string());
    let known = KnownServers::in_folder(home.path());
    known.remember(&stage.server, pin).map_err(|error| refused(&error))?;
    let (server, user, session) = (stage.server.to_string(), callee.name.clone(), callee.session().to_owned());
    let remembered = Remembered { server, proxy: "none".to_owned(), user, session, in_keyring: false };
    remembered.write(home.path()).map_err(|error| refused(&error))?;
    let name = callee.name.clone();
    callee.leave().await?;
    wait_for(&mut caller, &name, |state| state == Availability::Offline).await?;

    let (screen, _server) = Screen::start()?;
    let screen = Arc::new(screen);
    let begun = Instant::now();
    let window = Child::start("komado", command(options, &screen, &home)?, false)?;
    let looking = screen.clone();
    let drawn = tokio::task::spawn_blocking(move || looking.wait_drawn());
    wait_for(&mut caller, &name, |state| state != Availability::Offline).await?;
    let connected = begun.elapsed();
    let (seen, drawn) = drawn.await.map_err(|error| refused(&error))??;
    let started = Started { drawn_ms: millis(drawn - begun), connected_ms: millis(connected) };

    let idle = match options.idle_seconds {
        0 => None,
        seconds => {
            pass(&mut caller, "settling", SETTLE).await;
            let before = threads::of(window.id());
            pass(&mut caller, "doing nothing", Duration::from_secs(seconds)).await;
            let used = used(before, threads::of(window.id()), seconds as f64);
            Some(Idle { seconds, used, resident: usage::of(window.id()).map(|usage| usage.resident) })
        }
    };

    caller.give(Order::Call { chat }).await?;
    caller.wait("the call to be accepted", |event| matches!(event, Event::CallAccepted { .. }).then_some(())).await?;
    let call = call(options, &mut caller, &screen, seen, window.id()).await?;
    caller.give(Order::HangUp).await?;
    caller.wait("the call to end", |event| matches!(event, Event::CallEnded { .. }).then_some(())).await?;
    let (size, window_size) = (options.size.clone(), [seen.width, seen.height]);
    Ok(Report { size, frame_rate: options.frame_rate, window_size, started, idle, call })
}

/// Makes both contacts of each other, and gives their chat.
async fn acquaint(caller: &mut Person, callee: &mut Person) -> Result<ChatId, BenchError> {
    caller.give(Order::AskContact { name: callee.name.clone(), text: String::new() }).await?;
    callee.wait("a request", |event| matches!(event, Event::ContactRequested { .. }).then_some(())).await?;
    callee.give(Order::Contact { name: caller.name.clone(), deed: Deed::Accept }).await?;
    for person in [&mut *caller, &mut *callee] {
        person.wait("a contact", |event| matches!(event, Event::ContactAdded { .. }).then_some(())).await?;
    }
    caller.give(Order::OpenChat { with: callee.name.clone(), text: None }).await?;
    let opened = caller.wait("the chat", |event| match event {
        Event::ChatOpened { chat } => Some(chat.id),
        _ => None,
    });
    opened.await
}

async fn wait_for(person: &mut Person, whom: &str, so: impl Fn(Availability) -> bool) -> Result<(), BenchError> {
    let told = |event: &Event| match event {
        Event::Presence { name, presence, .. } => (name == whom && so(presence.state)).then_some(()),
        _ => None,
    };
    person.wait("the other's presence", told).await
}

/// Lets time pass while what happens to a person is taken in.
async fn pass(person: &mut Person, label: &str, span: Duration) {
    let mut progress = Progress::new(label, span.as_secs_f64());
    let end = tokio::time::Instant::now() + span;
    loop {
        tokio::select! {
            Some(event) = person.events.recv() => person.take(&event),
            () = tokio::time::sleep_until(end) => return,
        }
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        progress.set((span - left).as_secs_f64(), &format!("{:.0} s left", left.as_secs_f64()));
    }
}

async fn call(
    options: &Options,
    caller: &mut Person,
    screen: &Arc<Screen>,
    seen: Seen,
    window: u32,
) -> Result<Call, BenchError> {
    let finding = screen.clone();
    let row = tokio::task::spawn_blocking(move || photons::find(&finding, seen));
    let row = row.await.map_err(|error| BenchError::Refused(error.to_string()))??;
    let from = clock::now() + options.warm_up * 1_000_000;
    let until = from + options.seconds * 1_000_000;
    let watching = screen.clone();
    let photons = tokio::task::spawn_blocking(move || photons::watch(&watching, seen, row, from, until));
    pass(caller, "in a call", Duration::from_secs(options.warm_up)).await;
    let before = threads::of(window);
    pass(caller, "in a call", Duration::from_secs(options.seconds)).await;
    let after = threads::of(window);
    let resident = memory::of(window, &SOFTWARE_GPU_FILES);
    let photons = photons.await.map_err(|error| BenchError::Refused(error.to_string()))??;
    let made = caller.notes.lock().made.iter().filter(|(_, at)| (from..until).contains(at)).count() as u64;
    Ok(Call::new(options.seconds, made, photons, used(before, after, options.seconds as f64), resident))
}

/// Shares of one core, by kind of thread.
fn used(before: Option<Threads>, after: Option<Threads>, seconds: f64) -> Vec<Used> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let kinds = threads::between(&before, &after).into_iter();
    let mut used: Vec<Used> = kinds
        .map(|(threads, used)| {
            let software_gpu = SOFTWARE_GPU_THREADS.iter().any(|name| threads.starts_with(name));
            Used { threads, share: used.as_secs_f64() / seconds, software_gpu }
        })
        .collect();
    used.sort_by(|a, b| b.share.total_cmp(&a.share));
    used
}

fn command(options: &Options, screen: &Screen, home: &TempDir) -> Result<Command, BenchError> {
    let program = match &options.client_binary {
        Some(program) => program.clone(),
        None => beside("komado")?,
    };
    let mut command = Command::new(program);
    command.arg("--home").arg(home.path());
    command.args(["--camera", "pattern", "--size", &options.size, "--frame-rate", &options.frame_rate.to_string()]);
    command.args(["--video-kbps", &options.video_kbps.to_string(), "--audio-kbps", &options.audio_kbps.to_string()]);
    command.args(["--microphone", "tone", "--speaker", "none", "--answer"]);
    // Nothing of the desk that the bench runs on is touched.
    command.env("DISPLAY", screen.display()).env("XDG_RUNTIME_DIR", home.path()).env("LANG", "C.UTF-8");
    for variable in ["WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "LC_ALL", "LC_MESSAGES"] {
        command.env_remove(variable);
    }
    Ok(command)
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// Where the mark stands, as a share of the picture's height.
const MARK: f32 = 0.27;
/// Trials of the long answers, and what people were told when they came.
const SETTLE: Duration = Duration::from_secs(15);
/// How Mesa's software Vulkan (lavapipe) names the threads on which it draws.
const SOFTWARE_GPU_THREADS: [&str; 2] = ["llvmpipe", "lavapipe"];
/// Files of that driver, its compiler, and what it compiled.
const SOFTWARE_GPU_FILES: [&str; 3] = ["libvulkan_lvp", "libLLVM", "libgallium"];
