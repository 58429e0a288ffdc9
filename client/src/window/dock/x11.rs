//! Docks on X11: their window type, and the space at an edge that other windows leave free (EWMH 1.5).

use std::error::Error;

use winit::{
    platform::x11::{WindowAttributesExtX11, WindowType},
    raw_window_handle::{HasWindowHandle, RawWindowHandle},
    window::{Window, WindowAttributes},
};
use x11rb::{
    connection::Connection,
    protocol::xproto::{AtomEnum, ConnectionExt as _, InputFocus, PropMode},
    wrapper::ConnectionExt as _,
};

use crate::home::Place;

/// On Wayland this changes nothing.
pub fn as_dock(attributes: WindowAttributes) -> WindowAttributes {
    attributes.with_x11_window_type(vec![WindowType::Dock])
}

/// Reserves the width of a docked window at the left or the right edge of the screen.
pub fn reserve_edge(window: &Window, place: Place, left: bool) {
    // On Wayland a program cannot reserve space by the usual protocols.
    let Some(id) = id(window) else { return };
    if let Err(error) = reserve(id, place, left) {
        tracing::warn!(%error, "no space could be reserved for the docked window");
    }
}

/// Gives a docked window the keyboard: desktops do not do that for docks, however they are clicked.
pub fn take_keyboard(window: &Window) {
    let Some(id) = id(window) else { return window.focus_window() };
    if let Err(error) = focus(id) {
        tracing::warn!(%error, "the docked window does not get the keyboard");
    }
}

fn focus(window: u32) -> Result<(), Box<dyn Error>> {
    let (connection, _) = x11rb::connect(None)?;
    connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?;
    connection.sync()?;
    Ok(())
}

/// The window's number; on Wayland it has none.
fn id(window: &Window) -> Option<u32> {
    match window.window_handle().map(|handle| handle.as_raw()) {
        Ok(RawWindowHandle::Xlib(handle)) => u32::try_from(handle.window).ok(),
        Ok(RawWindowHandle::Xcb(handle)) => Some(handle.window.get()),
        _ => None,
    }
}

fn reserve(window: u32, place: Place, left: bool) -> Result<(), Box<dyn Error>> {
    let (connection, screen) = x11rb::connect(None)?;
    let screen = connection.setup().roots.get(screen).ok_or("the display has no such screen")?;
    let strut = strut(place, u32::from(screen.width_in_pixels), left);
    let atom = |name: &[u8]| -> Result<u32, Box<dyn Error>> { Ok(connection.intern_atom(false, name)?.reply()?.atom) };
    let (partial, whole) = (atom(b"_NET_WM_STRUT_PARTIAL")?, atom(b"_NET_WM_STRUT")?);
    connection.change_property32(PropMode::REPLACE, window, partial, AtomEnum::CARDINAL, &strut)?;
    connection.change_property32(PropMode::REPLACE, window, whole, AtomEnum::CARDINAL, &strut[..4])?;
    connection.sync()?;
    Ok(())
}

/// left, right, top, bottom; then beginning and end of each, along its edge of the whole screen.
fn strut(place: Place, screen_width: u32, left: bool) -> [u32; 12] {
    let begin = place.y.max(0).unsigned_abs();
    let end = begin + place.height.saturating_sub(1);
    let mut strut = [0; 12];
    if left {
        strut[0] = place.x.max(0).unsigned_abs() + place.width;
        strut[4..6].copy_from_slice(&[begin, end]);
    } else {
        strut[1] = screen_width.saturating_sub(place.x.max(0).unsigned_abs());
        strut[6..8].copy_from_slice(&[begin, end]);
    }
    strut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_reserved_along_the_monitors_edge() {
        let place = Place { x: 0, y: 0, width: 360, height: 800 };
        assert_eq!(strut(place, 1280, true), [360, 0, 0, 0, 0, 799, 0, 0, 0, 0, 0, 0]);
        let place = Place { x: 920, y: 100, width: 360, height: 800 };
        assert_eq!(strut(place, 1280, false), [0, 360, 0, 0, 0, 0, 100, 899, 0, 0, 0, 0]);
    }
}
