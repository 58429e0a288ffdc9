//! The folder of files: those that come, each under its number, and those that are whole, each under its content's hash.
//!
//! Everything here blocks: call it where that is allowed.

use super::FileRefusal;
use ring::digest::{Context, SHA256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of files.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    drafts: AtomicU64,
}

/// What a look at the whole of a file says.
#[derive(Debug)]
pub(super) struct Sum {
    /// SHA-256, 64 hexadecimal digits.
    pub(super) hash: String,
    /// Whether it begins as a sound file does.
    pub(super) is_sound: bool,
}

impl Store {
    pub(super) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), drafts: AtomicU64::new(0) }
    }

    /// Where a file is of which not all has come.
    pub(super) fn incoming(&self, id: &str) -> PathBuf {
        self.folder.join("incoming").join(id)
    }

    /// Where a content is: folders of 256, so that none grows too large to be listed.
    pub(super) fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(hash.get(..2).unwrap_or_default()).join(hash)
    }

    /// Bytes of a file that have come.
    pub(super) fn received(&self, id: &str) -> Result<u64, FileRefusal> {
        match fs::metadata(self.incoming(id)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Brings a piece to the disk, if it is the next one; gives how much of the file is there then.
    pub(super) fn append(&self, id: &str, at: u64, piece: &[u8], size: u64) -> Result<u64, FileRefusal> {
        let end = at.saturating_add(piece.len() as u64);
        if end > size {
            return Err(FileRefusal::Beyond(size));
        }
        let received = self.received(id)?;
        if end <= received {
            return Ok(received);
        }
        if at != received {
            return Err(FileRefusal::Offset { received });
        }
        let path = self.incoming(id);
        private_folder(path.parent().unwrap_or(&self.folder))?;
        let mut file = private_file().create(true).truncate(false).write(true).open(&path)?;
        let written =
            file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(piece)).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a piece would be taken for a whole one.
            file.set_len(at)?;
            return Err(error.into());
        }
        Ok(end)
    }

    /// Looks at the whole of a file that has come.
    pub(super) fn checksum(&self, id: &str) -> Result<Sum, FileRefusal> {
        let mut file = File::open(self.incoming(id))?;
        let (mut context, mut buffer, mut beginning) = (Context::new(&SHA256), vec![0; 64 << 10], Vec::new());
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            context.update(&buffer[..read]);
            let wanted = BEGINNING.saturating_sub(beginning.len()).min(read);
            beginning.extend_from_slice(&buffer[..wanted]);
        }
        Ok(Sum { hash: hexadecimal(context.finish().as_ref()), is_sound: is_sound(&beginning) })
    }

    /// Moves a file that is whole to the place of its content, where it may be already.
    pub(super) fn settle(&self, id: &str, hash: &str) -> Result<(), FileRefusal> {
        let (from, to) = (self.incoming(id), self.path(hash));
        if to.exists() {
            return remove(&from);
        }
        let folder = to.parent().unwrap_or(&self.folder);
        private_folder(folder)?;
        File::open(&from)?.sync_all()?;
        fs::rename(&from, &to)?;
        // The name is on the disk only when its folder is.
        Ok(File::open(folder)?.sync_all()?)
    }

    /// Keeps a small content; gives its hash.
    pub(super) fn keep(&self, content: &[u8]) -> Result<String, FileRefusal> {
        let hash = hexadecimal(ring::digest::digest(&SHA256, content).as_ref());
        let draft = format!("draft-{}-{}", std::process::id(), self.drafts.fetch_add(1, Ordering::Relaxed));
        remove(&self.incoming(&draft))?;
        self.append(&draft, 0, content, content.len() as u64)?;
        self.settle(&draft, &hash)?;
        Ok(hash)
    }

    /// Removes a content.
    pub(super) fn remove(&self, hash: &str) -> Result<(), FileRefusal> {
        remove(&self.path(hash))
    }

    /// Removes what has come of a file.
    pub(super) fn give_up(&self, id: &str) -> Result<(), FileRefusal> {
        remove(&self.incoming(id))
    }
}

/// Bytes at the beginning of a file that tell what it is.
const BEGINNING: usize = 64;

/// Ogg with Opus (RFC 7845, section 5.1), or Matroska (RFC 9559; its EBML header, RFC 8794).
fn is_sound(beginning: &[u8]) -> bool {
    let ogg = beginning.starts_with(b"OggS") && beginning.windows(8).any(|window| window == b"OpusHead");
    ogg || beginning.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn remove(path: &Path) -> Result<(), FileRefusal> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
