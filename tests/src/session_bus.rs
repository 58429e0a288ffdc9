//! A session's D-Bus with a desktop's notification service on it, which keeps what it is asked to show.

use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use zbus::{blocking::Connection, zvariant::OwnedValue};

use crate::{failure::RigError, program::Program};

const SOON: Duration = Duration::from_secs(30);

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A bus of its own.
#[derive(Debug)]
pub struct SessionBus {
    address: String,
    _daemon: Program,
    _folder: TempDir,
}

impl SessionBus {
    pub fn start() -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-bus-").map_err(RigError::io("making a bus's folder"))?;
        let mut daemon = Command::new("dbus-daemon");
        let socket = format!("unix:path={}", folder.path().join("bus").display());
        daemon.args(["--session", "--nofork", "--nopidfile", "--print-address=1", "--address", &socket]);
        let daemon = Program::start("dbus-daemon", daemon)?;
        let address = daemon
            .wait_line("the bus's address", SOON, |line| line.starts_with("unix:").then(|| line.trim().to_owned()))?;
        Ok(Self { address, _daemon: daemon, _folder: folder })
    }

    /// What `DBUS_SESSION_BUS_ADDRESS` says to those who are to use it.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// A notification as the service was asked to show it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub number: u32,
    pub title: String,
    pub text: String,
    /// Keys and words, one after the other.
    pub actions: Vec<String>,
    pub urgency: u8,
}

#[derive(Default)]
struct Kept {
    /// What is seen now, and how many there have been.
    seen: Mutex<(Vec<Shown>, u32)>,
    changed: Condvar,
}

/// The service. It can offer actions, and takes texts as markup, as desktops do.
pub struct NotificationService {
    connection: Connection,
    kept: Arc<Kept>,
}

impl NotificationService {
    pub fn start(bus: &SessionBus) -> zbus::Result<Self> {
        let kept = Arc::new(Kept::default());
        let connection = zbus::blocking::connection::Builder::address(bus.address())?
            .serve_at(PATH, Interface(kept.clone()))?
            .name(SERVICE)?
            .build()?;
        Ok(Self { connection, kept })
    }

    /// Waits until a notification is seen for which something holds.
    pub fn wait(&self, what: &str, wanted: impl Fn(&Shown) -> bool) -> Result<Shown, RigError> {
        let mut found = None;
        self.until(what, |seen| {
            found = seen.iter().find(|shown| wanted(shown)).cloned();
            found.is_some()
        })?;
        found.ok_or_else(|| RigError::NotSeen { wanted: what.to_owned(), waited: SOON, seen: String::new() })
    }

    /// Waits until a notification is seen no more.
    pub fn wait_gone(&self, number: u32) -> Result<(), RigError> {
        self.until("the end of a notification", |seen| seen.iter().all(|shown| shown.number != number))
    }

    pub fn seen(&self) -> Vec<Shown> {
        self.kept.seen.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// A person chooses what is offered under this key.
    pub fn choose(&self, number: u32, key: &str) -> zbus::Result<()> {
        self.connection.emit_signal(None::<&str>, PATH, SERVICE, "ActionInvoked", &(number, key))
    }

    fn until(&self, what: &str, mut so: impl FnMut(&[Shown]) -> bool) -> Result<(), RigError> {
        let begin = Instant::now();
        let mut kept = self.kept.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while !so(&kept.0) {
            let Some(left) = SOON.checked_sub(begin.elapsed()) else {
                let seen = format!("{:#?}", kept.0);
                return Err(RigError::NotSeen { wanted: what.to_owned(), waited: SOON, seen });
            };
            kept = self.kept.changed.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

struct Interface(Arc<Kept>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Interface {
    fn get_capabilities(&self) -> Vec<&str> {
        vec!["actions", "body", "body-markup"]
    }

    #[allow(clippy::too_many_arguments)] // The specification's.
    fn notify(
        &self,
        _program: String,
        replaces: u32,
        _icon: String,
        title: String,
        text: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expires_ms: i32,
    ) -> u32 {
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok()).unwrap_or(1);
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.1 += 1;
        let number = if replaces == 0 { seen.1 } else { replaces };
        seen.0.retain(|shown| shown.number != number);
        seen.0.push(Shown { number, title, text, actions, urgency });
        self.0.changed.notify_all();
        number
    }

    fn close_notification(&self, number: u32) {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).0.retain(|shown| shown.number != number);
        self.0.changed.notify_all();
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("test", "komado", "1", "1.2")
    }
}
