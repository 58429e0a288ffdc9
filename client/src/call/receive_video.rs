//! Track to screen: pictures are decoded as they come and shown when they are due.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use codec::{
    Picture,
    h264::{Decoded, Decoder, Incoming},
    playout::{Offset, VideoPlayout},
};
use relay::{Frame, MILLISECOND, Micros};

use super::{
    MediaError, Shared,
    backlog::{Backlog, Next},
    receive_audio::Ears,
};
use crate::device::{Screen, Shown};

/// The thread looks whether the call is over at least this often.
const LONGEST_WAIT: Micros = 200 * MILLISECOND;

/// A picture that waits to be shown.
struct Waiting {
    picture: Picture,
    decoded_at: Micros,
}

pub struct VideoReceiver {
    screen: Box<dyn Screen>,
    frames: Receiver<(Frame, Micros)>,
    backlog: Backlog,
    ears: Ears,
    decoder: Decoder,
    playout: VideoPlayout<Waiting>,
    shared: Arc<Shared>,
}

impl VideoReceiver {
    pub fn new(
        screen: Box<dyn Screen>,
        frames: Receiver<(Frame, Micros)>,
        ears: Ears,
        shared: Arc<Shared>,
    ) -> Result<Self, MediaError> {
        Ok(Self {
            screen,
            frames,
            backlog: Backlog::default(),
            ears,
            decoder: Decoder::new()?,
            playout: VideoPlayout::new(),
            shared,
        })
    }

    pub fn run(mut self) {
        while self.shared.runs() {
            let now = self.shared.clock.now();
            let due =
                self.playout.next_due(self.ears.offset()).unwrap_or(now + LONGEST_WAIT).clamp(now, now + LONGEST_WAIT);
            match self.frames.recv_timeout(Duration::from_micros(due - now)) {
                Ok((frame, arrived_at)) => self.backlog.push(frame, arrived_at),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Err(error) = self.step() {
                return self.shared.failed("the screen", &error);
            }
        }
    }

    /// Decodes what has come and shows what is due.
    fn step(&mut self) -> Result<(), MediaError> {
        while self.shared.runs() {
            for (frame, arrived_at) in self.frames.try_iter() {
                self.backlog.push(frame, arrived_at);
            }
            let (next, left_out) = self.backlog.take(self.shared.clock.now());
            if left_out > 0 {
                self.shared.tallies.lock().video_overrun += left_out;
            }
            match next {
                Next::Decode(frame, arrived_at) => self.take(&frame, arrived_at)?,
                Next::NeedKeyframe => self.shared.keyframe_needed.notify_one(),
                Next::Nothing => return self.show(),
            }
            self.show()?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame, arrived_at: Micros) -> Result<(), MediaError> {
        self.shared.arrived(frame, arrived_at);
        let header = frame.header();
        let payload = frame.payload();
        let mut tallies = self.shared.tallies.lock();
        tallies.video_received += 1;
        tallies.video_bytes_received += payload.len() as u64;
        drop(tallies);
        let decoded = self.decoder.decode(Incoming {
            sequence: header.sequence,
            keyframe: header.keyframe,
            layer: header.layer,
            depends: header.depends,
            bytes: &payload,
        })?;
        match decoded {
            Decoded::Picture(picture) => {
                if let Some(recording) = &self.shared.recording {
                    recording.lock().video(&payload, header.time, header.keyframe)?;
                }
                let now = self.shared.clock.now();
                let delay = self.shared.delay(header.time, now);
                let mut tallies = self.shared.tallies.lock();
                tallies.decoded += 1;
                tallies.size = (picture.width(), picture.height());
                delay.into_iter().for_each(|delay| tallies.decoded_delay.add(delay));
                drop(tallies);
                self.playout.push(Waiting { picture, decoded_at: now }, header.time, arrived_at);
            }
            Decoded::NeedKeyframe => {
                self.shared.tallies.lock().undecodable += 1;
                self.shared.keyframe_needed.notify_one();
            }
            Decoded::Orphan | Decoded::Stale => self.shared.tallies.lock().undecodable += 1,
        }
        Ok(())
    }

    fn show(&mut self) -> Result<(), MediaError> {
        let now = self.shared.clock.now();
        let sound = self.ears.offset();
        while let Some(due) = self.playout.take(now, sound) {
            let Waiting { picture, decoded_at } = due.picture;
            let shown = Shown { picture, media_time: due.media_time_us, decoded_at, at: now };
            self.screen.show(&shown)?;
            let delay = self.shared.delay(shown.media_time, now);
            let mut tallies = self.shared.tallies.lock();
            tallies.shown += 1;
            delay.into_iter().for_each(|delay| tallies.shown_delay.add(delay));
            if let Some(sound) = sound {
                // How much later the picture comes than the sound of the same moment.
                tallies.skew.add(Offset::of(shown.media_time, now).behind(sound));
            }
        }
        self.ears.keep_with(self.playout.offset());
        let stats = self.playout.stats();
        let mut tallies = self.shared.tallies.lock();
        tallies.late = stats.dropped;
        tallies.freezes = stats.freezes;
        tallies.frozen = stats.frozen_us;
        tallies.playout = stats.delay_us;
        Ok(())
    }
}
