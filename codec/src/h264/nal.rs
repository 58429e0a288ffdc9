//! NAL units: finding them in Annex B bytes, and turning parameter sets into an `avcC` record and back
//! (ITU-T H.264 annex B, ISO/IEC 14496-15 section 5.3.3.1).

/// One NAL unit without its start code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Header byte and payload, with the emulation prevention bytes as they stand in the stream.
    pub bytes: &'a [u8],
}

/// `nal_unit_type` values (ITU-T H.264 table 7-1).
pub mod kind {
    /// A slice of a picture that is no IDR.
    pub const SLICE: u8 = 1;
    /// A slice of an IDR picture.
    pub const IDR_SLICE: u8 = 5;
    /// Supplemental information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const DELIMITER: u8 = 9;
}

impl Unit<'_> {
    /// `nal_unit_type`, one of [`kind`] mostly.
    pub fn kind(&self) -> u8 {
        self.bytes.first().map_or(0, |header| header & 0x1f)
    }

    /// `nal_ref_idc`: 0 when no other picture refers to this one.
    pub fn reference_idc(&self) -> u8 {
        self.bytes.first().map_or(0, |header| (header >> 5) & 3)
    }

    /// Whether it carries a part of a picture.
    pub fn is_slice(&self) -> bool {
        (kind::SLICE..=kind::IDR_SLICE).contains(&self.kind())
    }
}

/// The NAL units of an Annex B byte stream, in order. Bytes before the first start code are passed over.
pub fn units(annex_b: &[u8]) -> impl Iterator<Item = Unit<'_>> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        loop {
            let bytes = rest?;
            let end = find_start_code(bytes).unwrap_or(bytes.len());
            rest = after_start_code(&bytes[end..]);
            // A four-byte start code, or trailing_zero_8bits, leaves zeros that are no part of the unit.
            let length = bytes[..end].iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return Some(Unit { bytes: &bytes[..length] });
            }
        }
    })
}

/// The parameter sets that a stream's `avcC` record gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvcConfig {
    /// Bytes of the length before each NAL unit in the samples: 1, 2 or 4.
    pub length_size: usize,
    /// Sequence parameter sets, without start codes.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets, without start codes.
    pub pps: Vec<Vec<u8>>,
}

/// Why an `avcC` record or a sample in that form cannot be read, or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NalError {
    /// The record ends early.
    #[error("the avcC record is cut short: the file is damaged")]
    ShortRecord,
    /// A NAL unit is said to be longer than its sample.
    #[error("a NAL unit is longer than the sample that holds it: the file is damaged")]
    ShortSample,
    /// A keyframe lacks its parameter sets.
    #[error("no SPS and PPS in the packet: start with a keyframe as the encoder made it")]
    NoParameterSets,
}

impl AvcConfig {
    /// Reads an `avcC` record (AVCDecoderConfigurationRecord).
    ///
    /// # Errors
    /// [`NalError::ShortRecord`].
    pub fn parse(record: &[u8]) -> Result<AvcConfig, NalError> {
        let mut bytes = record.get(4..).ok_or(NalError::ShortRecord)?;
        let mut take = |n: usize| {
            let (head, tail) = bytes.split_at_checked(n).ok_or(NalError::ShortRecord)?;
            bytes = tail;
            Ok::<_, NalError>(head)
        };
        let mut config = AvcConfig { length_size: usize::from(take(1)?[0] & 3) + 1, ..AvcConfig::default() };
        for (sets, mask) in [(&mut config.sps, 0x1f), (&mut config.pps, 0xff)] {
            for _ in 0..take(1)?[0] & mask {
                let length = take(2)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                sets.push(take(length)?.to_vec());
            }
        }
        Ok(config)
    }

    /// Takes the parameter sets from a keyframe in Annex B form; samples are to carry four-byte lengths.
    ///
    /// # Errors
    /// [`NalError::NoParameterSets`].
    pub fn from_keyframe(annex_b: &[u8]) -> Result<AvcConfig, NalError> {
        let mut config = AvcConfig { length_size: 4, ..AvcConfig::default() };
        for unit in units(annex_b) {
            match unit.kind() {
                kind::SPS if unit.bytes.len() >= 4 => config.sps.push(unit.bytes.to_vec()),
                kind::PPS => config.pps.push(unit.bytes.to_vec()),
                _ => {}
            }
        }
        if config.sps.is_empty() || config.pps.is_empty() {
            return Err(NalError::NoParameterSets);
        }
        Ok(config)
    }

    /// The `avcC` record.
    ///
    /// # Errors
    /// [`NalError::NoParameterSets`] when there is no SPS to take profile and level from.
    pub fn record(&self) -> Result<Vec<u8>, NalError> {
        let first = self.sps.first().filter(|sps| sps.len() >= 4).ok_or(NalError::NoParameterSets)?;
        let mut record = vec![1, first[1], first[2], first[3], 0xfc | (self.length_size as u8 - 1)];
        for (sets, reserved) in [(&self.sps, 0xe0), (&self.pps, 0)] {
            record.push(reserved | sets.len() as u8);
            for set in sets {
                record.extend_from_slice(&(set.len() as u16).to_be_bytes());
                record.extend_from_slice(set);
            }
        }
        if matches!(first[1], 100 | 110 | 122 | 144) {
            // chroma_format 4:2:0, 8 bits of luma and chroma, no SPS extensions
            record.extend_from_slice(&[0xfc | 1, 0xf8, 0xf8, 0]);
        }
        Ok(record)
    }

    /// The parameter sets in Annex B form.
    pub fn annex_b(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for set in self.sps.iter().chain(&self.pps) {
            bytes.extend_from_slice(&START_CODE);
            bytes.extend_from_slice(set);
        }
        bytes
    }

    /// Appends a sample with length prefixes to `out` in Annex B form.
    ///
    /// # Errors
    /// [`NalError::ShortSample`].
    pub fn sample_to_annex_b(&self, sample: &[u8], out: &mut Vec<u8>) -> Result<(), NalError> {
        let mut rest = sample;
        while !rest.is_empty() {
            let (prefix, tail) = rest.split_at_checked(self.length_size).ok_or(NalError::ShortSample)?;
            let length = prefix.iter().fold(0usize, |n, &b| n << 8 | usize::from(b));
            let (unit, tail) = tail.split_at_checked(length).ok_or(NalError::ShortSample)?;
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(unit);
            rest = tail;
        }
        Ok(())
    }
}

/// Turns an access unit in Annex B form into a sample with four-byte lengths, leaving out parameter sets and delimiters,
/// which containers keep elsewhere.
pub fn annex_b_to_sample(annex_b: &[u8]) -> Vec<u8> {
    let mut sample = Vec::with_capacity(annex_b.len() + 8);
    for unit in units(annex_b) {
        if !matches!(unit.kind(), kind::SPS | kind::PPS | kind::DELIMITER) {
            sample.extend_from_slice(&(unit.bytes.len() as u32).to_be_bytes());
            sample.extend_from_slice(unit.bytes);
        }
    }
    sample
}

/// What stands before each NAL unit in Annex B form.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|three| three == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_behind_short_and_long_start_codes() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0, 0, 3, 1];
        let found: Vec<_> = units(&stream).map(|unit| (unit.kind(), unit.bytes.len())).collect();
        assert_eq!(found, [(7, 3), (8, 2), (5, 5)]);
        assert_eq!(units(&[]).count(), 0);
        assert_eq!(units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn avcc_round_trip() {
        let config = AvcConfig {
            length_size: 4,
            sps: vec![vec![0x67, 66, 0xc0, 31, 9]],
            pps: vec![vec![0x68, 1], vec![0x68, 2]],
        };
        let record = config.record().unwrap();
        assert_eq!(AvcConfig::parse(&record).unwrap(), config);
        for cut in 0..record.len() {
            assert_eq!(AvcConfig::parse(&record[..cut]), Err(NalError::ShortRecord), "cut at {cut}");
        }
    }

    #[test]
    fn samples_round_trip_and_cut_ones_are_refused() {
        let annex_b = [0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65, 7, 8, 0, 0, 0, 1, 0x65, 9];
        let sample = annex_b_to_sample(&annex_b);
        let config = AvcConfig::from_keyframe(&annex_b).unwrap();
        let mut back = config.annex_b();
        config.sample_to_annex_b(&sample, &mut back).unwrap();
        assert_eq!(back, annex_b);
        let cut = config.sample_to_annex_b(&sample[..sample.len() - 1], &mut Vec::new());
        assert_eq!(cut, Err(NalError::ShortSample));
        assert_eq!(AvcConfig::from_keyframe(&[0, 0, 1, 0x65]), Err(NalError::NoParameterSets));
    }
}
