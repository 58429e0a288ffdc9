//! What a device offers, and its samples as the numbers between −1 and 1 that pipelines use.

use cpal::{
    BufferSize, Data, FromSample, Sample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig,
    SupportedStreamConfigRange,
};

use super::RATE;

/// How a stream is opened.
pub(super) struct Format {
    pub sample: SampleFormat,
    pub config: StreamConfig,
}

impl Format {
    /// 48 kHz in floating point where the device has it, else what it likes best.
    pub fn choose(
        favourite: &SupportedStreamConfig,
        offered: impl Iterator<Item = SupportedStreamConfigRange>,
    ) -> Self {
        let channels = favourite.channels().max(1);
        let fits = |range: &SupportedStreamConfigRange| {
            range.channels() == channels && (range.min_sample_rate()..=range.max_sample_rate()).contains(&RATE)
        };
        let mut at_our_rate = offered.filter(fits).map(|range| range.sample_format());
        let sample = at_our_rate.find(|sample| *sample == SampleFormat::F32);
        let (sample, rate) = match sample {
            Some(sample) => (sample, RATE),
            None => (favourite.sample_format(), favourite.sample_rate()),
        };
        // Never the default size: on PulseAudio that is two seconds.
        let buffer_size = BufferSize::Fixed(rate / 100);
        Self { sample, config: StreamConfig { channels, sample_rate: rate, buffer_size } }
    }
}

/// Appends the mean of all channels to `mono`. Says whether the format is known.
pub(super) fn to_mono(data: &Data, channels: usize, mono: &mut Vec<f32>) -> bool {
    match data.sample_format() {
        SampleFormat::F32 => mix::<f32>(data, channels, mono),
        SampleFormat::F64 => mix::<f64>(data, channels, mono),
        SampleFormat::I8 => mix::<i8>(data, channels, mono),
        SampleFormat::I16 => mix::<i16>(data, channels, mono),
        SampleFormat::I24 => mix::<cpal::I24>(data, channels, mono),
        SampleFormat::I32 => mix::<i32>(data, channels, mono),
        SampleFormat::U8 => mix::<u8>(data, channels, mono),
        SampleFormat::U16 => mix::<u16>(data, channels, mono),
        SampleFormat::U32 => mix::<u32>(data, channels, mono),
        _ => false,
    }
}

fn mix<T: SizedSample>(data: &Data, channels: usize, mono: &mut Vec<f32>) -> bool
where
    f32: FromSample<T>,
{
    let Some(samples) = data.as_slice::<T>() else { return false };
    let mean = |frame: &[T]| frame.iter().map(|sample| f32::from_sample(*sample)).sum::<f32>() / channels as f32;
    mono.extend(samples.chunks_exact(channels).map(mean));
    true
}

/// Fills all channels with what `next` gives. Says whether the format is known.
pub(super) fn from_mono(data: &mut Data, channels: usize, next: impl FnMut() -> f32) -> bool {
    match data.sample_format() {
        SampleFormat::F32 => spread::<f32>(data, channels, next),
        SampleFormat::F64 => spread::<f64>(data, channels, next),
        SampleFormat::I8 => spread::<i8>(data, channels, next),
        SampleFormat::I16 => spread::<i16>(data, channels, next),
        SampleFormat::I24 => spread::<cpal::I24>(data, channels, next),
        SampleFormat::I32 => spread::<i32>(data, channels, next),
        SampleFormat::U8 => spread::<u8>(data, channels, next),
        SampleFormat::U16 => spread::<u16>(data, channels, next),
        SampleFormat::U32 => spread::<u32>(data, channels, next),
        _ => false,
    }
}

fn spread<T: SizedSample + FromSample<f32>>(data: &mut Data, channels: usize, mut next: impl FnMut() -> f32) -> bool {
    let Some(samples) = data.as_slice_mut::<T>() else { return false };
    samples.chunks_mut(channels).for_each(|frame| frame.fill(next().to_sample()));
    true
}

#[cfg(test)]
mod tests {
    use cpal::SupportedBufferSize;

    use super::*;

    fn range(channels: u16, rates: std::ops::Range<u32>, sample: SampleFormat) -> SupportedStreamConfigRange {
        let buffer = SupportedBufferSize::Unknown;
        SupportedStreamConfigRange::new(channels, rates.start, rates.end, buffer, sample)
    }

    #[test]
    fn our_own_rate_is_taken_where_it_is_offered() {
        let favourite = range(2, 44_100..44_100, SampleFormat::I16).with_max_sample_rate();
        let offered = vec![
            range(2, 8_000..48_000, SampleFormat::I16),
            range(1, 8_000..48_000, SampleFormat::F32),
            range(2, 8_000..96_000, SampleFormat::F32),
        ];
        let format = Format::choose(&favourite, offered.into_iter());
        assert_eq!((format.sample, format.config.sample_rate), (SampleFormat::F32, 48_000));
        let format = Format::choose(&favourite, vec![range(2, 8_000..44_100, SampleFormat::I16)].into_iter());
        assert_eq!((format.sample, format.config.sample_rate), (SampleFormat::I16, 44_100));
        assert_eq!(format.config.buffer_size, BufferSize::Fixed(441));
    }

    #[test]
    fn samples_of_other_kinds_become_ours_and_back() {
        let mut stereo = [16_384_i16, 0, -32_768, -32_768];
        // SAFETY: four samples of the format that is named, alive for as long as `data`.
        let mut data = unsafe { Data::from_parts(stereo.as_mut_ptr().cast(), 4, SampleFormat::I16) };
        let mut mono = Vec::new();
        assert!(to_mono(&data, 2, &mut mono));
        assert_eq!(mono, [0.25, -1.0]);
        let mut waves = [0.5, -0.5].into_iter();
        assert!(from_mono(&mut data, 2, || waves.next().unwrap()));
        assert_eq!(stereo, [16_384, 16_384, -16_384, -16_384]);
    }
}
