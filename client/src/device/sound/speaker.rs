//! A real speaker: mono on all its channels, at the rate it has.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codec::resample::Resampler;
use cpal::{
    Device, Host, Stream,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use relay::{Micros, SECOND};

use super::{
    Between, GIVEN_UP, OPENING, RATE, SPEAKER, STALLED, broken, choose,
    format::{Format, from_mono},
    stopped,
};
use crate::{
    device::{DeviceError, Played, Speaker},
    link::Clock,
};

/// A speaker.
pub struct SoundSpeaker {
    between: Arc<Between>,
    clock: Clock,
    resampler: Resampler,
    /// Samples a second of the device.
    rate: u32,
    /// How often in a row it took nothing.
    stalls: u32,
    /// What is on its way to the device.
    ready: Vec<f32>,
    _stream: Stream,
}

impl SoundSpeaker {
    /// The speaker of that name (or a part of it), or the system's choice when it is empty.
    pub fn open(name: &str, clock: Clock) -> Result<Self, DeviceError> {
        Self::open_listening(name, clock, |_| {})
    }

    /// The same; `listen` is told on the device's own thread what it was given, at 48 kHz: gaps too, when it was fed too
    /// late.
    pub(in crate::device) fn open_listening(
        name: &str,
        clock: Clock,
        listen: impl Fn(&[f32]) + Send + 'static,
    ) -> Result<Self, DeviceError> {
        let failed = |error: &cpal::Error| broken(SPEAKER, error);
        let device = choose(SPEAKER, name, Host::default_output_device, Device::supports_output)?;
        let favourite = device.default_output_config().map_err(|error| failed(&error))?;
        let offered = device.supported_output_configs().map_err(|error| failed(&error))?;
        let Format { sample, mut config } = Format::choose(&favourite, offered);
        // With less, a machine that is busy for a moment makes gaps.
        config.buffer_size = cpal::BufferSize::Fixed(config.sample_rate / 50);
        let unusable = |reason: String| DeviceError::Broken { what: SPEAKER, reason };
        let rate = config.sample_rate;
        let resampler = Resampler::new(RATE, rate, 1).map_err(|error| unusable(error.to_string()))?;
        let between = Arc::new(Between::default());
        let (given, complained) = (between.clone(), between.clone());
        let channels = usize::from(config.channels);
        let mut back = Resampler::new(rate, RATE, 1).map_err(|error| unusable(error.to_string()))?;
        let (mut taken, mut ours) = (Vec::new(), Vec::new());
        let mut complained_of_format = false;
        let give = move |data: &mut cpal::Data, _: &_| {
            let mut samples = given.samples.lock();
            taken.clear();
            ours.clear();
            let next = || {
                let sample = samples.0.pop_front().unwrap_or(0.0);
                taken.push(sample);
                sample
            };
            let known = from_mono(data, channels, next) && back.push(&taken, &mut ours).is_ok();
            given.changed.notify_one();
            drop(samples);
            listen(&ours);
            if !known && !std::mem::replace(&mut complained_of_format, true) {
                tracing::error!(format = %data.sample_format(), "the speaker's samples cannot be written");
            }
        };
        let stream = device
            .build_output_stream_raw(config, sample, give, move |error| complained.failed(error), OPENING)
            .map_err(|error| failed(&error))?;
        stream.play().map_err(|error| failed(&error))?;
        Ok(Self { between, clock, resampler, rate, stalls: 0, ready: Vec::new(), _stream: stream })
    }
}

impl Speaker for SoundSpeaker {
    fn wait(&mut self) -> Micros {
        let mut samples = self.between.samples.lock();
        let deadline = Instant::now() + Duration::from_micros(STALLED);
        // It is fed three blocks ahead: devices ask for up to two at a time.
        let ahead = self.rate as usize / 50;
        let mut stalled = false;
        while samples.0.len() > ahead && samples.1.is_none() {
            if self.between.changed.wait_until(&mut samples, deadline).timed_out() {
                stalled = true;
                samples.0.clear();
            }
        }
        self.stalls = if stalled { self.stalls + 1 } else { 0 };
        self.clock.now() + samples.0.len() as Micros * SECOND / Micros::from(self.rate)
    }

    fn play(&mut self, played: &Played<'_>) -> Result<(), DeviceError> {
        self.ready.clear();
        let resampled = self.resampler.push(played.block, &mut self.ready);
        resampled.map_err(|error| DeviceError::Broken { what: SPEAKER, reason: error.to_string() })?;
        if self.stalls >= GIVEN_UP {
            return Err(stopped(SPEAKER));
        }
        let mut samples = self.between.samples.lock();
        if let Some(error) = samples.1.take() {
            return Err(broken(SPEAKER, &error));
        }
        samples.0.extend(&self.ready);
        Ok(())
    }
}
