//! A real microphone: its sound is mixed to mono and brought to 48 kHz.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codec::resample::Resampler;
use cpal::{
    Device, Host, Stream,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use relay::Micros;

use super::{
    Between, GIVEN_UP, MICROPHONE, OPENING, RATE, STALLED, broken, choose,
    format::{Format, to_mono},
    stopped,
};
use crate::{
    device::{BLOCK, BLOCK_TIME, DeviceError, Microphone},
    link::Clock,
};

/// Sound that waits for the pipeline at most; what is older is lost, so that nothing lags behind.
const WAITING: usize = 20 * BLOCK;

/// A microphone.
pub struct SoundMicrophone {
    between: Arc<Between>,
    clock: Clock,
    /// How often in a row it gave nothing.
    stalls: u32,
    _stream: Stream,
}

impl SoundMicrophone {
    /// The microphone of that name (or a part of it), or the system's choice when it is empty.
    pub fn open(name: &str, clock: Clock) -> Result<Self, DeviceError> {
        let failed = |error: &cpal::Error| broken(MICROPHONE, error);
        let device = choose(MICROPHONE, name, Host::default_input_device, Device::supports_input)?;
        let favourite = device.default_input_config().map_err(|error| failed(&error))?;
        let offered = device.supported_input_configs().map_err(|error| failed(&error))?;
        let Format { sample, config } = Format::choose(&favourite, offered);
        let unusable = |reason: String| DeviceError::Broken { what: MICROPHONE, reason };
        let mut resampler = Resampler::new(config.sample_rate, RATE, 1).map_err(|error| unusable(error.to_string()))?;
        let between = Arc::new(Between::default());
        let (taken, complained) = (between.clone(), between.clone());
        let channels = usize::from(config.channels);
        let (mut mono, mut ours) = (Vec::new(), Vec::new());
        let mut complained_of_format = false;
        let take = move |data: &cpal::Data, _: &_| {
            mono.clear();
            ours.clear();
            let known = to_mono(data, channels, &mut mono) && resampler.push(&mono, &mut ours).is_ok();
            if !known && !std::mem::replace(&mut complained_of_format, true) {
                tracing::error!(format = %data.sample_format(), "the microphone's samples cannot be read");
            }
            let mut samples = taken.samples.lock();
            samples.0.extend(&ours);
            let over = samples.0.len().saturating_sub(WAITING);
            samples.0.drain(..over);
            samples.2 += over;
            taken.changed.notify_one();
        };
        let stream = device
            .build_input_stream_raw(config, sample, take, move |error| complained.failed(error), OPENING)
            .map_err(|error| failed(&error))?;
        stream.play().map_err(|error| failed(&error))?;
        Ok(Self { between, clock, stalls: 0, _stream: stream })
    }
}

impl SoundMicrophone {
    /// Waits for the next block; `None`, and silence in it, when it does not come in time.
    pub(in crate::device) fn next(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        let mut samples = self.between.samples.lock();
        let deadline = Instant::now() + Duration::from_micros(STALLED);
        while samples.0.len() < BLOCK {
            if let Some(error) = samples.1.take() {
                return Err(broken(MICROPHONE, &error));
            }
            if self.between.changed.wait_until(&mut samples, deadline).timed_out() {
                break;
            }
        }
        if samples.0.len() < BLOCK {
            self.stalls += 1;
            block.fill(0.0);
            return if self.stalls < GIVEN_UP { Ok(None) } else { Err(stopped(MICROPHONE)) };
        }
        self.stalls = 0;
        let waited = samples.0.len() as Micros * BLOCK_TIME / BLOCK as Micros;
        block.iter_mut().zip(samples.0.drain(..BLOCK)).for_each(|(out, sample)| *out = sample);
        Ok(Some(self.clock.now().saturating_sub(waited)))
    }

    /// How many samples were lost before the last block since this was asked before, because nobody took them in time.
    pub(in crate::device) fn lost(&mut self) -> usize {
        std::mem::take(&mut self.between.samples.lock().2)
    }
}

impl Microphone for SoundMicrophone {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        let at = self.next(block)?;
        Ok(Some(at.unwrap_or_else(|| self.clock.now().saturating_sub(BLOCK_TIME))))
    }
}
