//! A link's driver: its timers, the commands that come through it and the events that go to it, until it ends.

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use relay::{
    Frame, Kind, MILLISECOND, Micros, SECOND, TrackId,
    link::{Class, Link, Output, TRIAL_INTERVAL},
    track::Start,
    vocabulary::{Bulk, Envelope, Event, Request, Response},
};
use tokio::task::JoinSet;

use super::{
    liveness::{Life, Patience},
    session::{Session, Timing},
};
use crate::{
    chat::chat_of,
    connections::Listed,
    delivery::{CloseReason, LinkCommand, LinkHandle},
    http::{
        caller::Caller,
        dispatch::{Answer, dispatch, dispatch_bulk},
    },
    mailbox::Receiver,
    state::State,
    tracks::Content,
};

/// A link that shows no session by then is closed.
const STRANGER: Micros = 30 * SECOND;

/// Timers are not looked at more often than this.
const OFTEN: Micros = 5 * MILLISECOND;

/// What was due was left to the bodies; whether they have done it, and what is due next, is looked at after this.
const AFTERWARDS: Micros = TRIAL_INTERVAL;

/// Nothing is due before this.
const FAR: Micros = 24 * 3_600 * SECOND;

/// How long an ended link has to say so.
const FAREWELL: Duration = Duration::from_secs(2);

/// Messages brought from the archive at a time.
const PAGE: u32 = 100;

/// Commands that may wait while one is worked on.
const COMMANDS: usize = 256;

pub(super) struct Driver {
    pub session: Arc<Session>,
    pub state: Arc<State>,
    /// Where commands go.
    pub router: Router,
    pub handle: LinkHandle,
    pub address: IpAddr,
    pub commanded: Receiver<LinkCommand>,
    pub happened: Receiver<Event>,
    /// The link's place on the list of connections.
    pub listed: Listed,
}

/// Waits for so many microseconds; for ever where there is nothing to wait for.
async fn until(time: Micros) {
    if time < FAR {
        tokio::time::sleep(Duration::from_micros(time)).await;
    } else {
        std::future::pending::<()>().await;
    }
}

impl Driver {
    pub async fn run(mut self) {
        tracing::debug!(link = %self.session.id, address = %self.address, "a link opens");
        let mut commands: VecDeque<Frame> = VecDeque::new();
        let mut at_work: JoinSet<Response> = JoinSet::new();
        let mut bulk_at_work: JoinSet<Answer> = JoinSet::new();
        let mut archives: JoinSet<(TrackId, Vec<Frame>)> = JoinSet::new();
        let patience = Patience::new(self.state.config.dead_after);
        let (mut life, mut unheard, mut asked, mut misses) = (Life::Heard, 0, false, false);
        let began = self.session.clock.micros();
        // Until when the link's timers were looked after.
        let mut looked = began;
        let reason = loop {
            let Timing { now, due, silence } = self.session.timing();
            if let Some(reason) = self.session.ended() {
                break reason;
            }
            // A link that falls to rest is none the better for it: only what comes is good news.
            let came = silence.unheard < std::mem::replace(&mut unheard, silence.unheard);
            let thought = life;
            life = patience.judge(silence).max(if came { Life::Heard } else { thought });
            let until_asked = patience.until_asked(silence);
            if until_asked > 0 {
                asked = false;
            } else if !std::mem::replace(&mut asked, true) {
                self.session.with_link(Link::ask);
            }
            if life == Life::Forgotten {
                break format!("nothing came for {} s", silence.unheard / SECOND);
            }
            let stranger = (!self.handle.is_known()).then_some(began + STRANGER);
            if stranger.is_some_and(|until| until <= now) {
                break format!("nobody logged in within {} s", STRANGER / SECOND);
            }
            if life != thought {
                self.judged(thought, life, silence.unheard);
            }
            if at_work.is_empty()
                && let Some(frame) = commands.pop_front()
            {
                // One after the other: what a client sends in order happens in order.
                self.work(&mut at_work, &frame);
            } else if commands.is_empty() {
                commands.shrink_to(0);
            }
            if bulk_at_work.is_empty()
                && let Some(frame) = self.session.next_bulk()
            {
                self.work_bulk(&mut bulk_at_work, &frame);
            }
            let worse = patience.until_worse(silence).unwrap_or(Micros::MAX);
            let quiet_for = if asked { worse } else { worse.min(until_asked) };
            let missed = std::mem::replace(&mut misses, life > Life::Heard || asked);
            if misses {
                self.session.pulse.miss();
            }
            if misses != missed {
                self.session.look_at_heartbeats(misses);
            }
            let watched = silence.stirred.is_none();
            self.session.pulse.tell_from(watched.then(|| silence.unheard.saturating_add(quiet_for)));
            let life_due = if watched { Micros::MAX } else { now.saturating_add(quiet_for) };
            // What stays due because no exchange takes anything is no reason to hurry.
            let due = due.map_or(Micros::MAX, |due| if due < looked { now + AFTERWARDS } else { due });
            let next = due.min(life_due).min(stranger.unwrap_or(Micros::MAX)).max(now + OFTEN);
            tokio::select! {
                biased;
                reason = self.handle.closed() => break reason.to_string(),
                Some(command) = self.commanded.recv() => self.obey(command),
                Some(event) = self.happened.recv() => self.tell(&event),
                Some(done) = at_work.join_next(), if !at_work.is_empty() => match done {
                    Ok(response) => self.answer(&response),
                    Err(error) => tracing::error!(%error, "a command broke off"),
                },
                Some(done) = bulk_at_work.join_next(), if !bulk_at_work.is_empty() => match done {
                    Ok(answer) => self.answer_bulk(&answer),
                    Err(error) => tracing::error!(%error, "a command with bytes broke off"),
                },
                Some(Ok((track, frames))) = archives.join_next(), if !archives.is_empty() => {
                    self.session.with_link(|link, _| link.feed_archive(track, frames));
                }
                () = self.session.doorbell.driver_rung() => {}
                () = until(next - now) => {
                    looked = self.session.with_link(|link, now| {
                        link.handle_timeout(now);
                        now
                    });
                }
            }
            while let Some(output) = self.session.next_output() {
                self.take(output, &mut commands, &mut archives);
            }
        };
        // Events that were sent before the end still go out: a server that closes says when to come back.
        while let Some(event) = self.happened.try_recv() {
            self.tell(&event);
        }
        tracing::debug!(link = %self.session.id, %reason, "a link ends");
        let unheard = self.session.timing().silence.unheard;
        self.state.link_gone(&self.handle, Duration::from_micros(unheard));
        drop(self.listed);
        self.session.end(&reason);
        // Whoever waits for something gets the farewell.
        tokio::time::sleep(FAREWELL).await;
    }

    /// Something else is thought of the link than before.
    fn judged(&self, before: Life, now: Life, silent: Micros) {
        if now == Life::Heard {
            self.state.link_reachable(&self.handle);
        } else if before == Life::Heard {
            self.state.link_unreachable(&self.handle);
        }
        if now == Life::Dead {
            tracing::debug!(link = %self.session.id, silent, "a client is taken for dead");
            self.state.link_dead(&self.handle, Duration::from_micros(silent));
        } else if before == Life::Dead {
            self.state.link_alive(&self.handle);
        }
    }

    fn take(&self, output: Output, commands: &mut VecDeque<Frame>, archives: &mut JoinSet<(TrackId, Vec<Frame>)>) {
        match output {
            Output::Frame(frame) if frame.header().kind == Kind::Request && commands.len() < COMMANDS => {
                commands.push_back(frame);
            }
            Output::Frame(frame) if frame.header().kind == Kind::Request => {
                self.session.end(&format!("more than {COMMANDS} commands wait for their answers"));
                drop(frame);
            }
            Output::Frame(frame) => {
                tracing::debug!(link = %self.session.id, kind = ?frame.header().kind, "only requests go up");
            }
            // Its publisher is asked, who may be on another link.
            Output::KeyframeWanted(track) => self.ask_for_keyframe(track),
            // The server itself shows nothing; its readers will ask.
            Output::KeyframeMissing(track) => self.ask_for_keyframe(track),
            Output::Archive { track, after, .. } => {
                let state = self.state.clone();
                archives.spawn(async move {
                    let page = state.chats.frames(track, after, PAGE).await;
                    let frames = page.unwrap_or_else(|error| {
                        tracing::error!(%track, %error, "history could not be read");
                        Vec::new()
                    });
                    (track, frames)
                });
            }
            // Looked at before each wait.
            Output::BulkTaken => {}
            // Exchanges are the client's to open; it sees the same.
            Output::Stalled(exchange) => tracing::debug!(link = %self.session.id, %exchange, "an answer is held up"),
            Output::Closed { reason } => {
                self.handle.close(CloseReason::Left);
                self.session.end(&format!("the client said: {reason}"));
            }
        }
    }

    fn ask_for_keyframe(&self, track: TrackId) {
        if let Some(live) = self.state.tracks.find(track)
            && self.state.tracks.keyframe_due(track, self.state.clock.elapsed())
        {
            self.state.delivery.send_device(&live.owner, &Event::KeyframeWanted { track: track.0 });
        }
    }

    fn work(&self, at_work: &mut JoinSet<Response>, frame: &Frame) {
        let payload = frame.payload();
        match Request::parse(&payload) {
            Ok(request) => {
                // A link is sealed, or inside TLS: it cannot be opened otherwise.
                let caller = Caller::of_link(&self.handle, true, self.address);
                let router = self.router.clone();
                at_work.spawn(async move { dispatch(&router, caller, request).await });
            }
            Err(error) => {
                let id = Envelope::peek(&payload).id;
                self.answer(&Response::refused(id, &error));
            }
        }
    }

    fn work_bulk(&self, at_work: &mut JoinSet<Answer>, frame: &Frame) {
        let payload = frame.payload();
        let parsed = Bulk::<Request>::parse(&payload).and_then(|bulk| bulk.envelope.checked().map(|()| bulk));
        match parsed {
            Ok(bulk) => {
                let caller = Caller::of_link(&self.handle, true, self.address);
                let router = self.router.clone();
                at_work.spawn(async move { dispatch_bulk(&router, caller, bulk).await });
            }
            Err(error) => self.session.end(&error.to_string()),
        }
    }

    fn answer_bulk(&self, answer: &Answer) {
        let bulk = match answer {
            Answer::Plain(response) => return self.answer(response),
            Answer::Bulk(bulk) => bulk,
        };
        let sent = match bulk.encode() {
            Ok(payload) => self.session.with_link(|link, now| link.send_bulk(&payload, now)),
            Err(error) => {
                tracing::error!(%error, "an answer is too long for a link");
                return self.answer(&Response::refused(bulk.envelope.id, &error));
            }
        };
        // There was room before the command was worked on, and nobody else fills it.
        match sent {
            Ok(true) => {}
            Ok(false) => self.session.end("there is no room for an answer"),
            Err(error) => self.session.end(&error.to_string()),
        }
    }

    fn answer(&self, response: &Response) {
        match response.encode() {
            Ok(payload) => self.send(Kind::Response, &payload),
            Err(error) => {
                tracing::error!(%error, "an answer is too long for a link");
                if let Ok(payload) = Response::refused(response.id, &error).encode() {
                    self.send(Kind::Response, &payload);
                }
            }
        }
    }

    fn tell(&self, event: &Event) {
        match event.encode() {
            Ok(payload) => self.send(Kind::Event, &payload),
            Err(error) => tracing::error!(%error, "an event is too long for a link"),
        }
    }

    fn send(&self, kind: Kind, payload: &[u8]) {
        if let Err(error) = self.session.with_link(|link, now| link.send_control(kind, payload, now)) {
            self.session.end(&error.to_string());
        }
    }

    fn class(&self, track: TrackId) -> Class {
        if track == TrackId::PRESENCE || chat_of(track).is_some() {
            return Class::Message;
        }
        match self.state.tracks.find(track).map(|live| live.content) {
            Some(Content::Audio) => Class::Audio,
            Some(Content::Video) | None => Class::Video,
        }
    }

    fn obey(&self, command: LinkCommand) {
        match command {
            LinkCommand::Read { track, after } => {
                let start = after.map_or(Start::Oldest, Start::After);
                let class = self.class(track.id());
                self.session.with_link(|link, now| {
                    link.stop_track(track.id());
                    link.send_track(&track, start, class, now);
                });
            }
            LinkCommand::Stop { track } => self.session.with_link(|link, _| link.stop_track(track)),
            LinkCommand::Write { track } => self.session.allow(track),
            LinkCommand::Unwrite { track } => self.session.forbid(track),
        }
    }
}
