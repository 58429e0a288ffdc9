//! Voice messages at a desk: what is recorded now, and what is listened to now. There is one of each at most.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use codec::container::voice::{VoiceError, VoiceReader};
use parking_lot::Mutex;
use relay::vocabulary::{ChatId, SendMessage};
use tempfile::{TempDir, TempPath};
use tokio::sync::mpsc::UnboundedSender;

use super::Wake;
use crate::{
    call::{DeviceSetup, record_voice},
    device::{BLOCK, BLOCK_TIME, DeviceControls, Played, Speaker, TelephoneSpeaker},
    engine::{Attach, Command, Event, InChat},
    link::Clock,
};

/// The longest that is recorded.
const LONGEST: Duration = Duration::from_secs(300);

/// How often whoever looks is told of how far it is.
const TELL: u64 = 100;

/// What there is to show of voice messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceNow {
    pub recording: Option<Recording>,
    pub playing: Option<Playing>,
}

/// A voice message that is being recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub chat: ChatId,
    /// Milliseconds so far.
    pub length: u64,
}

/// A voice message that is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    /// The file's id.
    pub file: String,
    /// Milliseconds that were heard; nothing while it is on its way.
    pub heard: u64,
    pub pauses: bool,
}

/// Something that went wrong, or is ready, on a thread of its own.
pub(super) enum Spoken {
    Recorded(Command),
    Failed(String),
}

/// Records and plays.
pub(super) struct VoiceMessages {
    setup: DeviceSetup,
    wake: Wake,
    recorder: Mutex<Option<Recorder>>,
    player: Mutex<Option<Player>>,
}

struct Recorder {
    chat: ChatId,
    /// Milliseconds so far.
    length: Arc<AtomicU64>,
    /// It ends, and is sent or not.
    ends: Arc<AtomicBool>,
    is_sent: Arc<AtomicBool>,
}

struct Player {
    file: String,
    course: Arc<Course>,
}

/// How far the one that plays is, and what it is to do.
#[derive(Debug)]
struct Course {
    /// Milliseconds that were heard.
    heard: AtomicU64,
    /// Where it is to go on, in milliseconds; [`NOWHERE`] if it goes on as it is.
    seek: AtomicU64,
    pauses: AtomicBool,
    ends: AtomicBool,
}

const NOWHERE: u64 = u64::MAX;

impl Drop for Player {
    fn drop(&mut self) {
        self.course.ends.store(true, Ordering::Release);
    }
}

impl VoiceMessages {
    pub fn new(setup: DeviceSetup, wake: Wake) -> Self {
        Self { setup, wake, recorder: Mutex::default(), player: Mutex::default() }
    }

    pub fn now(&self) -> VoiceNow {
        let recording = self
            .recorder
            .lock()
            .as_ref()
            .map(|recorder| Recording { chat: recorder.chat, length: recorder.length.load(Ordering::Relaxed) });
        let playing = self.player.lock().as_ref().map(|player| Playing {
            file: player.file.clone(),
            heard: player.course.heard.load(Ordering::Relaxed),
            pauses: player.course.pauses.load(Ordering::Relaxed),
        });
        VoiceNow { recording, playing }
    }

    /// Begins to record for a chat, unless something is recorded already. What comes of it is said to `spoken`.
    pub fn record(self: &Arc<Self>, chat: ChatId, spoken: UnboundedSender<Spoken>) {
        let mut recorder = self.recorder.lock();
        if recorder.is_some() {
            return;
        }
        // Nobody speaks into what is played.
        *self.player.lock() = None;
        let new = Recorder { chat, length: Arc::default(), ends: Arc::default(), is_sent: Arc::default() };
        let (length, ends, is_sent) = (new.length.clone(), new.ends.clone(), new.is_sent.clone());
        let me = self.clone();
        let run = move || {
            let result = me.recorded(&length, &ends);
            *me.recorder.lock() = None;
            (me.wake)();
            let told = match result {
                Ok(attach) if is_sent.load(Ordering::Acquire) => {
                    let act = InChat::Attach(SendMessage::default(), vec![attach]);
                    Some(Spoken::Recorded(Command::InChat { chat, act }))
                }
                Ok(Attach::Recorded(path, _)) => {
                    drop(TempPath::try_from_path(path));
                    None
                }
                Ok(_) => None,
                Err(reason) => Some(Spoken::Failed(reason)),
            };
            if let Some(told) = told
                && spoken.send(told).is_err()
            {
                tracing::debug!("a voice message came after the end");
            }
        };
        match std::thread::Builder::new().name("voice message".to_owned()).spawn(run) {
            Ok(_) => *recorder = Some(new),
            Err(error) => tracing::error!(%error, "a voice message cannot be recorded"),
        }
    }

    fn recorded(&self, length: &AtomicU64, ends: &AtomicBool) -> Result<Attach, String> {
        let microphone = match self.setup.open_microphone(Clock::start()) {
            Some(Ok(microphone)) => microphone,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("there is no microphone for voice messages".to_owned()),
        };
        let file = tempfile::Builder::new().prefix("komado-voice-").suffix(".mka").tempfile();
        let path = file.map_err(|error| format!("a voice message cannot be kept: {error}"))?.into_temp_path();
        let mut blocks = 0;
        let stop = || {
            blocks += 1;
            self.tell(length, blocks);
            ends.load(Ordering::Acquire)
        };
        let voice = record_voice(microphone, self.setup.audio, LONGEST, &path, stop);
        let voice = voice.map_err(|error| error.to_string())?;
        let path = path.keep().map_err(|error| error.to_string())?;
        Ok(Attach::Recorded(path, voice))
    }

    /// So many blocks have passed.
    fn tell(&self, so_far: &AtomicU64, blocks: u64) {
        let milliseconds = blocks * BLOCK_TIME / 1_000;
        let before = so_far.load(Ordering::Relaxed);
        if milliseconds / TELL != before / TELL {
            so_far.store(milliseconds, Ordering::Relaxed);
            (self.wake)();
        }
    }

    /// What is recorded is over, and is sent or thrown away.
    pub fn end_recording(&self, send: bool) {
        if let Some(recorder) = self.recorder.lock().as_ref() {
            recorder.is_sent.store(send, Ordering::Release);
            recorder.ends.store(true, Ordering::Release);
        }
    }

    /// A file is to be listened to, once it has come, from so many milliseconds on: it is the one that plays from now on.
    pub fn choose(&self, file: &str, from: u64) {
        let course = Course {
            heard: AtomicU64::new(from),
            seek: AtomicU64::new(if from > 0 { from } else { NOWHERE }),
            pauses: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        };
        *self.player.lock() = Some(Player { file: file.to_owned(), course: Arc::new(course) });
        (self.wake)();
    }

    /// Goes on from so many milliseconds, pausing or not.
    pub fn seek(&self, to: u64) {
        if let Some(player) = self.player.lock().as_ref() {
            player.course.heard.store(to, Ordering::Relaxed);
            player.course.seek.store(to, Ordering::Release);
        }
        (self.wake)();
    }

    /// Whether this is the file that plays, or is to.
    pub fn is_chosen(&self, file: &str) -> bool {
        self.player.lock().as_ref().is_some_and(|player| player.file == file)
    }

    /// Pauses, or goes on.
    pub fn pause(&self, yes: bool) {
        if let Some(player) = self.player.lock().as_ref() {
            player.course.pauses.store(yes, Ordering::Release);
        }
        (self.wake)();
    }

    pub fn stop(&self) {
        *self.player.lock() = None;
        (self.wake)();
    }

    /// Plays what has come of the file that was chosen; of another one nothing.
    pub fn play(self: &Arc<Self>, file: &str, path: PathBuf, spoken: UnboundedSender<Spoken>) {
        let lock = self.player.lock();
        let Some(player) = lock.as_ref().filter(|player| player.file == file) else { return };
        let course = player.course.clone();
        drop(lock);
        let (me, controls) = (self.clone(), self.setup.controls.clone());
        let run = move || {
            let played = me.played(&path, controls, &course);
            if let Err(error) = played
                && spoken.send(Spoken::Failed(error)).is_err()
            {
                tracing::debug!("a voice message was heard after the end");
            }
            // Another one may have been chosen meanwhile.
            let mut player = me.player.lock();
            if player.as_ref().is_some_and(|player| Arc::ptr_eq(&player.course, &course)) {
                *player = None;
            }
            drop(player);
            (me.wake)();
        };
        if let Err(error) = std::thread::Builder::new().name("voice message".to_owned()).spawn(run) {
            tracing::error!(%error, "a voice message cannot be played");
        }
    }

    fn played(&self, path: &Path, controls: DeviceControls, course: &Course) -> Result<(), String> {
        let failed = |error: VoiceError| error.to_string();
        let mut reader = VoiceReader::open(path).map_err(failed)?;
        let mut speaker = TelephoneSpeaker::new(controls, Clock::start());
        let (mut waiting, mut more, mut blocks) = (Vec::new(), true, 0);
        while !course.ends.load(Ordering::Acquire) {
            let at = speaker.wait();
            let seek = course.seek.swap(NOWHERE, Ordering::AcqRel);
            if seek != NOWHERE {
                blocks = seek * 1_000 / BLOCK_TIME;
                waiting.clear();
                reader = VoiceReader::open(path).map_err(failed)?;
                more = reader.skip(blocks * BLOCK as u64, &mut waiting).map_err(failed)?;
            }
            let mut block = [0.0; BLOCK];
            if !course.pauses.load(Ordering::Acquire) {
                while more && waiting.len() < BLOCK {
                    more = reader.read(&mut waiting).map_err(failed)?;
                }
                if waiting.is_empty() {
                    return Ok(());
                }
                let there = waiting.len().min(BLOCK);
                block[..there].copy_from_slice(&waiting[..there]);
                waiting.drain(..there);
                blocks += 1;
                self.tell(&course.heard, blocks);
            }
            let played = Played { block: &block, media_time: None, at };
            speaker.play(&played).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Voice messages on their way here, into a folder of this process; those that have come are kept for another time.
#[derive(Default)]
pub(super) struct Hearing {
    folder: Option<TempDir>,
    last: u64,
    coming: HashMap<PathBuf, String>,
    come: HashMap<String, PathBuf>,
}

/// How a voice message is to be had.
pub(super) enum Sought {
    Here(PathBuf),
    Fetch(Command),
    OnItsWay,
}

impl Hearing {
    pub fn begin(&mut self, file: &str) -> std::io::Result<Sought> {
        if let Some(path) = self.come.get(file) {
            return Ok(Sought::Here(path.clone()));
        }
        if self.coming.values().any(|known| known == file) {
            return Ok(Sought::OnItsWay);
        }
        let folder = match &self.folder {
            Some(folder) => folder,
            // For its owner's ears only, as temporary folders are.
            None => self.folder.insert(TempDir::with_prefix("komado-voices-")?),
        };
        self.last += 1;
        let to = folder.path().join(self.last.to_string());
        self.coming.insert(to.clone(), file.to_owned());
        Ok(Sought::Fetch(Command::Fetch { file: file.to_owned(), to, small: false }))
    }

    /// Takes in what has happened: `None` if it is about something else, else the file and where it has come to, or why
    /// it has not.
    pub fn take(&mut self, event: &Event) -> Option<(String, Result<PathBuf, String>)> {
        match event {
            Event::Fetched { path, .. } => {
                let file = self.coming.remove(Path::new(path))?;
                self.come.insert(file.clone(), path.into());
                Some((file, Ok(path.into())))
            }
            Event::TransferFailed { path: Some(path), reason, .. } => {
                Some((self.coming.remove(Path::new(path))?, Err(reason.clone())))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::device::{DeviceError, ToneMicrophone};

    fn voices() -> Arc<VoiceMessages> {
        let nothing = DeviceSetup::new(|_| Err(DeviceError::Picture("nobody calls here".into())));
        let setup = nothing.with_microphone(|clock| Ok(Box::new(ToneMicrophone::new(440.0, clock, clock.now()))));
        Arc::new(VoiceMessages::new(setup, Arc::new(|| {})))
    }

    fn until(voices: &VoiceMessages, what: impl Fn(&VoiceNow) -> bool) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !what(&voices.now()) {
            assert!(std::time::Instant::now() < deadline, "{:?}", voices.now());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_is_recorded_is_sent_and_can_be_heard() {
        let voices = voices();
        let (spoken, mut heard) = unbounded_channel();
        voices.record(7, spoken.clone());
        voices.record(8, spoken.clone());
        until(&voices, |now| now.recording.as_ref().is_some_and(|recording| recording.length >= 300));
        assert_eq!(voices.now().recording.unwrap().chat, 7, "one at a time");
        voices.end_recording(true);
        let Some(Spoken::Recorded(Command::InChat { chat: 7, act: InChat::Attach(_, attach) })) = heard.blocking_recv()
        else {
            panic!("nothing is sent")
        };
        let [Attach::Recorded(path, voice)] = &attach[..] else { panic!("{attach:?}") };
        assert!((280..20_000).contains(&voice.duration_ms), "{voice:?}");
        assert!(voice.waveform.iter().filter(|value| **value > 150).count() > 20, "{voice:?}");

        voices.choose("another", 0);
        voices.play("f1", path.clone(), spoken.clone());
        assert_eq!(voices.now().playing.unwrap().heard, 0, "it is not the one that was chosen last");
        voices.choose("f1", 0);
        voices.play("f1", path.clone(), spoken.clone());
        until(&voices, |now| now.playing.as_ref().is_some_and(|playing| playing.heard >= 100));
        voices.pause(true);
        assert!(voices.now().playing.unwrap().pauses);
        // Forwards and back, while it pauses; then on from there to the end.
        voices.seek(voice.duration_ms - 60);
        voices.seek(40);
        until(&voices, |now| now.playing.as_ref().is_some_and(|playing| playing.heard == 40));
        voices.pause(false);
        until(&voices, |now| now.playing.as_ref().is_some_and(|playing| playing.heard >= 100));
        voices.seek(voice.duration_ms - 20);
        until(&voices, |now| now.playing.is_none());
        voices.choose("f1", voice.duration_ms - 100);
        voices.play("f1", path.clone(), spoken.clone());
        assert!(voices.now().playing.unwrap().heard >= voice.duration_ms - 100);
        until(&voices, |now| now.playing.is_none());
        std::fs::remove_file(path).unwrap();
        assert!(heard.try_recv().is_err(), "nothing went wrong");
    }

    #[test]
    fn what_is_thrown_away_leaves_nothing_and_what_cannot_be_heard_says_why() {
        let voices = voices();
        let (spoken, mut heard) = unbounded_channel();
        voices.record(7, spoken.clone());
        until(&voices, |now| now.recording.is_some());
        voices.end_recording(false);
        until(&voices, |now| now.recording.is_none());
        assert!(heard.try_recv().is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise");
        std::fs::write(&path, [7; 4_000]).unwrap();
        voices.choose("f1", 0);
        voices.play("f1", path, spoken);
        let Some(Spoken::Failed(reason)) = heard.blocking_recv() else { panic!("noise is heard") };
        assert!(reason.contains("damaged"), "{reason}");
        until(&voices, |now| now.playing.is_none());
    }
}
