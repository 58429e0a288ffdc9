//! Where the main window sits: free, at an edge of its monitor, or as a strip; and what a desktop must be told of that.

#[cfg(target_os = "linux")]
mod x11;

use winit::{
    dpi::{PhysicalPosition, PhysicalSize},
    event_loop::ActiveEventLoop,
    monitor::MonitorHandle,
    window::{Window, WindowAttributes, WindowLevel},
};

use crate::{
    home::{Dock, Place, Preferences},
    ui::theme::size,
};

/// The name under which a monitor is remembered.
fn name(monitor: &MonitorHandle) -> String {
    monitor.name().unwrap_or_else(|| "monitor".to_owned())
}

/// The monitor that the window was on last, if it is still there.
pub fn monitor(events: &ActiveEventLoop, preferences: &Preferences) -> Option<MonitorHandle> {
    let known = events.available_monitors().find(|monitor| Some(name(monitor)) == preferences.monitor);
    known.or_else(|| events.primary_monitor()).or_else(|| events.available_monitors().next())
}

/// A window at the place that is preferred.
pub fn attributes(monitor: Option<&MonitorHandle>, preferences: &Preferences) -> WindowAttributes {
    let attributes = Window::default_attributes();
    let Some(monitor) = monitor else {
        return attributes.with_inner_size(winit::dpi::LogicalSize::new(size::DOCKED_USUAL, 720.0));
    };
    let place = place(preferences, &name(monitor), area(monitor), monitor.scale_factor());
    let attributes = attributes
        .with_position(PhysicalPosition::new(place.x, place.y))
        .with_inner_size(PhysicalSize::new(place.width, place.height));
    match preferences.dock {
        Dock::Free => {
            let factor = preferences.text_size.factor();
            let least = winit::dpi::LogicalSize::new(*size::DOCKED.start() * factor, 420.0 * factor);
            attributes.with_min_inner_size(least)
        }
        Dock::Left | Dock::Right | Dock::Strip => as_dock(attributes),
    }
}

pub fn level(preferences: &Preferences) -> WindowLevel {
    match preferences.dock {
        Dock::Free if !preferences.always_on_top => WindowLevel::Normal,
        _ => WindowLevel::AlwaysOnTop,
    }
}

/// Tells the desktop that other windows should leave the docked one its space.
pub fn reserve(window: &Window, monitor: Option<&MonitorHandle>, preferences: &Preferences) {
    let Some(monitor) = monitor.filter(|_| preferences.dock != Dock::Free) else { return };
    let area = area(monitor);
    let place = place(preferences, &name(monitor), area, monitor.scale_factor());
    reserve_edge(window, place, preferences.dock == Dock::Left);
}

#[cfg(target_os = "linux")]
pub use x11::take_keyboard;
#[cfg(target_os = "linux")]
use x11::{as_dock, reserve_edge};

/// Elsewhere a docked window is a window like others, which gets the keyboard when it is clicked.
#[cfg(not(target_os = "linux"))]
pub fn take_keyboard(_: &Window) {}

/// Elsewhere a docked window is one that stays on top.
#[cfg(not(target_os = "linux"))]
fn as_dock(attributes: WindowAttributes) -> WindowAttributes {
    attributes
}

#[cfg(not(target_os = "linux"))]
fn reserve_edge(_: &Window, _: Place, _: bool) {}

/// Remembers where the free window is.
pub fn remember(window: &Window, preferences: &mut Preferences) {
    let Some(monitor) = window.current_monitor() else { return };
    preferences.monitor = Some(name(&monitor));
    if preferences.dock != Dock::Free {
        return;
    }
    if let Ok(position) = window.outer_position() {
        let size = window.inner_size();
        let place = Place { x: position.x, y: position.y, width: size.width, height: size.height };
        preferences.places.insert(name(&monitor), place);
    }
}

/// Where the free window was last.
pub fn remembered(preferences: &Preferences) -> Option<Place> {
    preferences.places.get(preferences.monitor.as_ref()?).copied()
}

fn area(monitor: &MonitorHandle) -> Place {
    let (position, size) = (monitor.position(), monitor.size());
    Place { x: position.x, y: position.y, width: size.width, height: size.height }
}

/// Where the window goes on a monitor that has this area.
fn place(preferences: &Preferences, monitor: &str, area: Place, scale: f64) -> Place {
    let scale = scale * f64::from(preferences.text_size.factor());
    let pixels = |points: f32| (f64::from(points) * scale).round() as u32;
    let docked = |points: f32, left: bool| {
        let width = pixels(points).min(area.width);
        let x = if left { area.x } else { area.x + (area.width - width) as i32 };
        Place { x, y: area.y, width, height: area.height }
    };
    match preferences.dock {
        Dock::Left => docked(size::DOCKED_USUAL, true),
        Dock::Right => docked(size::DOCKED_USUAL, false),
        Dock::Strip => docked(size::STRIP, false),
        Dock::Free => match preferences.places.get(monitor) {
            Some(known) => within(*known, area),
            None => {
                let (width, height) = (pixels(size::DOCKED_USUAL).min(area.width), pixels(720.0).min(area.height));
                let x = area.x + (area.width - width) as i32 - pixels(24.0).min(area.width - width) as i32;
                Place { x, y: area.y + (area.height - height) as i32 / 2, width, height }
            }
        },
    }
}

/// A place that was remembered, moved so that it can be seen and taken hold of.
fn within(place: Place, area: Place) -> Place {
    let (width, height) = (place.width.min(area.width).max(1), place.height.min(area.height).max(1));
    let x = place.x.clamp(area.x, area.x + (area.width - width) as i32);
    let y = place.y.clamp(area.y, area.y + (area.height - height) as i32);
    Place { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Place = Place { x: 1000, y: 0, width: 1920, height: 1080 };

    fn docked(dock: Dock, scale: f64) -> Place {
        place(&Preferences { dock, ..Preferences::default() }, "m", AREA, scale)
    }

    #[test]
    fn docked_windows_stand_at_the_edges_of_their_monitor() {
        assert_eq!(docked(Dock::Left, 1.0), Place { x: 1000, y: 0, width: 360, height: 1080 });
        assert_eq!(docked(Dock::Right, 2.0), Place { x: 1000 + 1920 - 720, y: 0, width: 720, height: 1080 });
        assert_eq!(docked(Dock::Strip, 1.0), Place { x: 1000 + 1920 - 68, y: 0, width: 68, height: 1080 });
    }

    #[test]
    fn a_free_window_comes_back_where_it_was_and_never_out_of_sight() {
        let mut preferences = Preferences::default();
        let first = place(&preferences, "m", AREA, 1.0);
        assert_eq!((first.width, first.height), (360, 720));
        let was = Place { x: 1200, y: 50, width: 400, height: 700 };
        preferences.places.insert("m".into(), was);
        assert_eq!(place(&preferences, "m", AREA, 1.0), was);
        preferences.places.insert("m".into(), Place { x: -9000, y: 4000, width: 400, height: 5000 });
        assert_eq!(place(&preferences, "m", AREA, 1.0), Place { x: 1000, y: 0, width: 400, height: 1080 });
    }
}
