//! Edges of a window without a border, by which it is resized.

use winit::{
    dpi::{PhysicalPosition, PhysicalSize},
    window::{CursorIcon, ResizeDirection},
};

/// The edge or corner at a place in a window; `reach` is how near it counts, in physical pixels.
pub fn at(place: PhysicalPosition<f64>, size: PhysicalSize<u32>, reach: f64) -> Option<ResizeDirection> {
    let (right, bottom) = (f64::from(size.width) - reach, f64::from(size.height) - reach);
    let (west, east, north, south) = (place.x < reach, place.x >= right, place.y < reach, place.y >= bottom);
    Some(match (north, south, west, east) {
        (true, _, true, _) => ResizeDirection::NorthWest,
        (true, _, _, true) => ResizeDirection::NorthEast,
        (_, true, true, _) => ResizeDirection::SouthWest,
        (_, true, _, true) => ResizeDirection::SouthEast,
        (true, ..) => ResizeDirection::North,
        (_, true, ..) => ResizeDirection::South,
        (_, _, true, _) => ResizeDirection::West,
        (_, _, _, true) => ResizeDirection::East,
        _ => return None,
    })
}

/// The pointer over an edge.
pub fn cursor(edge: ResizeDirection) -> CursorIcon {
    CursorIcon::from(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_corners_are_told_apart() {
        let edge = |x, y| at(PhysicalPosition::new(x, y), PhysicalSize::new(100, 50), 5.0);
        assert_eq!(edge(50.0, 25.0), None);
        assert_eq!((edge(4.9, 25.0), edge(5.0, 25.0)), (Some(ResizeDirection::West), None));
        assert_eq!((edge(95.0, 25.0), edge(94.9, 25.0)), (Some(ResizeDirection::East), None));
        assert_eq!(
            (edge(0.0, 0.0), edge(99.0, 49.0)),
            (Some(ResizeDirection::NorthWest), Some(ResizeDirection::SouthEast))
        );
        assert_eq!((edge(50.0, 0.0), edge(50.0, 49.0)), (Some(ResizeDirection::North), Some(ResizeDirection::South)));
    }
}
