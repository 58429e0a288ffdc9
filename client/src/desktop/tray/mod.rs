//! The tray: a small icon on the desktop's panel that stays when the window is closed, where the desktop has a place for it.

#[cfg(target_os = "linux")]
mod icon;
#[cfg(target_os = "linux")]
mod menu;
#[cfg(target_os = "linux")]
mod status_notifier;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

/// What the icon and its menu show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Face {
    /// What the program is called.
    pub title: String,
    /// What is said when the pointer is over the icon.
    pub line: String,
    /// Whether something is unread: the icon has a badge then.
    pub unread: bool,
    pub do_not_disturb: bool,
    /// Words of the menu.
    pub show: String,
    pub disturb: String,
    pub quit: String,
}

/// What a person wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Show,
    DoNotDisturb(bool),
    Quit,
}

/// The icon. Dropping it takes it away.
#[derive(Debug)]
pub struct Tray {
    faces: Option<mpsc::Sender<Face>>,
    there: Arc<AtomicBool>,
    shown: Face,
}

impl Tray {
    /// Starts on a thread of its own; `wanted` is called from any thread. Where there is no place for it, nothing is shown.
    pub fn start(wanted: impl Fn(Wanted) + Send + Sync + 'static) -> Self {
        let (faces, shown) = mpsc::channel();
        let there = Arc::new(AtomicBool::new(false));
        let runs = run(shown, there.clone(), wanted);
        Self { faces: runs.then_some(faces), there, shown: Face::default() }
    }

    /// Whether it is seen now: a window that is closed can be found again.
    pub fn is_there(&self) -> bool {
        self.there.load(Ordering::Acquire)
    }

    pub fn show(&mut self, face: Face) {
        if face == self.shown {
            return;
        }
        self.shown.clone_from(&face);
        // Its thread has ended where there is no bus.
        if self.faces.as_ref().is_some_and(|faces| faces.send(face).is_err()) {
            self.faces = None;
        }
    }
}

/// Says whether it runs.
#[cfg(target_os = "linux")]
fn run(shown: mpsc::Receiver<Face>, there: Arc<AtomicBool>, wanted: impl Fn(Wanted) + Send + Sync + 'static) -> bool {
    let serve = move || {
        if let Err(error) = status_notifier::serve(&shown, &there, wanted) {
            tracing::info!(%error, "there is no tray");
        }
        there.store(false, Ordering::Release);
    };
    match std::thread::Builder::new().name("tray".to_owned()).spawn(serve) {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(%error, "a thread for the tray cannot be started");
            false
        }
    }
}

/// Nobody has written it down for this system yet: closing the window ends the program there.
#[cfg(not(target_os = "linux"))]
fn run(_: mpsc::Receiver<Face>, _: Arc<AtomicBool>, _: impl Fn(Wanted) + Send + Sync + 'static) -> bool {
    false
}
