//! AAC-LC of clips to samples, in any of its channel layouts.
//!
//! The fast decoder at hand (symphonia) knows one and two channels only, the parser that knows them all (oxideav-aac)
//! decodes five times slower than real time: so the parser takes an access unit of many channels apart, and one decoder
//! for each of its elements (ISO/IEC 14496-3 section 4.4.2.1) makes them sound.

use oxideav_aac::channel_map::reorder_channels;
use oxideav_aac::ics_body::IcsBody;
use oxideav_aac::ics_info::IcsInfo;
use oxideav_aac::raw_data_block::{Element, FrameAssembler, IdSynEle, Walker};
use oxideav_aac::spectral_data::SpectralData;
use oxideav_aac::swb_offset::FrameFamily;
use oxideav_core::bits::BitReader;
use symphonia_codec_aac::AacDecoder as ElementDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

/// Decodes the AAC access units of one MP4 track.
pub(super) struct AacDecoder {
    frequency_index: u8,
    channel_configuration: u8,
    /// One for each element of the access units, with its number of channels.
    elements: Vec<(usize, ElementDecoder)>,
    planes: Vec<Vec<f32>>,
}

/// Sound as it is in the clip.
pub(super) struct AacSound {
    /// Interleaved samples in −1 to 1: left, right, centre, low frequencies, left and right surround, as far as there are.
    pub samples: Vec<f32>,
    pub channels: usize,
    /// Samples per second and channel.
    pub rate: u32,
}

impl AacDecoder {
    /// A decoder for a track of this AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1); none when it is not AAC-LC
    /// (of HE-AAC, the AAC-LC below it is decoded, at half the rate).
    pub fn new(object_type: u8, frequency_index: u8, channel_configuration: u8) -> Option<AacDecoder> {
        let known = matches!(object_type, LOW_COMPLEXITY | 5 | 29)
            && usize::from(frequency_index) < RATES.len()
            && (1..=7).contains(&channel_configuration);
        known.then(|| AacDecoder { frequency_index, channel_configuration, elements: Vec::new(), planes: Vec::new() })
    }

    /// One access unit's sound; none when it is damaged.
    pub fn decode(&mut self, packet: &[u8]) -> Option<AacSound> {
        match self.channel_configuration {
            1 | 2 => self.decode_element(0, usize::from(self.channel_configuration), packet)?,
            _ => {
                let parts = self.take_apart(packet)?;
                let mut all = Vec::new();
                for (index, (channels, part)) in parts.iter().enumerate() {
                    self.decode_element(index, *channels, part)?;
                    all.append(&mut self.planes);
                }
                self.planes = reorder_channels(self.channel_configuration, all);
            }
        }
        let frames = self.planes.iter().map(Vec::len).min()?;
        let mut samples = Vec::with_capacity(frames * self.planes.len());
        for n in 0..frames {
            samples.extend(self.planes.iter().map(|plane| plane[n]));
        }
        Some(AacSound { samples, channels: self.planes.len(), rate: RATES[usize::from(self.frequency_index)] })
    }

    fn decode_element(&mut self, index: usize, channels: usize, packet: &[u8]) -> Option<()> {
        if self.elements.get(index).is_none_or(|(count, _)| *count != channels) {
            self.elements.truncate(index);
            self.elements.push((channels, self.element_decoder(channels)?));
        }
        let (_, decoder) = self.elements.get_mut(index)?;
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        decoder.decode_ref(&packet).ok()?.copy_to_vecs_planar(&mut self.planes);
        Some(())
    }

    fn element_decoder(&self, channels: usize) -> Option<ElementDecoder> {
        let config =
            [LOW_COMPLEXITY << 3 | self.frequency_index >> 1, (self.frequency_index & 1) << 7 | (channels as u8) << 3];
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(config.into());
        ElementDecoder::try_new(&parameters, &AudioDecoderOptions::default()).ok()
    }

    /// Each channel element as an access unit of its own, with its number of channels.
    fn take_apart(&self, packet: &[u8]) -> Option<Vec<(usize, Vec<u8>)>> {
        let mut reader = BitReader::new(packet);
        let mut parts = Vec::new();
        while let Some(element) = Walker::new(&mut reader).next_element().ok()? {
            match element {
                Element::ChannelElement { kind, .. } => {
                    let start = reader.bit_position();
                    let (channels, kind) = match kind {
                        IdSynEle::Cpe => {
                            self.pass_pair(&mut reader)?;
                            (2, IdSynEle::Cpe)
                        }
                        // The low frequencies are coded as any single channel is.
                        IdSynEle::Sce | IdSynEle::Lfe => {
                            self.pass_channel(&mut reader, None)?;
                            (1, IdSynEle::Sce)
                        }
                        _ => return None,
                    };
                    parts.push((channels, element_alone(packet, kind, start..reader.bit_position())?));
                }
                Element::End => break,
                _ => {}
            }
        }
        Some(parts)
    }

    fn pass_pair(&self, reader: &mut BitReader<'_>) -> Option<()> {
        let common_window = reader.read_bit().ok()?;
        if !common_window {
            self.pass_channel(reader, None)?;
            return self.pass_channel(reader, None);
        }
        const MASK: u32 = 1;
        let info =
            IcsInfo::parse_family(reader, FrameFamily::Lc1024, LOW_COMPLEXITY, self.frequency_index, true).ok()?;
        if reader.read_u32(2).ok()? == MASK {
            let bands = u32::from(info.num_window_groups) * u32::from(info.max_sfb);
            for _ in 0..bands {
                reader.read_bit().ok()?;
            }
        }
        self.pass_channel(reader, Some(&info))?;
        self.pass_channel(reader, Some(&info))
    }

    fn pass_channel(&self, reader: &mut BitReader<'_>, shared: Option<&IcsInfo>) -> Option<()> {
        let (family, frequency) = (FrameFamily::Lc1024, self.frequency_index);
        let body = match shared {
            Some(info) => IcsBody::parse_with_ics_info(reader, info, LOW_COMPLEXITY, false).ok()?,
            None => IcsBody::parse_family(reader, family, LOW_COMPLEXITY, frequency, false).ok()?,
        };
        let info = shared.or(body.ics_info.as_ref())?;
        SpectralData::parse(reader, info, &body.section_data, frequency).ok()?;
        Some(())
    }
}

/// An access unit of one element, whose body is these bits of `packet`.
fn element_alone(packet: &[u8], kind: IdSynEle, body: std::ops::Range<u64>) -> Option<Vec<u8>> {
    let mut reader = BitReader::new(packet);
    for _ in 0..body.start / 32 {
        reader.skip(32).ok()?;
    }
    reader.skip((body.start % 32) as u32).ok()?;
    let bits = body.end - body.start;
    let mut bytes = Vec::with_capacity(bits as usize / 8 + 1);
    for at in (0..bits).step_by(8) {
        let count = (bits - at).min(8) as u32;
        bytes.push((reader.read_u32(count).ok()? << (8 - count)) as u8);
    }
    let mut unit = FrameAssembler::new();
    unit.push_channel_header(kind, 0).ok()?;
    unit.push_channel_body_bits(&bytes, bits).ok()?;
    Some(unit.push_end())
}

/// `audioObjectType` of AAC-LC.
const LOW_COMPLEXITY: u8 = 2;

/// `samplingFrequencyIndex` 0 to 12 (ISO/IEC 14496-3 table 1.18), Hz.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
