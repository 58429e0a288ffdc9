//! Files on their way up: announced, sent piece by piece over whatever link there is, then named in their line.

use std::{
    collections::VecDeque,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use relay::vocabulary::{
    BULK_BYTES_MAX, Bulk, ChangeChat, ChatId, FileProgress, Problem, SendFile, SendMessage, Voice, code,
};
use tempfile::TempPath;

use super::{command::InChat, core::Core, event::Event, requests::Purpose, state::Transfer};
use crate::call::{VOICE_MEDIA, record_voice};

/// Pieces of one file that are on their way at a time.
const AT_ONCE: u32 = 3;

/// Files that may wait for their turn, in either direction.
pub(super) const TRANSFERS_MAX: usize = 1_000;

/// What is sent with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attach {
    /// A file.
    File(PathBuf),
    /// A file that was made to be sent: whoever gives it removes it once its line is stored, or never will be.
    Passing(PathBuf),
    /// So much of what the microphone gives.
    Voice(Duration),
    /// A voice message that was recorded, in such a file.
    Recorded(PathBuf, Voice),
}

/// A line that waits for its files.
#[derive(Debug)]
pub(super) struct Sending {
    number: u64,
    chat: ChatId,
    message: SendMessage,
    /// Whether the file becomes the chat's picture, and there is no line.
    is_picture: bool,
    waiting: VecDeque<Attach>,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    file: File,
    /// Told apart from other versions of it by this: when it was changed last, and its length.
    changed: u64,
    announce: SendFile,
    /// Its number at the server, once that is known.
    id: Option<String>,
    /// Where the next piece begins.
    next: u64,
    on_the_way: u32,
    /// The server has asked for patience.
    waits: bool,
    /// What was recorded here is gone with its upload.
    _recorded: Option<TempPath>,
}

/// A voice message was recorded.
pub(super) struct Recorded {
    number: u64,
    result: Result<(TempPath, Voice), String>,
}

impl Core {
    /// Sends a line with files.
    pub(super) fn send_files(&mut self, chat: ChatId, message: SendMessage, attach: Vec<Attach>) {
        self.queue_files(chat, message, attach, false);
    }

    /// Sends a file that becomes the chat's picture.
    pub(super) fn send_chat_picture(&mut self, chat: ChatId, path: PathBuf) {
        self.queue_files(chat, SendMessage::default(), vec![Attach::File(path)], true);
    }

    fn queue_files(&mut self, chat: ChatId, mut message: SendMessage, attach: Vec<Attach>, is_picture: bool) {
        if message.key.is_empty() {
            let Some(key) = self.key() else { return };
            message.key = key;
        }
        self.last_transfer += 1;
        let number = self.last_transfer;
        if self.sending.len() >= TRANSFERS_MAX {
            self.too_many_transfers(number, None);
            return self.tell(Event::NotStored { chat, key: message.key });
        }
        self.sending.push_back(Sending { number, chat, message, is_picture, waiting: attach.into(), upload: None });
        if self.sending.len() == 1 {
            self.begin_upload();
        }
    }

    pub(super) fn too_many_transfers(&self, transfer: u64, path: Option<String>) {
        let reason = format!("{TRANSFERS_MAX} files wait for their turn already: wait until some have come");
        self.tell(Event::TransferFailed { transfer, reason, path });
    }

    /// Begins with the next file of the first line, or sends the line when all its files are there.
    fn begin_upload(&mut self) {
        let Some(sending) = self.sending.front_mut() else { return };
        let Some(next) = sending.waiting.pop_front() else {
            let Some(sending) = self.sending.pop_front() else { return };
            self.state.transfers.remove(&sending.number);
            if sending.is_picture {
                let change = ChangeChat { picture: sending.message.files.into_iter().next(), ..ChangeChat::default() };
                self.in_chat(sending.chat, InChat::Describe(change));
            } else {
                self.send_message(sending.chat, sending.message);
            }
            return self.begin_upload();
        };
        match next {
            Attach::File(path) | Attach::Passing(path) => self.announce(open(&path, None)),
            Attach::Recorded(path, voice) => self.announce(open(&path, Some(voice))),
            Attach::Voice(length) => self.record(length),
        }
    }

    fn announce(&mut self, opened: Result<Upload, String>) {
        let mut upload = match opened {
            Ok(upload) => upload,
            Err(reason) => return self.give_up_sending(&reason),
        };
        let Some(sending) = self.sending.front_mut() else { return };
        // Of the line's: a client that was started anew goes on with what has come of the same file, and begins anew with
        // one that was changed.
        let (place, changed) = (sending.message.files.len(), upload.changed);
        upload.announce.key = format!("{}-{place}-{changed:x}", sending.message.key);
        let (name, size) = (upload.announce.name.clone(), upload.announce.size);
        let transfer = Transfer { chat: Some(sending.chat), name, up: true, done: 0, size };
        self.state.transfers.insert(sending.number, transfer);
        sending.upload = Some(upload);
        self.resume_upload();
    }

    /// Asks what has come of the file at hand: at its beginning, and over a new link.
    pub(super) fn resume_upload(&mut self) {
        if !self.link.as_ref().is_some_and(|link| link.authenticated) {
            return;
        }
        let Some(upload) = self.sending.front_mut().and_then(|sending| sending.upload.as_mut()) else { return };
        (upload.on_the_way, upload.waits) = (0, false);
        match upload.id.clone() {
            Some(id) => drop(self.ask(Purpose::Upload, "GET", &format!("/v1/files/{id}"), &())),
            None => {
                let announce = upload.announce.clone();
                self.ask(Purpose::Upload, "POST", "/v1/files", &announce);
            }
        }
    }

    /// The server says how much of the file at hand has come.
    pub(super) fn uploaded(&mut self, progress: FileProgress, of_piece: bool) {
        let Some(sending) = self.sending.front_mut() else { return };
        let (number, Some(upload)) = (sending.number, sending.upload.as_mut()) else { return };
        if of_piece && upload.id.as_deref() != Some(&progress.id) {
            return;
        }
        if of_piece {
            upload.on_the_way = upload.on_the_way.saturating_sub(1);
        } else {
            upload.id = Some(progress.id.clone());
            upload.next = progress.received;
        }
        if let Some(transfer) = self.state.transfers.get_mut(&number) {
            transfer.done = transfer.done.max(progress.received);
        }
        if progress.complete {
            sending.upload = None;
            sending.message.files.push(progress.id);
            return self.begin_upload();
        }
        self.send_pieces();
    }

    /// Sends pieces for as long as the link takes them and few enough are on their way.
    pub(super) fn send_pieces(&mut self) {
        while let Some((path, end, bytes)) = match self.next_piece() {
            Ok(piece) => piece,
            Err(reason) => return self.give_up_sending(&reason),
        } {
            if !self.ask_bulk(Purpose::Piece, "PUT", &path, bytes) {
                return;
            }
            if let Some(upload) = self.sending.front_mut().and_then(|sending| sending.upload.as_mut()) {
                upload.next = end;
                upload.on_the_way += 1;
            }
        }
    }

    fn next_piece(&mut self) -> Result<Option<(String, u64, Bytes)>, String> {
        let Some(upload) = self.sending.front_mut().and_then(|sending| sending.upload.as_mut()) else {
            return Ok(None);
        };
        let left = upload.announce.size.saturating_sub(upload.next);
        let Some(id) = upload.id.as_ref().filter(|_| left > 0 && upload.on_the_way < AT_ONCE) else { return Ok(None) };
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(BULK_BYTES_MAX);
        let mut bytes = vec![0; length];
        let read = upload.file.seek(SeekFrom::Start(upload.next)).and_then(|_| upload.file.read_exact(&mut bytes));
        read.map_err(|error| format!("{} cannot be read: {error}", upload.announce.name))?;
        let path = format!("/v1/files/{id}?at={}", upload.next);
        Ok(Some((path, upload.next + length as u64, Bytes::from(bytes))))
    }

    /// The server did not take a piece or the file.
    pub(super) fn not_uploaded(&mut self, problem: &Problem) {
        if problem.code == code::WRONG_OFFSET {
            // One that was lost on the way: the server knows where to go on.
            return self.resume_upload();
        }
        let upload = self.sending.front_mut().and_then(|sending| sending.upload.as_mut());
        match upload.filter(|_| problem.retry_after_ms.is_some()) {
            Some(upload) => upload.waits = true,
            None => self.give_up_sending(&problem.detail),
        }
    }

    /// Goes on after the server had asked for patience.
    pub(super) fn retry_upload(&mut self) {
        let upload = self.sending.front().and_then(|sending| sending.upload.as_ref());
        if upload.is_some_and(|upload| upload.waits) {
            self.resume_upload();
        }
    }

    fn give_up_sending(&mut self, reason: &str) {
        let Some(sending) = self.sending.pop_front() else { return };
        self.state.transfers.remove(&sending.number);
        self.tell(Event::TransferFailed { transfer: sending.number, reason: reason.to_owned(), path: None });
        if !sending.is_picture {
            self.tell(Event::NotStored { chat: sending.chat, key: sending.message.key });
        }
        self.begin_upload();
    }

    /// Records a voice message on a thread of its own.
    fn record(&mut self, length: Duration) {
        let Some(number) = self.sending.front().map(|sending| sending.number) else { return };
        let microphone = match self.devices.open_microphone(self.clock) {
            Some(Ok(microphone)) => microphone,
            Some(Err(error)) => return self.give_up_sending(&error.to_string()),
            None => return self.give_up_sending("there is no microphone for voice messages"),
        };
        let quality = self.devices.audio;
        self.recordings.spawn_blocking(move || {
            let result = tempfile::Builder::new().prefix("komado-voice-").suffix(".mka").tempfile();
            let result = result.map_err(|error| format!("a voice message cannot be kept: {error}")).and_then(|file| {
                let path = file.into_temp_path();
                let voice = record_voice(microphone, quality, length, &path, || false);
                voice.map(|voice| (path, voice)).map_err(|error| error.to_string())
            });
            Recorded { number, result }
        });
    }

    pub(super) fn recorded(&mut self, recorded: Recorded) {
        if self.sending.front().map(|sending| sending.number) != Some(recorded.number) {
            return;
        }
        let opened = recorded.result.and_then(|(path, voice)| {
            let mut upload = open(&path, Some(voice))?;
            upload._recorded = Some(path);
            Ok(upload)
        });
        self.announce(opened);
    }

    /// Sends a command with bytes of its own. False if the link takes no more now, or there is none.
    pub(super) fn ask_bulk(&mut self, purpose: Purpose, method: &str, path: &str, bytes: Bytes) -> bool {
        let Some(link) = &mut self.link else { return false };
        let envelope = link.requests.envelope(method, path);
        let sent = Bulk { envelope: envelope.clone(), bytes }.encode().map_err(|error| error.to_string());
        let sent = sent.and_then(|payload| link.connection.send_bulk(&payload).map_err(|error| error.to_string()));
        match sent {
            Ok(taken) => {
                if taken {
                    link.requests.wait_for(envelope.id, purpose);
                }
                taken
            }
            Err(error) => {
                self.warn(format!("The link takes no more: {error}."));
                false
            }
        }
    }
}

fn open(path: &Path, voice: Option<Voice>) -> Result<Upload, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(unreadable(&"it is not a file"));
    }
    let name = match &voice {
        Some(_) => "voice.mka".to_owned(),
        None => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let media = if voice.is_some() { VOICE_MEDIA } else { media_type(&name) }.to_owned();
    let announce = SendFile { name, media, size: metadata.len(), key: String::new(), voice };
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    // A system that does not tell may send the beginning of one version and the end of another after a crash.
    let changed = metadata.modified().map_or(0, since) as u64 ^ metadata.len();
    Ok(Upload { changed, file, announce, id: None, next: 0, on_the_way: 0, waits: false, _recorded: None })
}

/// The media type that a name promises; the server looks at pictures itself.
fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "txt" | "md" | "log" => "text/plain",
        "csv" => "text/csv",
        "zip" => "application/zip",
        "mp4" => "video/mp4",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "mka" => VOICE_MEDIA,
        "ogg" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}
