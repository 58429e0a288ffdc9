//! The measured call: two engines that find each other, talk for a while, and hang up.

use std::time::Duration;

use client::device::CameraFormat;
use client::engine::{Command, Event};
use tokio::time::Instant;

use super::Options;
use super::devices::Scene;
use super::person::{Bitrates, Person};
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
    let bitrates = Bitrates { video_kbps: options.video_kbps, audio_kbps: options.audio_kbps };
    let mut caller = Person::enter(&stage, 0, &scene, bitrates).await?;
    let mut callee = Person::enter(&stage, 1, &scene, bitrates).await?;
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
    let format = format(&options.size, options.frame_rate)?;
    Ok(Scene { clip: options.clip.clone(), format, mark: 0.0 })
}

/// A camera's format, with its size as it is written on the command line.
pub fn format(size: &str, frame_rate: f32) -> Result<CameraFormat, BenchError> {
    let parts = size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let refused = || BenchError::Refused(format!("\"{size}\" is not a size: write for example 1280x720"));
    let (width, height) = parts.ok_or_else(refused)?;
    Ok(CameraFormat { width, height, frame_rate })
}
