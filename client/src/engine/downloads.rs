//! Files on their way down: asked for part by part over whatever link there is, written beside their place, then moved
//! there.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use relay::vocabulary::{BULK_BYTES_MAX, Bulk, PictureData, Response};

use super::{core::Core, event::Event, requests::Purpose, state::Transfer, uploads::TRANSFERS_MAX};

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file that hangs on a line, part by part.
    File(String),
    /// The thumbnail of one.
    Thumbnail(String),
    /// The picture of someone, by the name that their profile has for it.
    Picture(String),
}

impl Source {
    fn name(&self) -> &str {
        match self {
            Self::File(name) | Self::Thumbnail(name) | Self::Picture(name) => name,
        }
    }

    fn path(&self, from: u64) -> String {
        match self {
            Self::File(file) => format!("/v1/files/{file}/content?from={from}&length={BULK_BYTES_MAX}"),
            Self::Thumbnail(file) => format!("/v1/files/{file}/thumbnail"),
            Self::Picture(picture) => format!("/v1/pictures/{picture}"),
        }
    }

    fn is_small(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// A file that is fetched.
#[derive(Debug)]
pub(super) struct Fetching {
    number: u64,
    source: Source,
    to: PathBuf,
    begun: Option<File>,
    got: u64,
    asked: bool,
}

pub(super) type Fetches = VecDeque<Fetching>;

impl Core {
    /// Fetches something to a path.
    pub(super) fn fetch(&mut self, source: Source, to: PathBuf) {
        self.last_transfer += 1;
        let number = self.last_transfer;
        if self.fetching.len() >= TRANSFERS_MAX {
            return self.too_many_transfers(number, Some(to.display().to_string()));
        }
        let transfer = Transfer { chat: None, name: source.name().to_owned(), up: false, done: 0, size: 0 };
        self.state.transfers.insert(number, transfer);
        self.fetching.push_back(Fetching { number, source, to, begun: None, got: 0, asked: false });
        self.fetch_on();
    }

    /// A new link: what was asked for over the old one is asked for again.
    pub(super) fn resume_fetch(&mut self) {
        if let Some(fetching) = self.fetching.front_mut() {
            fetching.asked = false;
        }
        self.fetch_on();
    }

    /// Asks for the next part of the file at hand, if none is asked for.
    pub(super) fn fetch_on(&mut self) {
        if !self.link.as_ref().is_some_and(|link| link.authenticated) {
            return;
        }
        if self.fetching.front().is_none_or(|fetching| fetching.asked) {
            return;
        }
        // What is small and looked at is not kept waiting by what is large: that goes on afterwards.
        let small = self.fetching.iter().position(|fetching| fetching.source.is_small());
        if let Some(small) = small.and_then(|index| self.fetching.remove(index)) {
            self.fetching.push_front(small);
        }
        let Some(fetching) = self.fetching.front() else { return };
        let path = fetching.source.path(fetching.got);
        // Pictures of people come as JSON, and so as any other answer does.
        let asked = match fetching.source {
            Source::Picture(_) => self.ask(Purpose::Picture, "GET", &path, &()),
            _ => self.ask_bulk(Purpose::Fetch, "GET", &path, Bytes::new()),
        };
        if let Some(fetching) = self.fetching.front_mut() {
            fetching.asked = asked;
        }
    }

    /// An answer with bytes came.
    pub(super) fn bulk(&mut self, payload: &Bytes) {
        let answer = match Bulk::<Response>::parse(payload) {
            Ok(answer) => answer,
            Err(error) => return self.warn(format!("An answer of the server cannot be understood: {error}.")),
        };
        let purpose = self.link.as_mut().and_then(|link| link.requests.answered(&answer.envelope));
        if purpose.is_none_or(|asked| asked.purpose != Purpose::Fetch) {
            return;
        }
        let size = answer.envelope.body["size"].as_u64();
        self.part_came(&answer.bytes, size);
    }

    /// A picture of someone came.
    pub(super) fn picture_came(&mut self, picture: &PictureData) {
        match STANDARD.decode(&picture.image) {
            Ok(image) => self.part_came(&image, None),
            Err(error) => self.give_up_fetching(&format!("the server sent no picture: {error}")),
        }
    }

    /// A part of what is fetched came; `size` is that of all of it, unless this is all.
    fn part_came(&mut self, bytes: &[u8], size: Option<u64>) {
        let Some(fetching) = self.fetching.front_mut() else { return };
        fetching.asked = false;
        let size = size.unwrap_or(fetching.got + bytes.len() as u64);
        let written = fetching.write(bytes);
        let (number, got) = (fetching.number, fetching.got);
        if let Some(transfer) = self.state.transfers.get_mut(&number) {
            (transfer.done, transfer.size) = (got, size);
        }
        match written {
            Err(error) => self.give_up_fetching(&format!("the file cannot be written: {error}")),
            Ok(()) if got < size => self.fetch_on(),
            Ok(()) => self.fetched(),
        }
    }

    fn fetched(&mut self) {
        let Some(fetching) = self.fetching.pop_front() else { return };
        self.state.transfers.remove(&fetching.number);
        match fetching.finish() {
            Ok(()) => {
                let path = fetching.to.display().to_string();
                let file = fetching.source.name().to_owned();
                self.tell(Event::Fetched { transfer: fetching.number, file, path, size: fetching.got });
            }
            Err(error) => {
                let reason = format!("the file cannot be written: {error}");
                let path = Some(fetching.to.display().to_string());
                self.tell(Event::TransferFailed { transfer: fetching.number, reason, path });
            }
        }
        self.fetch_on();
    }

    /// The server does not give the file at hand.
    pub(super) fn give_up_fetching(&mut self, reason: &str) {
        let Some(fetching) = self.fetching.pop_front() else { return };
        self.state.transfers.remove(&fetching.number);
        if let Err(error) = fs::remove_file(fetching.draft())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "half a file stays behind");
        }
        let path = Some(fetching.to.display().to_string());
        self.tell(Event::TransferFailed { transfer: fetching.number, reason: reason.to_owned(), path });
        self.fetch_on();
    }
}

impl Fetching {
    fn draft(&self) -> PathBuf {
        let mut name = self.to.clone().into_os_string();
        name.push(".part");
        name.into()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let draft = self.draft();
        let file = match &mut self.begun {
            Some(file) => file,
            none => none.insert(File::create(draft)?),
        };
        file.write_all(bytes)?;
        self.got += bytes.len() as u64;
        Ok(())
    }

    fn finish(&self) -> io::Result<()> {
        if let Some(file) = &self.begun {
            file.sync_all()?;
        }
        fs::rename(self.draft(), &self.to)
    }
}
