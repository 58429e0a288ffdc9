//! Pictures on their way from the server to the store: fetched into a folder of this process, decoded, removed.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use egui::ColorImage;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::stills::{self, StillError, StillKey, Stills};
use crate::engine::{Command, Event};

/// What is fetched and decoded now.
#[derive(Default)]
pub(super) struct Seeing {
    folder: Option<TempDir>,
    last: u64,
    fetched: HashMap<PathBuf, StillKey>,
    decoded: JoinSet<(StillKey, Result<ColorImage, StillError>)>,
}

impl Seeing {
    /// What the engine is to do for a picture.
    pub fn begin(&mut self, key: &StillKey) -> io::Result<Command> {
        let folder = match &self.folder {
            Some(folder) => folder,
            // For its owner's eyes only, as temporary folders are.
            None => self.folder.insert(TempDir::with_prefix("komado-stills-")?),
        };
        self.last += 1;
        let to = folder.path().join(self.last.to_string());
        self.fetched.insert(to.clone(), key.clone());
        Ok(match key.clone() {
            StillKey::Thumbnail(file) => Command::Fetch { file, to, small: true },
            StillKey::Person(picture) => Command::FetchPicture { picture, to },
            StillKey::Whole(file) => Command::Fetch { file, to, small: false },
        })
    }

    /// Takes in what has happened, if it is about a picture on its way; says whether it was.
    pub fn take(&mut self, event: &Event, stills: &Stills) -> bool {
        match event {
            Event::Fetched { path, .. } => {
                let Some((path, key)) = self.fetched.remove_entry(Path::new(path)) else { return false };
                self.decoded.spawn_blocking(move || {
                    let still = stills::read(&path);
                    if let Err(error) = std::fs::remove_file(&path) {
                        tracing::warn!(%error, "a fetched picture stays behind");
                    }
                    (key, still)
                });
                true
            }
            Event::TransferFailed { path: Some(path), reason, .. } => {
                let Some(key) = self.fetched.remove(Path::new(path)) else { return false };
                tracing::info!(?key, reason, "a picture did not come");
                stills.put_broken(key);
                true
            }
            _ => false,
        }
    }

    pub fn is_busy(&self) -> bool {
        !self.decoded.is_empty()
    }

    /// Waits for the next picture that is decoded, and puts it into the store.
    pub async fn seen(&mut self, stills: &Stills) {
        match self.decoded.join_next().await {
            Some(Ok((key, Ok(still)))) => stills.put(key, still),
            Some(Ok((key, Err(error)))) => {
                tracing::info!(?key, %error, "a picture is not shown");
                stills.put_broken(key);
            }
            Some(Err(error)) => tracing::error!(%error, "decoding a picture broke off"),
            None => {}
        }
    }
}
