//! The headless client's run: from arguments to an engine, from its events to JSON lines.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
    time::Duration,
};

use relay::{
    seal::ServerProof,
    vocabulary::{ChatKind, InvitationLink},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{account_input, arguments::Arguments, failure::HeadlessError, input, people, sources::devices};
use crate::{
    engine::{Command, ConnectOptions, Credentials, Deed, Engine, Event, InChat, Proof},
    home::{self, Configuration, KnownServers},
    http::{Http, ProxyRules, ServerAddress},
    link,
};

/// Runs until it is told to end. The error says what a person must do.
pub async fn run(mut arguments: Arguments) -> Result<(), HeadlessError> {
    if let Ok(home) = home(&arguments) {
        Configuration::read(&home.join("config.toml"))?.complete(&mut arguments);
    }
    let invitation = arguments.invitation.as_deref().map(str::parse::<InvitationLink>).transpose()?;
    if let Some(invitation) = &invitation {
        arguments.server = Some(invitation.url());
        arguments.fingerprint = Some(invitation.fingerprint.to_string());
    }
    let options = connect_options(&arguments).await?;
    let credentials = credentials(&arguments, invitation)?;
    let setup = devices(&arguments)?;
    let (engine, events) = Engine::start(options, setup);
    if let Some(seconds) = arguments.away_after {
        engine.give(Command::AwayAfter { span: Some(Duration::from_secs_f64(seconds.max(0.0))) }).await?;
    }
    engine.give(Command::LogIn(credentials)).await?;
    let script = Script { ringing: None, said: 0, call_ends: None, failed: None, arguments };
    let result = script.play(&engine, events).await;
    engine.ended().await;
    result
}

/// What the arguments ask for, step by step.
struct Script {
    arguments: Arguments,
    ringing: Option<u64>,
    said: usize,
    call_ends: Option<Instant>,
    failed: Option<String>,
}

impl Script {
    async fn play(mut self, engine: &Engine, mut events: mpsc::Receiver<Event>) -> Result<(), HeadlessError> {
        let mut lines = lines();
        let end = self.arguments.quit_after.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)));
        let mut reading = true;
        loop {
            let call_ends = self.call_ends;
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { break };
                    write_event(&event)?;
                    self.follow(engine, &event).await?;
                }
                line = lines.recv(), if reading => match line {
                    None => reading = false,
                    Some(line) => match input::parse(&line, self.ringing) {
                        Ok(Some(command)) => engine.give(command).await?,
                        Ok(None) => {}
                        Err(error) => write_event(&Event::Warning { text: error.to_string() })?,
                    },
                },
                () = sleep_until(call_ends.unwrap_or_else(Instant::now)), if call_ends.is_some() => {
                    self.call_ends = None;
                    engine.give(Command::HangUp).await?;
                }
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {
                    engine.give(Command::Quit).await?;
                    while let Some(event) = events.recv().await {
                        write_event(&event)?;
                    }
                    break;
                }
            }
        }
        self.failed.map_or(Ok(()), |reason| Err(HeadlessError::Refused(reason)))
    }

    /// The server that an invitation named has proven to be the one: the next time it is known.
    fn remember_invitation(&mut self) -> Result<(), HeadlessError> {
        let Some(invitation) = self.arguments.invitation.take() else { return Ok(()) };
        let invitation: InvitationLink = invitation.parse()?;
        let (server, known) = (invitation.url().parse()?, KnownServers::in_folder(&home(&self.arguments)?));
        if known.find(&server)? != Some(invitation.fingerprint) {
            known.remember(&server, invitation.fingerprint)?;
        }
        Ok(())
    }

    async fn follow(&mut self, engine: &Engine, event: &Event) -> Result<(), HeadlessError> {
        match event {
            Event::LoggedIn { .. } => {
                self.remember_invitation()?;
                // What holds for the account is said once: another device may say something else later.
                let state = self.arguments.presence.take().as_deref().and_then(people::state);
                let status = self.arguments.status.take();
                if state.is_some() || status.is_some() {
                    engine.give(Command::SetPresence { state, status }).await?;
                }
                // A link that was opened anew logs in again: what was begun is not begun twice.
                if let Some(with) = self.arguments.with.clone().filter(|_| self.said == 0) {
                    engine.give(Command::OpenChat { with, text: None }).await?;
                }
            }
            Event::ChatRequested { chat } if self.arguments.accept_chats => {
                engine.give(Command::InChat { chat: chat.id, act: InChat::Accept }).await?;
            }
            Event::ChatOpened { chat } if self.said == 0 && chat.kind == ChatKind::Direct => {
                let with = self.arguments.with.as_deref();
                if !chat.members.iter().any(|member| Some(member.name.as_str()) == with) {
                    return Ok(());
                }
                self.said = 1;
                for text in self.arguments.say.clone() {
                    engine.give(Command::Say { chat: chat.id, text }).await?;
                }
                if self.arguments.call {
                    engine.give(Command::Call { chat: chat.id }).await?;
                }
            }
            Event::Stored { .. } => {
                self.said += 1;
                if self.arguments.quit_when_said && self.said > self.arguments.say.len() {
                    engine.give(Command::Quit).await?;
                }
            }
            Event::CallInvited { call } => {
                self.ringing = Some(call.id);
                if self.arguments.answer {
                    engine.give(Command::Accept { call: call.id }).await?;
                }
            }
            // Told again when the link was opened anew: the time has begun already.
            Event::CallAccepted { .. } if self.call_ends.is_none() => {
                let seconds = self.arguments.hang_up_after;
                self.call_ends = seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)));
            }
            Event::CallEnded { .. } | Event::CallCancelled { .. } | Event::CallAnsweredElsewhere { .. } => {
                self.ringing = None;
                self.call_ends = None;
                if self.arguments.quit_after_call {
                    engine.give(Command::Quit).await?;
                }
            }
            Event::CallDeclined { .. } | Event::CallBusy { .. } | Event::CallNoAnswer { .. }
                if self.arguments.quit_after_call =>
            {
                engine.give(Command::Quit).await?;
            }
            Event::ContactRequested { request } if self.arguments.accept_contacts => {
                // One's own requests are told of as well.
                let mine = self.arguments.user.as_deref().is_some_and(|me| request.from.name.eq_ignore_ascii_case(me));
                if !mine {
                    let name = request.from.name.clone();
                    engine.give(Command::Contact { name, deed: Deed::Accept }).await?;
                }
            }
            Event::Unreachable { reason, r#final: true } => {
                self.failed = Some(reason.clone());
                engine.give(Command::Quit).await?;
            }
            Event::Refused { command, problem }
                if ENTRANCES.contains(&command.as_str()) && problem.retry_after_ms.is_none() =>
            {
                self.failed = Some(problem.to_string());
                engine.give(Command::Quit).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// How the engine calls what must not be refused.
const ENTRANCES: [&str; 3] = ["log in", "join", "set a new password"];

fn write_event(event: &Event) -> Result<(), HeadlessError> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, event).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Lines of standard input. A terminal's read cannot be cancelled, so it has a thread of its own.
fn lines() -> mpsc::Receiver<String> {
    let (lines, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn connect_options(arguments: &Arguments) -> Result<ConnectOptions, HeadlessError> {
    let server: ServerAddress = arguments.server.as_deref().ok_or(HeadlessError::NoServer)?.parse()?;
    let proxy = match arguments.proxy.as_deref() {
        None => ProxyRules::Environment,
        Some("none" | "") => ProxyRules::Direct,
        Some(text) => ProxyRules::Fixed(text.parse()?),
    };
    let proof = proof(arguments, &server, &proxy).await?;
    Ok(ConnectOptions {
        server,
        proxy,
        proof,
        device: arguments.device.clone().unwrap_or_else(|| "headless".to_owned()),
    })
}

async fn proof(arguments: &Arguments, server: &ServerAddress, proxy: &ProxyRules) -> Result<Proof, HeadlessError> {
    if let Some(text) = &arguments.fingerprint {
        let fingerprint = text.parse().map_err(|_| HeadlessError::Fingerprint(text.clone()))?;
        return Ok(Proof::Fingerprint(fingerprint));
    }
    let known = KnownServers::in_folder(&home(arguments)?);
    if let Some(fingerprint) = known.find(server)? {
        return Ok(Proof::Fingerprint(fingerprint));
    }
    if server.is_secure() && !arguments.accept_new {
        return Ok(Proof::Authorities);
    }
    let http = Http::new(server.clone(), proxy.choose(server)?, ServerProof::Unproven)
        .map_err(|error| HeadlessError::Unreachable(error.to_string()))?;
    let fingerprint = link::fingerprint(&http).await.map_err(|error| HeadlessError::Unreachable(error.to_string()))?;
    if !arguments.accept_new {
        return Err(HeadlessError::Unknown { server: server.to_string(), fingerprint: fingerprint.to_string() });
    }
    known.remember(server, fingerprint)?;
    Ok(Proof::Fingerprint(fingerprint))
}

fn home(arguments: &Arguments) -> Result<PathBuf, HeadlessError> {
    home::folder(arguments.home.as_deref()).ok_or(HeadlessError::NoHome)
}

fn credentials(arguments: &Arguments, invitation: Option<InvitationLink>) -> Result<Credentials, HeadlessError> {
    let user = arguments.user.clone().ok_or(HeadlessError::NoUser)?;
    let password = match &arguments.password_file {
        Some(path) => account_input::password(path)?,
        None => std::env::var("KOMADO_PASSWORD").map_err(|_| HeadlessError::NoPassword)?,
    };
    Ok(match (invitation, arguments.reset_code.clone()) {
        (Some(invitation), _) => Credentials::Join { code: Some(invitation.code), user, password },
        (None, Some(code)) => Credentials::Reset { code, user, password },
        (None, None) if arguments.register => Credentials::Join { code: None, user, password },
        (None, None) => Credentials::Password { user, password },
    })
}
