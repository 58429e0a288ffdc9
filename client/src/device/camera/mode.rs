//! Which of a camera's modes serves a call best.

use nokhwa::utils::{CameraFormat, FrameFormat, Resolution};

use super::super::CameraFormat as Wanted;

/// What can be made a picture of, the cheapest first.
const LAYOUTS: [FrameFormat; 4] = [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::RAWRGB];

/// The mode that comes nearest to what is wanted: as many pictures a second, then the size, then the cheapest layout.
/// `None` if no mode can be used.
pub(super) fn choose(modes: &[CameraFormat], wanted: Wanted) -> Option<CameraFormat> {
    let usable = modes.iter().filter(|mode| layout(mode.format()).is_some() && mode.frame_rate() > 0);
    usable
        .min_by_key(|mode| (slowness(mode, wanted), misfit(mode.resolution(), wanted), layout(mode.format())))
        .copied()
}

fn layout(format: FrameFormat) -> Option<usize> {
    LAYOUTS.iter().position(|known| *known == format)
}

/// Pictures a second that are missing, in steps that people see: 25 are as good as 30.
fn slowness(mode: &CameraFormat, wanted: Wanted) -> u32 {
    let missing = (wanted.frame_rate - mode.frame_rate() as f32).max(0.0);
    (missing / 6.0) as u32
}

/// How far a size is from the one that is wanted, in pixels that are missing, cut off or thrown away. What is too small
/// costs more than what is too large, and another shape costs what is lost of it.
fn misfit(size: Resolution, wanted: Wanted) -> u64 {
    let (width, height) = (u64::from(size.width().max(1)), u64::from(size.height().max(1)));
    let (wanted_width, wanted_height) = (u64::from(wanted.width), u64::from(wanted.height));
    let missing =
        wanted_width.saturating_sub(width) * wanted_height + wanted_height.saturating_sub(height) * wanted_width;
    let surplus = (width * height).saturating_sub(wanted_width * wanted_height);
    let shape = (width * wanted_height).abs_diff(height * wanted_width) * wanted_height / height;
    4 * missing + surplus / 4 + shape
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { width: 1280, height: 720, frame_rate: 30.0 };

    fn mode(width: u32, height: u32, format: FrameFormat, rate: u32) -> CameraFormat {
        CameraFormat::new(Resolution::new(width, height), format, rate)
    }

    fn chosen(modes: &[CameraFormat]) -> (u32, u32, FrameFormat, u32) {
        let mode = choose(modes, WANTED).unwrap();
        (mode.width(), mode.height(), mode.format(), mode.frame_rate())
    }

    #[test]
    fn an_everyday_webcam_gives_720_lines_at_full_rate() {
        use FrameFormat::{MJPEG, YUYV};
        // USB 2 has no room for more than 10 raw pictures of 720 lines a second.
        let webcam = [
            mode(640, 480, YUYV, 30),
            mode(1280, 720, YUYV, 10),
            mode(1920, 1080, YUYV, 5),
            mode(640, 480, MJPEG, 30),
            mode(1280, 720, MJPEG, 30),
            mode(1920, 1080, MJPEG, 30),
        ];
        assert_eq!(chosen(&webcam), (1280, 720, MJPEG, 30));
        assert_eq!(chosen(&webcam[..3]), (640, 480, YUYV, 30), "a small picture that moves");
    }

    #[test]
    fn the_cheapest_layout_of_the_right_size_and_the_shape_of_the_call_are_taken() {
        use FrameFormat::{GRAY, MJPEG, NV12, YUYV};
        let modes = [mode(1280, 720, MJPEG, 30), mode(1280, 720, YUYV, 30), mode(1280, 720, NV12, 25)];
        assert_eq!(chosen(&modes), (1280, 720, NV12, 25));
        let shapes = [mode(1280, 960, YUYV, 30), mode(1280, 800, YUYV, 30), mode(1024, 576, YUYV, 30)];
        assert_eq!(chosen(&shapes), (1280, 800, YUYV, 30));
        let large = [mode(1920, 1080, YUYV, 30), mode(3840, 2160, YUYV, 30), mode(320, 180, YUYV, 30)];
        assert_eq!(chosen(&large), (1920, 1080, YUYV, 30));
        assert_eq!(choose(&[mode(1280, 720, GRAY, 30), mode(1280, 720, YUYV, 0)], WANTED), None);
        assert_eq!(choose(&[], WANTED), None);
    }
}
