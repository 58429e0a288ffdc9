//! How large a picture is sent: a path that carries little is better off with a smaller one that is not so coarse, and a
//! machine that has no time for the large one with a smaller one that comes in time.

/// Sides of what is sent, in eighths of the camera's.
const STEPS: [u32; 5] = [8, 6, 4, 3, 2];

/// Smaller than this no picture is made.
const SMALLEST: u32 = 160;

/// A picture coarser than this shows less than a smaller one does at the same bitrate. Measured on a 720p film, at 100 kb/s
/// to 1 Mb/s: of all sizes the one with a quantiser of 28 to 34 has the best SSIM, and up to 36 the next smaller one gains
/// less than 0.02, for which no size is given up.
const COARSE: f32 = 36.5;

/// A larger picture is worth its bits if it will be finer than this, where twice the pixels at the same bitrate are so much
/// coarser.
const WORTH: f32 = 36.0;
const COARSER: f32 = 6.0;

/// So coarse is the coarsest that there is, with pictures left out besides.
const COARSEST: f32 = 41.0;

/// The part of the pictures that must not have been left out.
const KEPT: f32 = 0.7;

/// The part of the time between two pictures that encoding one may take, and for a larger picture to be tried.
const BUSY: f32 = 0.8;
const IDLE: f32 = 0.5;

/// For how many seconds in a row too much is borne.
const BORNE: u32 = 3;

/// For how many seconds a larger one must have seemed possible, at first and at most: each trial that fails
/// doubles it.
const PATIENCE: (u32, u32) = (6, 120);

/// A trial has failed that lasted no longer than this, in seconds.
const TRIAL: u32 = 20;

/// Bits for a pixel with which a call begins: a 720p picture of 200 kb/s is made at half its sides.
const FIRST_BITS: f32 = 0.025;

/// How long the beginning may last, in seconds, in which a larger picture is made as soon as it is worth its bits.
const BEGINNING: u32 = 8;

/// How one second of encoding went.
#[derive(Debug, Clone, Copy)]
pub struct Second {
    /// The mean quantisation parameter.
    pub quantiser: f32,
    /// The part of the pictures that was not left out for want of bits.
    pub kept: f32,
    /// The part of the time between two pictures that encoding one took.
    pub busy: f32,
    /// Whether there are fewer bits than are wanted for the picture.
    pub ramps: bool,
}

/// Chooses the size.
#[derive(Debug)]
pub struct PictureSize {
    camera: (u32, u32),
    step: usize,
    /// Seconds that are left of the beginning.
    beginning: u32,
    /// For how many seconds in a row it was too large, and for how many a larger one seemed possible.
    too_large: u32,
    possible: u32,
    patience: u32,
    /// Seconds since a larger one was tried.
    tried: Option<u32>,
}

impl PictureSize {
    /// The size with which a call begins that has so many bits a second.
    pub fn new(camera: (u32, u32), frame_rate: f32, bitrate: u32) -> Self {
        let mut size = Self { beginning: BEGINNING, ..Self::whole(camera) };
        while size.pixels(size.step) * frame_rate * FIRST_BITS > bitrate as f32 && size.can_shrink() {
            size.step += 1;
        }
        size
    }

    /// The camera's size, for as long as nothing is renewed.
    pub fn whole(camera: (u32, u32)) -> Self {
        Self { camera, step: 0, beginning: 0, too_large: 0, possible: 0, patience: PATIENCE.0, tried: None }
    }

    /// Width and height now.
    pub fn size(&self) -> (u32, u32) {
        self.size_at(self.step)
    }

    /// Width and height that a step has, even.
    fn size_at(&self, step: usize) -> (u32, u32) {
        let (width, height) = self.camera;
        let side = |side: u32| (side * STEPS[step] / 8) & !1;
        if step == 0 { (width, height) } else { (side(width), side(height)) }
    }

    fn pixels(&self, step: usize) -> f32 {
        let (width, height) = self.size_at(step);
        width as f32 * height as f32
    }

    /// Takes in a second. Gives width and height from now on.
    pub fn renew(&mut self, second: Second) -> (u32, u32) {
        self.tried = self.tried.map(|seconds| seconds + 1);
        let short_of_bits = second.quantiser > COARSE || second.kept < KEPT;
        self.too_large = if short_of_bits || second.busy > BUSY { self.too_large + 1 } else { 0 };
        let possible = self.step > 0 && self.is_worth(self.step - 1, second);
        // A scene that changes makes one second coarse, and says little of the others.
        self.possible = if possible { self.possible + 1 } else { self.possible.saturating_sub(2) };
        let borne = if second.quantiser > COARSEST { 1 } else { BORNE };
        self.beginning = self.beginning.saturating_sub(1);
        if self.too_large >= borne {
            self.shrink();
        } else if self.beginning > 0 {
            self.begin(second);
        } else if self.possible >= self.patience {
            (self.step, self.possible, self.tried) = (self.step - 1, 0, Some(0));
        } else if self.tried.is_some_and(|seconds| seconds > PATIENCE.1) {
            (self.tried, self.patience) = (None, PATIENCE.0);
        }
        self.size_at(self.step)
    }

    /// Makes the picture as large as it is worth, at once, when all the bits are there that are wanted.
    fn begin(&mut self, second: Second) {
        let larger = (0..self.step).find(|step| self.is_worth(*step, second)).filter(|_| !second.ramps);
        if let Some(larger) = larger {
            (self.step, self.possible) = (larger, 0);
        }
    }

    /// Whether a larger picture would be fine enough, and encoded in time.
    fn is_worth(&self, step: usize, second: Second) -> bool {
        let more = self.pixels(step) / self.pixels(self.step);
        let fine = second.quantiser + COARSER * more.log2() < WORTH && second.kept >= KEPT;
        fine && second.busy * more < IDLE
    }

    fn can_shrink(&self) -> bool {
        let (width, height) = self.size_at((self.step + 1).min(STEPS.len() - 1));
        self.step + 1 < STEPS.len() && width.min(height) >= SMALLEST
    }

    fn shrink(&mut self) {
        self.beginning = 0;
        if !self.can_shrink() {
            return;
        }
        (self.step, self.too_large, self.possible) = (self.step + 1, 0, 0);
        if self.tried.take().is_some_and(|seconds| seconds <= TRIAL) {
            self.patience = (self.patience * 2).min(PATIENCE.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EASY: Second = Second { quantiser: 30.0, kept: 1.0, busy: 0.3, ramps: false };

    fn hd() -> PictureSize {
        PictureSize::whole((1280, 720))
    }

    /// A film on a path: halving the pixels takes as many bits off as six steps of the quantiser.
    fn film(kbps: f32, (width, height): (u32, u32)) -> Second {
        let part = (width * height) as f32 / 921_600.0;
        let hungry = 30.0 + 6.0 * (part * 1_000.0 / kbps).log2();
        Second {
            quantiser: hungry.clamp(12.0, 42.0),
            kept: if hungry > 44.0 { 0.5 } else { 1.0 },
            busy: 0.3 * part,
            ..EASY
        }
    }

    fn play(size: &mut PictureSize, seconds: usize, second: impl Fn((u32, u32)) -> Second) -> Vec<(u32, u32)> {
        let mut now = size.size_at(size.step);
        (0..seconds)
            .map(|_| {
                now = size.renew(second(now));
                now
            })
            .collect()
    }

    fn changes(sizes: &[(u32, u32)]) -> usize {
        sizes.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn a_path_and_a_machine_that_suffice_leave_it_as_it_is() {
        assert!(play(&mut hd(), 300, |_| EASY).iter().all(|size| *size == (1280, 720)));
    }

    #[test]
    fn a_call_begins_small_and_is_as_large_as_it_is_worth_once_the_path_has_shown_it() {
        let begin = || PictureSize::new((1280, 720), 30.0, 200_000);
        for (kbps, wanted) in [(1_000.0, 1280), (400.0, 960), (250.0, 640)] {
            let mut size = begin();
            assert_eq!(size.size(), (640, 360));
            let ramps = play(&mut size, 2, |now| Second { ramps: true, ..film(300.0, now) });
            assert_eq!(ramps.last(), Some(&(640, 360)));
            let sizes = play(&mut size, 4, |now| film(kbps, now));
            assert_eq!((sizes[0].0, changes(&sizes)), (wanted, 0), "{kbps} kb/s");
        }
        // A path that never carries what is wanted ends the beginning too.
        let mut size = begin();
        play(&mut size, 30, |now| Second { ramps: true, ..film(110.0, now) });
        assert_eq!((size.size().0, size.beginning), (480, 0));
        assert_eq!(PictureSize::new((640, 360), 30.0, 200_000).size(), (640, 360));
        assert_eq!(PictureSize::new((1280, 720), 30.0, 1_500_000).size(), (1280, 720));
    }

    #[test]
    fn the_size_goes_with_the_path_and_comes_to_rest() {
        for (kbps, wanted) in [(1_000.0, 1280), (500.0, 1280), (400.0, 960), (200.0, 640), (100.0, 480), (30.0, 320)] {
            let mut size = hd();
            let sizes = play(&mut size, 120, |now| film(kbps, now));
            assert_eq!(sizes[20].0, wanted, "{kbps} kb/s");
            assert_eq!(changes(&sizes[20..]), 0, "{kbps} kb/s");
            assert_eq!(play(&mut size, 60, |now| film(2_000.0, now)).last(), Some(&(1280, 720)), "from {kbps} kb/s");
        }
    }

    #[test]
    fn a_rate_that_swings_changes_the_size_but_seldom() {
        let mut size = hd();
        let mut sizes = Vec::new();
        for second in 0..600 {
            let kbps = if second % 20 < 10 { 180.0 } else { 900.0 };
            sizes.extend(play(&mut size, 1, |now| film(kbps, now)));
        }
        assert!(changes(&sizes) < 30, "{}", changes(&sizes));
    }

    #[test]
    fn a_slow_machine_makes_it_smaller_until_it_keeps_up() {
        // What encoding takes goes with the pixels.
        let busy = |whole: f32| {
            move |(width, height): (u32, u32)| {
                let part = (width * height) as f32 / 921_600.0;
                Second { quantiser: 24.0, busy: whole * part, ..EASY }
            }
        };
        let mut size = hd();
        let sizes = play(&mut size, 300, busy(1.2));
        assert_eq!((sizes.last(), changes(&sizes)), (Some(&(960, 540)), 1));
        // Something else takes the time for a while.
        assert_eq!(play(&mut size, 30, busy(9.0)).last(), Some(&(320, 180)));
        assert_eq!(play(&mut size, 60, busy(0.3)).last(), Some(&(1280, 720)));
    }

    #[test]
    fn a_larger_one_that_fails_is_tried_ever_more_seldom() {
        let mut size = hd();
        let fails = |(width, _)| Second { quantiser: 20.0, busy: if width == 1280 { 1.0 } else { 0.2 }, ..EASY };
        let sizes = play(&mut size, 600, fails);
        assert!((4..20).contains(&changes(&sizes)), "{}", changes(&sizes));
    }

    #[test]
    fn whatever_the_camera_its_pictures_can_be_encoded() {
        for camera in [(160, 120), (176, 144), (322, 242), (640, 480), (1920, 1080), (720, 1280)] {
            let least = SMALLEST.min(camera.0.min(camera.1));
            for (width, height) in play(&mut PictureSize::whole(camera), 20, |_| Second { busy: 2.0, ..EASY }) {
                assert!(width % 2 == 0 && height % 2 == 0 && width.min(height) >= least, "{width}×{height}");
            }
        }
    }
}
