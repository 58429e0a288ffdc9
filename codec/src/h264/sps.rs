//! The sequence parameter set: the size of the pictures and how their colours are meant (ITU-T H.264 section 7.3.2.1.1
//! and annex E).

use crate::picture::{Colour, Matrix, Range};

/// What containers and screens need of a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// `level_idc`: ten times the level.
    pub level: u8,
    /// Width of the pictures to show, in luma samples.
    pub width: u32,
    /// Height of the pictures to show, in luma samples.
    pub height: u32,
    /// The matrix, where the stream says it.
    pub matrix: Option<Matrix>,
    /// The range, where the stream says it.
    pub range: Option<Range>,
}

/// Why a sequence parameter set cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    /// It ends early, or a value is out of its bounds.
    #[error("the sequence parameter set is damaged: ask for a new keyframe")]
    Damaged,
}

impl Sps {
    /// Reads one, given as a NAL unit without start code.
    ///
    /// # Errors
    /// [`SpsError::Damaged`].
    pub fn parse(unit: &[u8]) -> Result<Sps, SpsError> {
        let payload = without_emulation_prevention(unit.get(1..).ok_or(SpsError::Damaged)?);
        let mut bits = Bits { bytes: &payload, at: 0 };
        let profile = bits.read(8)? as u8;
        bits.read(8)?;
        let level = bits.read(8)? as u8;
        bits.unsigned()?;
        let mut chroma_format = 1;
        if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
            chroma_format = bits.unsigned()?;
            if chroma_format == 3 {
                bits.read(1)?;
            }
            bits.unsigned()?;
            bits.unsigned()?;
            bits.read(1)?;
            if bits.read(1)? == 1 {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.read(1)? == 1 {
                        bits.pass_scaling_list(if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.unsigned()?;
        match bits.unsigned()? {
            0 => {
                bits.unsigned()?;
            }
            1 => {
                bits.read(1)?;
                bits.signed()?;
                bits.signed()?;
                let cycle = bits.unsigned()?;
                if cycle > 255 {
                    return Err(SpsError::Damaged);
                }
                for _ in 0..cycle {
                    bits.signed()?;
                }
            }
            _ => {}
        }
        bits.unsigned()?;
        bits.read(1)?;
        let width_mbs = u64::from(bits.unsigned()?) + 1;
        let height_units = u64::from(bits.unsigned()?) + 1;
        let frame_mbs_only = bits.read(1)?;
        if frame_mbs_only == 0 {
            bits.read(1)?;
        }
        bits.read(1)?;
        let mut crop = [0u64; 4];
        if bits.read(1)? == 1 {
            for side in &mut crop {
                *side = u64::from(bits.unsigned()?);
            }
        }
        let (unit_x, unit_y) = match chroma_format {
            0 | 3 => (1, 2 - u64::from(frame_mbs_only)),
            2 => (2, 2 - u64::from(frame_mbs_only)),
            _ => (2, 2 * (2 - u64::from(frame_mbs_only))),
        };
        let shown = |units: u64, cropped: u64| {
            let side = (units * 16).checked_sub(cropped).filter(|side| (1..=65_536).contains(side));
            side.map(|side| side as u32).ok_or(SpsError::Damaged)
        };
        let width = shown(width_mbs, unit_x * (crop[0] + crop[1]))?;
        let height = shown(height_units * (2 - u64::from(frame_mbs_only)), unit_y * (crop[2] + crop[3]))?;
        let mut sps = Sps { profile, level, width, height, matrix: None, range: None };
        if bits.read(1)? == 1 {
            // Colour that cannot be read is no reason to refuse the stream.
            sps.read_video_signal(&mut bits).unwrap_or_default();
        }
        Ok(sps)
    }

    /// How the pictures' colours are meant: what the stream says, else what is usual for its height.
    pub fn colour(&self) -> Colour {
        let assumed = Colour::assumed(self.height);
        Colour { matrix: self.matrix.unwrap_or(assumed.matrix), range: self.range.unwrap_or(assumed.range) }
    }

    fn read_video_signal(&mut self, bits: &mut Bits<'_>) -> Result<(), SpsError> {
        const EXTENDED_SAR: u32 = 255;
        if bits.read(1)? == 1 && bits.read(8)? == EXTENDED_SAR {
            bits.read(32)?;
        }
        if bits.read(1)? == 1 {
            bits.read(1)?;
        }
        if bits.read(1)? == 1 {
            bits.read(3)?;
            self.range = Some(if bits.read(1)? == 1 { Range::Full } else { Range::Limited });
            if bits.read(1)? == 1 {
                bits.read(16)?;
                // matrix_coefficients, table E-5
                self.matrix = match bits.read(8)? {
                    1 => Some(Matrix::Bt709),
                    5 | 6 => Some(Matrix::Bt601),
                    _ => None,
                };
            }
        }
        Ok(())
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// `u(n)`, n to 32.
    fn read(&mut self, n: usize) -> Result<u32, SpsError> {
        let mut value = 0u32;
        for _ in 0..n {
            let byte = self.bytes.get(self.at / 8).ok_or(SpsError::Damaged)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    /// `ue(v)` (section 9.1).
    fn unsigned(&mut self) -> Result<u32, SpsError> {
        let mut zeros = 0;
        while self.read(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return Err(SpsError::Damaged);
            }
        }
        Ok((1u32 << zeros) - 1 + self.read(zeros)?)
    }

    /// `se(v)` (section 9.1.1).
    fn signed(&mut self) -> Result<i32, SpsError> {
        let code = i64::from(self.unsigned()?);
        let magnitude = (code + 1) / 2;
        Ok(if code % 2 == 1 { magnitude as i32 } else { -magnitude as i32 })
    }

    fn pass_scaling_list(&mut self, size: usize) -> Result<(), SpsError> {
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..size {
            if next != 0 {
                next = (last + i64::from(self.signed()?)).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Ok(())
    }
}

/// The raw payload: each 3 after two zeros was put in by the encoder (section 7.4.1.1).
fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte != 3 || !payload.ends_with(&[0, 0]) {
            payload.push(byte);
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264's SPS of a 640×272 high profile clip (height cropped from 272 = 17 × 16: none; VUI without colours).
    const HIGH: [u8; 25] = [
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x23, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
        0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96,
    ];

    #[test]
    fn a_high_profile_set_is_read() {
        let sps = Sps::parse(&HIGH).unwrap();
        assert_eq!((sps.profile, sps.level, sps.width, sps.height), (100, 30, 640, 272));
        assert_eq!(sps.colour(), Colour::assumed(272));
    }

    #[test]
    fn cut_and_damaged_sets_never_panic() {
        for cut in 0..10 {
            assert!(Sps::parse(&HIGH[..cut]).is_err(), "cut at {cut}");
        }
        for byte in 0..HIGH.len() {
            for bit in 0..8 {
                let mut damaged = HIGH;
                damaged[byte] ^= 1 << bit;
                // Whatever it gives, it must give it without a panic and within bounds.
                if let Ok(sps) = Sps::parse(&damaged) {
                    assert!(sps.width <= 65_536 && sps.height <= 65_536);
                }
            }
        }
    }
}
