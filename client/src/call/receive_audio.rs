//! Track to speaker: packets wait in the jitter buffer until the speaker asks for the next block.

use std::sync::Arc;

use codec::{
    opus::Channels,
    playout::{AudioPlayout, Offset, SoundPacket},
};
use parking_lot::Mutex;
use relay::{Frame, Kind, Micros};

use super::{MediaError, Shared};
use crate::device::{BLOCK, BLOCK_TIME, Played, Speaker};

/// What the jitter buffer did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    pub buffered: Micros,
    pub concealed: Micros,
    pub stretched: Micros,
}

/// Hears what comes in, and plays it. Clones are the same ears.
#[derive(Clone)]
pub struct Ears {
    shared: Arc<Shared>,
    playout: Arc<Mutex<AudioPlayout>>,
}

impl std::fmt::Debug for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ears")
    }
}

impl Ears {
    pub fn new(shared: Arc<Shared>) -> Result<Self, MediaError> {
        let playout = Arc::new(Mutex::new(AudioPlayout::new(Channels::Mono)?));
        Ok(Self { shared, playout })
    }

    /// Takes in a packet that came at `now`.
    pub fn hear(&self, frame: &Frame, now: Micros) {
        let header = frame.header();
        if header.kind != Kind::Audio {
            return;
        }
        self.shared.arrived(frame, now);
        let payload = frame.payload();
        let mut tallies = self.shared.tallies.lock();
        tallies.audio_received += 1;
        tallies.audio_bytes_received += payload.len() as u64;
        drop(tallies);
        if let Some(recording) = &self.shared.recording
            && let Err(error) = recording.lock().audio(&payload, header.time)
        {
            self.shared.failed("the recording", &error);
        }
        let packet = SoundPacket { sequence: header.sequence, media_time_us: header.time, payload };
        self.playout.lock().push(packet, now);
    }

    /// How far sound lies behind its capture: pictures are shown in step with it.
    pub fn offset(&self) -> Option<Offset> {
        self.playout.lock().offset()
    }

    /// How far pictures lie behind theirs: sound waits for them where they are slower.
    pub fn keep_with(&self, video: Option<Offset>) {
        self.playout.lock().keep_with(video);
    }

    pub fn figures(&self) -> Figures {
        let stats = self.playout.lock().stats();
        let time = |samples: u64| samples * BLOCK_TIME / BLOCK as u64;
        Figures {
            buffered: stats.delay_us,
            concealed: time(stats.concealed),
            stretched: time(stats.shortened + stats.lengthened),
        }
    }

    /// Plays until the call ends.
    pub fn run(&self, mut speaker: Box<dyn Speaker>) {
        let mut block = [0.0; BLOCK];
        while self.shared.runs() {
            let at = speaker.wait();
            let heard = self.playout.lock().pull(at, &mut block);
            if let Some(media_time) = heard.media_time_us {
                let delay = self.shared.delay(media_time, at);
                let mut tallies = self.shared.tallies.lock();
                tallies.audio_played += 1;
                delay.into_iter().for_each(|delay| tallies.heard_delay.add(delay));
            }
            let played = Played { block: &block, media_time: heard.media_time_us, at };
            if let Err(error) = speaker.play(&played) {
                return self.shared.failed("the speaker", &error);
            }
        }
    }
}
