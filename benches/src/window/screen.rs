//! A screen without a monitor (Xvfb), and one window on it: when it is drawn, and what its pixels are.

use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

use crate::failure::BenchError;
use crate::processes::Child;

/// A screen of 1280 × 800.
pub struct Screen {
    connection: RustConnection,
    root: Window,
    display: String,
}

/// A window that was seen, and what tells when it changes.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    window: Window,
    damage: u32,
    pub width: u16,
    pub height: u16,
}

impl Screen {
    /// Gives the process as well, with which it ends.
    pub fn start() -> Result<(Self, Child), BenchError> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]);
        let mut server = Child::start("Xvfb (Debian package xvfb)", command, false)?;
        let display = format!(":{}", server.line(SOON)?.trim());
        let (connection, screen) = x11rb::connect(Some(&display)).map_err(unseen)?;
        let root = connection.setup().roots.get(screen).map(|screen| screen.root);
        let root = root.ok_or_else(|| unseen("Xvfb has no screen"))?;
        connection.damage_query_version(1, 1).map_err(unseen)?.reply().map_err(unseen)?;
        let look = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        connection.change_window_attributes(root, &look).map_err(unseen)?.check().map_err(unseen)?;
        Ok((Self { connection, root, display }, server))
    }

    /// How its programs find it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Waits for the first window, and until something is drawn in it. Gives when that was.
    pub fn wait_drawn(&self) -> Result<(Seen, Instant), BenchError> {
        let deadline = Instant::now() + SOON;
        let mut seen = self.largest(None)?;
        while let Some(event) = self.next(deadline)? {
            match (event, seen) {
                (Event::MapNotify(_) | Event::ConfigureNotify(_), _) => seen = self.largest(seen)?,
                (Event::DamageNotify(_), Some(window)) => {
                    self.accept(window)?;
                    if has_content(&self.pixels(window, 0, window.height)?) {
                        return Ok((window, Instant::now()));
                    }
                }
                _ => {}
            }
        }
        Err(unseen("no window was drawn on it in time"))
    }

    /// The largest window that is shown, watched from now on.
    fn largest(&self, known: Option<Seen>) -> Result<Option<Seen>, BenchError> {
        let tree = self.connection.query_tree(self.root).map_err(unseen)?.reply().map_err(unseen)?;
        let mut largest: Option<(Window, u16, u16)> = None;
        for window in tree.children {
            let attributes = self.connection.get_window_attributes(window).map_err(unseen)?.reply();
            let size = self.connection.get_geometry(window).map_err(unseen)?.reply();
            // A window may be gone by now.
            let (Ok(attributes), Ok(size)) = (attributes, size) else { continue };
            let larger = largest.is_none_or(|(_, width, _)| size.width > width);
            if attributes.map_state == MapState::VIEWABLE && size.width >= LEAST_WIDTH && larger {
                largest = Some((window, size.width, size.height));
            }
        }
        let Some((window, width, height)) = largest else { return Ok(None) };
        if let Some(known) = known.filter(|known| known.window == window) {
            return Ok(Some(Seen { width, height, ..known }));
        }
        let damage = self.connection.generate_id().map_err(unseen)?;
        let watching = self.connection.damage_create(damage, window, ReportLevel::NON_EMPTY).map_err(unseen)?;
        watching.check().map_err(unseen)?;
        Ok(Some(Seen { window, damage, width, height }))
    }

    /// Waits until the window has changed; false when it has not until `deadline`.
    pub fn wait_changed(&self, seen: Seen, deadline: Instant) -> Result<bool, BenchError> {
        while let Some(event) = self.next(deadline)? {
            if matches!(event, Event::DamageNotify(notify) if notify.damage == seen.damage) {
                self.accept(seen)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// From now on another change is told of.
    fn accept(&self, seen: Seen) -> Result<(), BenchError> {
        self.connection.damage_subtract(seen.damage, x11rb::NONE, x11rb::NONE).map_err(unseen)?;
        Ok(())
    }

    /// Rows of the window: four bytes for each pixel, blue first.
    pub fn pixels(&self, seen: Seen, from: u16, rows: u16) -> Result<Vec<u8>, BenchError> {
        let rows = rows.min(seen.height.saturating_sub(from));
        let image =
            self.connection.get_image(ImageFormat::Z_PIXMAP, seen.window, 0, from as i16, seen.width, rows, u32::MAX);
        let image = image.map_err(unseen)?.reply().map_err(unseen)?;
        match image.data.len() == 4 * usize::from(seen.width) * usize::from(rows) {
            true => Ok(image.data),
            false => Err(unseen("its pixels have not four bytes each")),
        }
    }

    fn next(&self, deadline: Instant) -> Result<Option<Event>, BenchError> {
        loop {
            if let Some(event) = self.connection.poll_for_event().map_err(unseen)? {
                return Ok(Some(event));
            }
            self.connection.flush().map_err(unseen)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let socket = self.connection.stream().as_fd().as_raw_fd();
            let mut polled = libc::pollfd { fd: socket, events: libc::POLLIN, revents: 0 };
            let span = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
            // SAFETY: the pointer is to one live pollfd.
            if unsafe { libc::poll(&mut polled, 1, span) } < 0 {
                let error = std::io::Error::last_os_error();
                if error.kind() != std::io::ErrorKind::Interrupted {
                    return Err(BenchError::Io { doing: "waiting for the screen".to_owned(), cause: error });
                }
            }
        }
    }
}

/// Whether there is more than a ground and a border.
fn has_content(pixels: &[u8]) -> bool {
    let mut colours = std::collections::HashSet::new();
    pixels.chunks_exact(4).any(|pixel| colours.insert([pixel[0], pixel[1], pixel[2]]) && colours.len() > COLOURS)
}

/// For `map_err`: what is wrong with the screen.
fn unseen(error: impl std::fmt::Display) -> BenchError {
    BenchError::Refused(format!("the screen: {error}"))
}

/// Letters have edges of many shades.
const COLOURS: usize = 24;
const LEAST_WIDTH: u16 = 100;
const SOON: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_window_is_not_a_drawn_one() {
        let empty = [[10, 20, 30, 0].repeat(500), [90, 90, 90, 0].repeat(20)].concat();
        assert!(!has_content(&empty));
        let letters: Vec<u8> = (0..200u8).flat_map(|shade| [shade, shade, shade, 0]).collect();
        assert!(has_content(&letters));
    }
}
