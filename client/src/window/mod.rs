//! The native windows: an event loop that draws the screens of `ui` and does what they ask for.

mod desk;
mod dock;
mod edge;
mod files;
mod filing;
mod frame;
mod opening;
mod picture;
mod surface;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use thiserror::Error;
use winit::{event_loop::EventLoop, window::WindowId};

use crate::{
    app::{App, AppError, AppOptions},
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
pub fn run(options: AppOptions) -> Result<(), WindowError> {
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
    let app = App::start(options, wake)?;
    app.sound().choose(preferences.sound.clone());
    let mut desk = Desk::new(app, woken, proxy, Fonts::find(), preferences, path, complaint);
    events.run_app(&mut desk)?;
    desk.end()
}
