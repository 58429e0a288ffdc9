//! The icon as pixels: what `assets/komado.svg` shows, with a badge when something is unread.

use crate::ui::theme::LIGHT;

/// Width and height in pixels.
pub const SIZE: i32 = 32;

/// Rows of pixels: alpha, red, green, blue, as the tray wants them.
pub fn pixels(badge: bool) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((SIZE * SIZE * 4) as usize);
    for y in 0..SIZE {
        for x in 0..SIZE {
            pixels.extend(average(x, y, badge));
        }
    }
    pixels
}

/// The mean of sixteen places in a pixel, so that curves look smooth.
fn average(x: i32, y: i32, badge: bool) -> [u8; 4] {
    let (mut alpha, mut sums) = (0, [0u32; 3]);
    for place in 0..16 {
        let (right, down) = ((place % 4) as f32 / 4.0 + 0.125, (place / 4) as f32 / 4.0 + 0.125);
        if let Some(colour) = colour(x as f32 + right, y as f32 + down, badge) {
            alpha += 1;
            sums.iter_mut().zip([colour.r(), colour.g(), colour.b()]).for_each(|(sum, part)| *sum += u32::from(part));
        }
    }
    let part = |sum: u32| (sum / alpha.max(1)) as u8;
    [(alpha * 255 / 16) as u8, part(sums[0]), part(sums[1]), part(sums[2])]
}

fn colour(x: f32, y: f32, badge: bool) -> Option<egui::Color32> {
    let from_badge = ((x - 24.0).powi(2) + (y - 8.0).powi(2)).sqrt();
    match badge {
        true if from_badge < 7.0 => return Some(LIGHT.bad),
        // A gap between the badge and the sign.
        true if from_badge < 9.0 => return None,
        _ => {}
    }
    let inside = |centre: f32, half: f32, radius: f32| {
        let beyond = |at: f32| ((at - centre).abs() - (half - radius)).max(0.0);
        beyond(x).hypot(beyond(y)) <= radius
    };
    match () {
        () if inside(20.0, 4.0, 2.0) => Some(LIGHT.accent),
        () if inside(16.0, 11.5, 5.0) => Some(LIGHT.ground),
        () if inside(16.0, 14.5, 8.0) => Some(LIGHT.accent),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_covers_a_corner_and_leaves_the_rest() {
        let (plain, badged) = (pixels(false), pixels(true));
        let at = |pixels: &[u8], x: usize, y: usize| {
            let start = 4 * (y * SIZE as usize + x);
            [pixels[start], pixels[start + 1], pixels[start + 2], pixels[start + 3]]
        };
        let opaque = |colour: egui::Color32| [255, colour.r(), colour.g(), colour.b()];
        assert_eq!((plain.len(), at(&plain, 0, 0)[0]), ((SIZE * SIZE * 4) as usize, 0), "corners are round");
        assert_eq!((at(&plain, 20, 20), at(&plain, 12, 12)), (opaque(LIGHT.accent), opaque(LIGHT.ground)));
        assert_eq!((at(&badged, 24, 8), at(&badged, 12, 12)), (opaque(LIGHT.bad), opaque(LIGHT.ground)));
        assert_ne!(at(&plain, 24, 8), opaque(LIGHT.bad));
    }
}
