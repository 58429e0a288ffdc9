//! The native windows: an event loop that draws the screens of `ui` and does what they ask for.
//!
//! # How a window learns what to show
//!
//! The engine has one sight-line: whoever shows it reads `&State` and gives `Command`s. The window looks along it:
//!
//! ```text
//! window ── draws ──▶ ui ── reads ──▶ app::View (State, how far signing in is)
//!   ▲                  │                 ▲
//!   │ wakes            └─ Action ─▶ app ─┴─ Command ─▶ engine (own thread, tokio)
//!   └──────────────────────────────────────────────────┘ something new to show
//! ```
//!
//! Still pictures of chats are a store of their own beside the view (`app/stills.rs`, bounded in bytes): a screen
//! that misses one says so, the application has the engine fetch it, decodes it aside and wakes the loop. Dialogs and
//! the clipboard are asked on threads of their own (`window/files.rs`), and answer through the event loop.
//!
//! The engine wakes the event loop through one flag, however much has happened; the loop draws a window only when its
//! view differs from the last. Pictures of a call are left in a slot by the pipelines' threads; the window brings the
//! three planes to the GPU as they are, and a shader makes colours of them where they are seen, below what egui
//! draws. `pixels` keeps the surface; its own buffer of pixels is not used.

mod call_pictures;
mod desk;
mod dock;
mod edge;
mod files;
mod filing;
mod frame;
mod linking;
mod notifying;
mod opening;
mod picture;
mod preferring;
mod surface;
mod traying;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use thiserror::Error;
use winit::{event_loop::EventLoop, window::WindowId};

use crate::{
    app::{App, AppError, AppOptions},
    desktop::{About, Deed, First, Given, InstanceError, Wanted, follow_appearance, left_report, report_panics},
    home::{Preferences, PreferencesError},
    ui::Fonts,
};
use desk::Desk;

#[derive(Debug, Error)]
pub enum WindowError {
    #[error("there is no desktop to open a window on: {0}. Without one, give --headless")]
    NoDesktop(#[from] winit::error::EventLoopError),
    #[error("a window cannot be opened: {0}")]
    Window(#[from] winit::error::OsError),
    #[error(
        "the window cannot be drawn: {0}. A Vulkan, Metal or Direct3D driver is needed (Debian: mesa-vulkan-drivers)"
    )]
    Surface(#[from] surface::SurfaceError),
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Preferences(#[from] PreferencesError),
}

/// What wakes the event loop from outside.
#[derive(Debug)]
pub(crate) enum Wake {
    /// The application has something new to show.
    News,
    /// A window is to be drawn again, at this time.
    Repaint(WindowId, std::time::Instant),
    /// The desktop is dark, or it is not.
    Appearance(bool),
    /// The program was started once more.
    Started(Given),
    /// A person did something with a notification.
    Notified(About, Deed),
    /// A person did something with the tray.
    Tray(Wanted),
    /// Something came of a dialog or of the clipboard.
    Chosen(files::Chosen),
    /// A screen reader asks for something.
    Accessibility(egui_winit::accesskit_winit::Event),
}

impl From<egui_winit::accesskit_winit::Event> for Wake {
    fn from(event: egui_winit::accesskit_winit::Event) -> Self {
        Self::Accessibility(event)
    }
}

/// Opens the window and runs until it is closed for good. Must be called from the process's first thread.
pub fn run(mut options: AppOptions, first: First) -> Result<(), WindowError> {
    let events = EventLoop::<Wake>::with_user_event().build()?;
    let proxy = events.create_proxy();
    let path = Preferences::file(&options.home);
    let (preferences, complaint) = match Preferences::read(&path) {
        Ok(preferences) => (preferences, None),
        Err(error @ PreferencesError::Malformed { .. }) => (Preferences::default(), Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    // However much there is to tell, the loop is woken once.
    let woken = Arc::new(AtomicBool::new(false));
    let (flag, waker) = (woken.clone(), proxy.clone());
    let wake = Arc::new(move || {
        if !flag.swap(true, Ordering::AcqRel) && waker.send_event(Wake::News).is_err() {
            tracing::debug!("something happened after the window's end");
        }
    });
    let report = left_report(&options.home);
    report_panics(&options.home);
    let link = options.link.take();
    let app = App::start(options, wake)?;
    app.devices().choose(preferences.devices.clone());
    let looker = proxy.clone();
    follow_appearance(move |dark| {
        if looker.send_event(Wake::Appearance(dark)).is_err() {
            tracing::debug!("the desktop's appearance changed after the window's end");
        }
    });
    let starter = proxy.clone();
    first.listen(move |given| {
        if starter.send_event(Wake::Started(given)).is_err() {
            tracing::debug!("the program was started once more after the window's end");
        }
    })?;
    let mut desk = Desk::new(app, woken, proxy, Fonts::find(), preferences, path, complaint);
    report.into_iter().for_each(|report| desk.tell_of_crash(&report));
    link.into_iter().for_each(|link| desk.follow_later(link));
    events.run_app(&mut desk)?;
    desk.end()
}
