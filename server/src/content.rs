//! Files by the hash of their content: what is too large for the database, each kept once, in the data folder.
//!
//! A file is written beside its place, brought to the disk and then renamed: whoever finds one finds all of it. Nothing
//! here knows who refers to a file; whoever removes one makes sure that nobody does.

use ring::digest::{SHA256, digest};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

const HASH_BYTES: usize = 32;

/// The name of a file: the SHA-256 of what is in it, as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId([u8; HASH_BYTES]);

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file's name is {} hexadecimal digits", HASH_BYTES * 2)]
pub struct ContentIdError;

impl ContentId {
    /// The name of a file with this content.
    pub fn of(content: &[u8]) -> Self {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(digest(&SHA256, content).as_ref());
        Self(hash)
    }
}

impl std::fmt::Display for ContentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ContentId {
    type Err = ContentIdError;

    fn from_str(text: &str) -> Result<Self, ContentIdError> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let digits = digits.filter(|digits| digits.len() == HASH_BYTES * 2).ok_or(ContentIdError)?;
        let mut hash = [0; HASH_BYTES];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (pair[0] << 4) | pair[1];
        }
        Ok(Self(hash))
    }
}

impl schemars::JsonSchema for ContentId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContentId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
}

/// A folder of such files. Its calls block: make them where that is allowed.
#[derive(Debug)]
pub struct ContentStore {
    folder: PathBuf,
    drafts: AtomicU64,
}

impl ContentStore {
    /// The store in `folder`, which is made when the first file is.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), drafts: AtomicU64::new(0) }
    }

    /// Keeps a content; if it is kept already, nothing is written.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn keep(&self, content: &[u8]) -> io::Result<ContentId> {
        let id = ContentId::of(content);
        let path = self.path(id);
        if path.exists() {
            return Ok(id);
        }
        let folder = path.parent().unwrap_or(&self.folder);
        create_private(folder)?;
        let draft = folder.join(format!("{}-{}.new", std::process::id(), self.drafts.fetch_add(1, Ordering::Relaxed)));
        let written = write(&draft, content).and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            // Half a draft is of no use to anyone.
            if let Err(left) = fs::remove_file(&draft) {
                tracing::debug!(%left, path = %draft.display(), "a draft stays behind");
            }
            return Err(error);
        }
        // The name is on the disk only when its folder is.
        File::open(folder)?.sync_all()?;
        Ok(id)
    }

    /// What is kept under that name, if anything is.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn read(&self, id: ContentId) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(id)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn remove(&self, id: ContentId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Where a file is: folders of 256, so that none grows too large to be listed.
    pub fn path(&self, id: ContentId) -> PathBuf {
        let name = id.to_string();
        self.folder.join(&name[..2]).join(name)
    }
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_kept_once_and_found_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let store = ContentStore::new(folder.path().join("pictures"));
        let id = store.keep(b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(id.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(store.keep(b"abc").unwrap(), id);
        assert_eq!(store.read(id).unwrap().as_deref(), Some(&b"abc"[..]));
        let beside = fs::read_dir(store.path(id).parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "no draft stays behind");
        #[cfg(unix)]
        {
            let mode = fs::metadata(store.path(id)).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
        store.remove(id).unwrap();
        store.remove(id).unwrap();
        assert_eq!(store.read(id).unwrap(), None);
    }

    #[test]
    fn nothing_but_a_hash_is_a_name() {
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(65), &format!("../{}", "a".repeat(61))] {
            assert_eq!(bad.parse::<ContentId>(), Err(ContentIdError), "{bad}");
        }
    }
}
