//! Files that people send: announced, sent in pieces, kept by the hash of their content outside the database.
//!
//! A file's pieces are written beside its place and each is on the disk before it is answered, so that an upload goes on
//! where it was after any cut or crash. When the last one has come the whole is hashed and moved to its place, where each
//! content stands once. A file belongs to whoever sent it, and can be had by those who may read a line that it hangs on,
//! or the chat whose picture it is. What hangs nowhere is removed after a while, with its content.

mod content;
mod records;
mod refusal;
mod store;
mod thumbnail;
mod upkeep;

pub use content::{Content, ContentBody};
pub use refusal::FileRefusal;

use crate::clock::unix_ms;
use crate::database::Database;
use crate::identity::AccountId;
use bytes::Bytes;
use records::Record;
use relay::vocabulary::{FileProgress, SendFile, Voice};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use store::Store;
use tokio::sync::Mutex;

/// What files may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest file, in bytes.
    pub size: u64,
    /// Bytes of all files of one account.
    pub of_account: u64,
    /// Media types that are taken: `image/png`, `image/*`, or `*/*` for all.
    pub media: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: 100 << 20, of_account: 5 << 30, media: vec!["*/*".to_owned()] }
    }
}

impl Limits {
    fn takes(&self, media: &str) -> bool {
        let media = media.to_ascii_lowercase();
        let kind = media.split('/').next().unwrap_or_default();
        self.media.iter().any(|allowed| match allowed.to_ascii_lowercase().as_str() {
            "*/*" => true,
            allowed => allowed == media || allowed.strip_suffix("/*") == Some(kind),
        })
    }
}

/// What is known of a file besides its name: a column of the table of files, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Width and height in pixels, if it is a picture that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<(u32, u32)>,
    /// Set for a voice message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
}

/// All files.
#[derive(Debug)]
pub struct Files {
    database: Arc<Database>,
    store: Arc<Store>,
    limits: Limits,
    /// One piece of a file at a time.
    writing: parking_lot::Mutex<HashMap<String, Weak<Mutex<()>>>>,
    /// Held while a content comes or goes, so that none is removed that a new file has just found.
    settling: Mutex<()>,
}

impl Files {
    /// The files of `database`, kept in `folder`.
    pub fn new(database: Arc<Database>, folder: impl Into<PathBuf>, limits: Limits) -> Self {
        let store = Arc::new(Store::new(folder));
        Self { database, store, limits, writing: parking_lot::Mutex::default(), settling: Mutex::default() }
    }

    /// Announces a file. A repeated key is answered with what has come of it.
    ///
    /// # Errors
    /// [`FileRefusal`].
    pub async fn announce(&self, owner: AccountId, file: SendFile) -> Result<FileProgress, FileRefusal> {
        if file.size > self.limits.size {
            return Err(FileRefusal::TooLarge(self.limits.size));
        }
        if !self.limits.takes(&file.media) {
            return Err(FileRefusal::Media(file.media, self.limits.media.join(", ")));
        }
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| FileRefusal::NoRandom)?;
        let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let quota = self.limits.of_account;
        let record = self.database.attempt(move |c| records::announce(c, &id, owner, &file, quota, unix_ms())).await?;
        self.progress_of(record).await
    }

    /// What has come of a file of `owner`.
    ///
    /// # Errors
    /// [`FileRefusal`].
    pub async fn progress(&self, owner: AccountId, id: &str) -> Result<FileProgress, FileRefusal> {
        let record = self.owned(owner, id).await?;
        self.progress_of(record).await
    }

    /// Writes a piece at its place, which must be where the file ends so far; a piece that came before is passed over.
    ///
    /// # Errors
    /// [`FileRefusal`]; [`FileRefusal::Offset`] says where the next piece begins.
    pub async fn write(&self, owner: AccountId, id: &str, at: u64, piece: Bytes) -> Result<FileProgress, FileRefusal> {
        let record = self.owned(owner, id).await?;
        if record.hash.is_some() {
            return self.progress_of(record).await;
        }
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let (size, store, file) = (record.size, self.store.clone(), id.to_owned());
        let received = blocking(move || store.append(&file, at, &piece, size)).await??;
        if received < size {
            return Ok(record.progress(received));
        }
        self.complete(record).await
    }

    /// The content of a file that `account` may have; the thumbnail of one if `small`.
    ///
    /// # Errors
    /// [`FileRefusal`].
    pub async fn content(&self, account: AccountId, id: &str, small: bool) -> Result<Content, FileRefusal> {
        let file = id.to_owned();
        let record = self.database.read(move |c| records::readable(c, account, &file)).await?;
        let record = record.ok_or(FileRefusal::Unknown)?;
        let (hash, media) = if small {
            (record.thumbnail.ok_or(FileRefusal::NoThumbnail)?, "image/jpeg".to_owned())
        } else {
            (record.hash.ok_or(FileRefusal::Unknown)?, record.media)
        };
        let path = self.store.path(&hash);
        let file = tokio::fs::File::open(&path).await.map_err(FileRefusal::disk)?;
        let size = file.metadata().await.map_err(FileRefusal::disk)?.len();
        Ok(Content { file, size, hash, media, name: record.name, small })
    }

    async fn owned(&self, owner: AccountId, id: &str) -> Result<Record, FileRefusal> {
        let file = id.to_owned();
        let record = self.database.read(move |c| records::owned(c, owner, &file)).await?;
        record.ok_or(FileRefusal::Unknown)
    }

    async fn progress_of(&self, record: Record) -> Result<FileProgress, FileRefusal> {
        if record.hash.is_some() {
            return Ok(record.progress(record.size));
        }
        let (store, id) = (self.store.clone(), record.id.clone());
        let received = blocking(move || store.received(&id)).await??;
        Ok(record.progress(received.min(record.size)))
    }

    /// All of a file has come: its content moves to its place, and the database knows it.
    async fn complete(&self, record: Record) -> Result<FileProgress, FileRefusal> {
        let (store, id) = (self.store.clone(), record.id.clone());
        let is_picture = record.media.starts_with("image/");
        let is_voice = record.details.voice.is_some();
        let checked = blocking(move || {
            let sum = store.checksum(&id)?;
            if is_voice && !sum.is_sound {
                store.give_up(&id)?;
                return Err(FileRefusal::NoSound);
            }
            let small = if is_picture { thumbnail::of(&store.incoming(&id)) } else { None };
            Ok((sum.hash, small))
        });
        let (hash, small) = checked.await??;
        let _settling = self.settling.lock().await;
        let (store, id, kept) = (self.store.clone(), record.id.clone(), hash.clone());
        let (size, thumbnail) = (small.as_ref().map(|small| small.size), small.map(|small| small.jpeg));
        let thumbnail = blocking(move || {
            let thumbnail = thumbnail.map(|jpeg| store.keep(&jpeg)).transpose()?;
            store.settle(&id, &kept)?;
            Ok::<_, FileRefusal>(thumbnail)
        });
        let thumbnail = thumbnail.await??;
        let details = Details { picture: size, ..record.details.clone() };
        let (id, kept) = (record.id.clone(), hash.clone());
        self.database.write(move |c| records::complete(c, &id, &kept, thumbnail.as_deref(), &details)).await?;
        Ok(Record { hash: Some(hash), ..record }.finished())
    }

    fn turn(&self, id: &str) -> Arc<Mutex<()>> {
        let mut writing = self.writing.lock();
        if let Some(turn) = writing.get(id).and_then(Weak::upgrade) {
            return turn;
        }
        writing.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Mutex::new(()));
        writing.insert(id.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// Runs what waits for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T, FileRefusal> {
    tokio::task::spawn_blocking(job).await.map_err(|_| FileRefusal::Unable)
}

#[cfg(test)]
mod tests;
