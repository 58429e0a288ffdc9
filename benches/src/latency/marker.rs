//! A frame counter and a timestamp burnt into a picture as large light and dark blocks that survive compression.
//!
//! 22 × 4 blocks across the top hold 88 bits: counter (32), time (40), CRC-16 (16). Their place is a share of the
//! picture, so a scaled picture still reads. A reader that finds any doubt says that there is no mark.

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Counts frames.
    pub frame: u32,
    /// When the frame was made: microseconds, modulo 2^40 (12.7 days).
    pub at: u64,
}

impl Mark {
    /// A mark for a frame made at `micros` on any clock.
    pub fn new(frame: u32, micros: u64) -> Self {
        Self { frame, at: micros & TIME_MASK }
    }

    /// Microseconds from the mark's time until `now` on the same clock.
    pub fn age(&self, now: u64) -> u64 {
        now.wrapping_sub(self.at) & TIME_MASK
    }
}

/// The luma plane of a picture, 8 bits a sample, rows `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Luma<'a> {
    pub samples: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// Burns `mark` into a luma plane. False, and nothing burnt, when the picture is smaller than 208 × 48.
pub fn burn(samples: &mut [u8], stride: usize, width: usize, height: usize, mark: Mark) -> bool {
    if !fits(samples.len(), stride, width, height) {
        return false;
    }
    let grid = Grid::new(width);
    // A dark frame around the blocks keeps what is beside them from leaking in.
    let margin = grid.block as usize / 2;
    let (left, right) = (grid.left as usize - margin, grid.edge(COLUMNS) + margin);
    let (top, bottom) = (grid.top as usize - margin, grid.down(ROWS) + margin);
    for row in top..bottom.min(height) {
        samples[row * stride..][left..right.min(width)].fill(DARK);
    }
    let bits = encode(mark);
    for (number, bit) in bits.into_iter().enumerate() {
        let (row, column) = (number / COLUMNS, number % COLUMNS);
        let level = if bit { LIGHT } else { DARK };
        for y in grid.down(row)..grid.down(row + 1) {
            samples[y * stride..][grid.edge(column)..grid.edge(column + 1)].fill(level);
        }
    }
    true
}

/// Reads the mark of a picture, or `None` when there is none that is certain.
pub fn read(picture: Luma<'_>) -> Option<Mark> {
    if !fits(picture.samples.len(), picture.stride, picture.width, picture.height) {
        return None;
    }
    let grid = Grid::new(picture.width);
    let mut levels = [0.0f32; BITS];
    for (number, level) in levels.iter_mut().enumerate() {
        *level = grid.level(&picture, number / COLUMNS, number % COLUMNS);
    }
    let darkest = levels.iter().copied().fold(f32::MAX, f32::min);
    let lightest = levels.iter().copied().fold(f32::MIN, f32::max);
    let contrast = lightest - darkest;
    if contrast < LEAST_CONTRAST {
        return None;
    }
    let mut bits = [false; BITS];
    for (bit, level) in bits.iter_mut().zip(levels) {
        let share = (level - darkest) / contrast;
        if (DOUBT_FROM..DOUBT_TO).contains(&share) {
            return None;
        }
        *bit = share >= DOUBT_TO;
    }
    decode(&bits)
}

fn fits(samples: usize, stride: usize, width: usize, height: usize) -> bool {
    let grid = Grid::new(width);
    let rows_needed = grid.top + grid.block * (ROWS as f32 + 0.5);
    grid.block >= SMALLEST_BLOCK
        && rows_needed <= height as f32
        && stride >= width
        && samples >= stride * height.saturating_sub(1) + width
}

fn encode(mark: Mark) -> [bool; BITS] {
    let mut bytes = [0; BITS / 8];
    bytes[..4].copy_from_slice(&mark.frame.to_be_bytes());
    bytes[4..9].copy_from_slice(&(mark.at & TIME_MASK).to_be_bytes()[3..]);
    let check = crc16(&bytes[..9]);
    bytes[9..].copy_from_slice(&check.to_be_bytes());
    std::array::from_fn(|bit| bytes[bit / 8] >> (7 - bit % 8) & 1 == 1)
}

fn decode(bits: &[bool; BITS]) -> Option<Mark> {
    let mut bytes = [0u8; BITS / 8];
    for (number, bit) in bits.iter().enumerate() {
        bytes[number / 8] |= u8::from(*bit) << (7 - number % 8);
    }
    let number = |part: &[u8]| part.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let mark = Mark { frame: number(&bytes[..4]) as u32, at: number(&bytes[4..9]) };
    (number(&bytes[9..]) == u64::from(crc16(&bytes[..9]))).then_some(mark)
}

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xffff.
fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    crc
}

/// Where the blocks lie, in samples.
struct Grid {
    left: f32,
    top: f32,
    block: f32,
}

impl Grid {
    fn new(width: usize) -> Self {
        let block = width as f32 / ACROSS;
        Self { left: block * (ACROSS - COLUMNS as f32) / 2.0, top: block, block }
    }

    fn edge(&self, column: usize) -> usize {
        (self.left + self.block * column as f32).round() as usize
    }

    fn down(&self, row: usize) -> usize {
        (self.top + self.block * row as f32).round() as usize
    }

    /// The mean of the inner half of a block, away from its blurred edges.
    fn level(&self, picture: &Luma<'_>, row: usize, column: usize) -> f32 {
        let quarter = (self.block / 4.0) as usize;
        let (mut sum, mut count) = (0u32, 0u32);
        for y in self.down(row) + quarter..self.down(row + 1) - quarter {
            for sample in
                &picture.samples[y * picture.stride..][self.edge(column) + quarter..self.edge(column + 1) - quarter]
            {
                sum += u32::from(*sample);
                count += 1;
            }
        }
        sum as f32 / count.max(1) as f32
    }
}

const COLUMNS: usize = 22;
const ROWS: usize = 4;
const BITS: usize = COLUMNS * ROWS;
/// The picture's width in blocks.
const ACROSS: f32 = 26.0;
const SMALLEST_BLOCK: f32 = 8.0;
const TIME_MASK: u64 = (1 << 40) - 1;
const DARK: u8 = 48;
const LIGHT: u8 = 208;
const LEAST_CONTRAST: f32 = 60.0;
/// A block between these shares of the contrast is neither dark nor light.
const DOUBT_FROM: f32 = 0.38;
const DOUBT_TO: f32 = 0.62;

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { frame: 123_456, at: 0x12_3456_789a };

    struct Picture {
        samples: Vec<u8>,
        width: usize,
        height: usize,
    }

    impl Picture {
        fn marked(width: usize, height: usize) -> Self {
            let mut samples: Vec<u8> = (0..width * height)
                .map(|at| ((at % width * 255 / width) as u8).wrapping_add((at / width) as u8))
                .collect();
            assert!(burn(&mut samples, width, width, height, MARK));
            Self { samples, width, height }
        }

        fn read(&self) -> Option<Mark> {
            read(Luma { samples: &self.samples, stride: self.width, width: self.width, height: self.height })
        }

        fn map(mut self, change: impl Fn(usize, u8) -> f32) -> Self {
            for (at, sample) in self.samples.iter_mut().enumerate() {
                *sample = change(at, *sample).clamp(0.0, 255.0) as u8;
            }
            self
        }

        fn blurred(self, radius: usize) -> Self {
            let (width, height) = (self.width, self.height);
            let source = self.samples.clone();
            self.map(|at, _| {
                let (x, y) = (at % width, at / width);
                let rows = y.saturating_sub(radius)..(y + radius + 1).min(height);
                let columns = x.saturating_sub(radius)..(x + radius + 1).min(width);
                let count = rows.len() * columns.len();
                let sum: u32 = rows
                    .flat_map(|y| columns.clone().map(move |x| (x, y)))
                    .map(|(x, y)| u32::from(source[y * width + x]))
                    .sum();
                sum as f32 / count as f32
            })
        }
    }

    /// Uniform in -1.0..1.0, the same at the same place.
    fn noise(at: usize) -> f32 {
        let mixed = (at as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    #[test]
    fn a_mark_reads_back_at_every_usual_size() {
        for (width, height) in [(1280, 720), (640, 360), (352, 288), (320, 180), (208, 48)] {
            assert_eq!(Picture::marked(width, height).read(), Some(MARK), "{width}×{height}");
        }
        assert!(!burn(&mut vec![0; 207 * 48], 207, 207, 48, MARK));
        assert!(!burn(&mut vec![0; 208 * 35], 208, 208, 35, MARK));
    }

    #[test]
    fn noise_blur_and_lost_contrast_do_not_matter() {
        assert_eq!(Picture::marked(640, 360).map(|at, level| f32::from(level) + 60.0 * noise(at)).read(), Some(MARK));
        assert_eq!(Picture::marked(640, 360).blurred(6).read(), Some(MARK));
        assert_eq!(Picture::marked(640, 360).map(|_, level| f32::from(level) * 0.5 + 70.0).read(), Some(MARK));
        let all = Picture::marked(320, 180).blurred(2).map(|at, level| f32::from(level) * 0.7 + 30.0 * noise(at));
        assert_eq!(all.read(), Some(MARK));
    }

    #[test]
    fn a_picture_at_half_its_size_still_reads() {
        let full = Picture::marked(1280, 720);
        let samples = (0..640 * 360).map(|at| full.samples[at / 640 * 2 * 1280 + at % 640 * 2]).collect();
        assert_eq!(Picture { samples, width: 640, height: 360 }.read(), Some(MARK));
    }

    #[test]
    fn damage_is_no_mark() {
        assert_eq!(Picture::marked(640, 360).map(|_, _| 128.0).read(), None);
        assert_eq!(Picture::marked(640, 360).map(|at, _| 128.0 + 127.0 * noise(at)).read(), None);
        assert_eq!(Picture::marked(640, 360).map(|_, level| f32::from(level) * 0.2 + 100.0).read(), None);
        assert_eq!(Picture::marked(640, 360).blurred(24).read(), None);
        // Each bit alone turned round, then each bit alone made doubtful.
        let grid = Grid::new(640);
        for number in 0..BITS {
            for turn in [true, false] {
                let mut picture = Picture::marked(640, 360);
                let (row, column) = (number / COLUMNS, number % COLUMNS);
                for y in grid.down(row)..grid.down(row + 1) {
                    for sample in &mut picture.samples[y * 640..][grid.edge(column)..grid.edge(column + 1)] {
                        *sample = if turn { 255 - *sample } else { 128 };
                    }
                }
                assert_eq!(picture.read(), None, "bit {number}");
            }
        }
    }

    #[test]
    fn age_survives_the_clock_going_round() {
        let mark = Mark::new(0, (1 << 40) - 10);
        assert_eq!(mark.age((1 << 40) + 5), 15);
        assert_eq!(mark.age(5), 15);
    }
}
