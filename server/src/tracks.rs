//! The live tracks: those of calls and the public ones, by number and by name, each with who may read and write it.

use crate::identity::authority::{Owner, Readers};
use parking_lot::Mutex;
use relay::track::{Retention, Track};
use relay::{SECOND, TrackId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes and media time that a video track holds for readers that are behind: 8 s at 4 Mb/s.
const VIDEO: Retention = Retention::Group { max_bytes: 4 << 20, max_time: 10 * SECOND };
/// The same for sound: older than this, nobody wants to hear it.
const AUDIO: Retention = Retention::Group { max_bytes: 256 << 10, max_time: 2 * SECOND };
/// At most one request for a keyframe in this time reaches the writer.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(250);
/// How many public tracks there may be at once.
const PUBLIC_MAX: usize = 1_000;

/// What a live track carries, which decides how much of it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A camera.
    Video,
    /// A microphone.
    Audio,
}

/// One live track and the rights on it.
#[derive(Debug, Clone)]
pub struct Live {
    /// The track.
    pub track: Track,
    /// What it carries.
    pub content: Content,
    /// Who may read it.
    pub readers: Readers,
    /// Who may write it.
    pub owner: Owner,
    /// Its public name, if it has one.
    pub name: Option<String>,
}

/// Why a public track was not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The name is in use.
    #[error("there is a public track of this name already: choose another name, or end the other one first")]
    Taken,
    /// Too many exist.
    #[error("this server has {PUBLIC_MAX} public tracks already: end one first")]
    TooMany,
}

/// All live tracks.
#[derive(Debug, Default)]
pub struct Tracks {
    tables: Mutex<Tables>,
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct Tables {
    live: HashMap<TrackId, Entry>,
    public: HashMap<String, TrackId>,
}

#[derive(Debug)]
struct Entry {
    live: Live,
    keyframe_asked: Option<Duration>,
}

impl Tracks {
    /// Creates a track that `owner` writes and `readers` read.
    pub fn create(&self, content: Content, owner: Owner, readers: Readers) -> Track {
        let track = self.track(content);
        let live = Live { track: track.clone(), content, readers, owner, name: None };
        self.tables.lock().live.insert(track.id(), Entry { live, keyframe_asked: None });
        track
    }

    /// Creates a track that anyone may read by its name. The owner's device creating it once more gets the same again.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn publish(&self, name: &str, owner: Owner) -> Result<Track, CreateError> {
        let mut tables = self.tables.lock();
        if let Some(existing) = tables.public.get(name).and_then(|id| tables.live.get(id)) {
            let mine = existing.live.owner == owner;
            return if mine { Ok(existing.live.track.clone()) } else { Err(CreateError::Taken) };
        }
        if tables.public.len() >= PUBLIC_MAX {
            return Err(CreateError::TooMany);
        }
        let track = self.track(Content::Video);
        let content = Content::Video;
        let live = Live { track: track.clone(), content, readers: Readers::Public, owner, name: Some(name.to_owned()) };
        tables.live.insert(track.id(), Entry { live, keyframe_asked: None });
        tables.public.insert(name.to_owned(), track.id());
        Ok(track)
    }

    /// The live track of that number.
    pub fn find(&self, id: TrackId) -> Option<Live> {
        self.tables.lock().live.get(&id).map(|entry| entry.live.clone())
    }

    /// The public track of that name.
    pub fn public(&self, name: &str) -> Option<Track> {
        let tables = self.tables.lock();
        let id = tables.public.get(name)?;
        tables.live.get(id).map(|entry| entry.live.track.clone())
    }

    /// What a device may write: to be told to each of its new links.
    pub fn owned_by(&self, owner: &Owner) -> Vec<Track> {
        let tables = self.tables.lock();
        tables.live.values().filter(|entry| entry.live.owner == *owner).map(|entry| entry.live.track.clone()).collect()
    }

    /// The public tracks that a device writes.
    pub fn published_by(&self, owner: &Owner) -> Vec<TrackId> {
        let tables = self.tables.lock();
        let mine = tables.live.values().filter(|entry| entry.live.owner == *owner && entry.live.name.is_some());
        mine.map(|entry| entry.live.track.id()).collect()
    }

    /// Ends a track: readers get what it still holds, then its end.
    pub fn close(&self, id: TrackId) -> Option<Live> {
        let mut tables = self.tables.lock();
        let live = tables.live.remove(&id)?.live;
        if let Some(name) = &live.name {
            tables.public.remove(name);
        }
        drop(tables);
        live.track.close();
        Some(live)
    }

    /// Ends every track.
    pub fn close_all(&self) {
        let ids: Vec<TrackId> = self.tables.lock().live.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
    }

    /// Whether a wish for a keyframe should be passed on to the writer now, or one was a moment ago.
    pub fn keyframe_due(&self, id: TrackId, now: Duration) -> bool {
        let mut tables = self.tables.lock();
        let Some(entry) = tables.live.get_mut(&id) else { return false };
        let due = entry.keyframe_asked.is_none_or(|asked| now.saturating_sub(asked) >= KEYFRAME_PAUSE);
        if due {
            entry.keyframe_asked = Some(now);
        }
        due
    }

    /// Live tracks have even numbers, chats odd ones.
    fn track(&self, content: Content) -> Track {
        let id = TrackId((self.last.fetch_add(1, Ordering::Relaxed) + 1) * 2);
        Track::new(id, content.retention())
    }
}

impl Content {
    fn retention(self) -> Retention {
        match self {
            Self::Video => VIDEO,
            Self::Audio => AUDIO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(account: u64) -> Owner {
        Owner { account, device: "desk".into() }
    }

    #[test]
    fn numbers_are_even_and_never_given_twice() {
        let tracks = Tracks::default();
        let first = tracks.create(Content::Audio, owner(1), Readers::Public).id();
        tracks.close(first);
        let second = tracks.create(Content::Video, owner(1), Readers::Public).id();
        assert!(first != second && first.0 % 2 == 0 && second.0 % 2 == 0 && first != TrackId::CONTROL);
    }

    #[test]
    fn a_public_name_belongs_to_one_until_it_is_closed() {
        let tracks = Tracks::default();
        let track = tracks.publish("lobby", owner(1)).unwrap();
        assert_eq!(tracks.publish("lobby", owner(1)).unwrap().id(), track.id());
        assert_eq!(tracks.publish("lobby", owner(2)).unwrap_err(), CreateError::Taken);
        assert_eq!(tracks.public("lobby").unwrap().id(), track.id());
        assert_eq!(tracks.published_by(&owner(1)), vec![track.id()]);
        tracks.close(track.id());
        assert!(track.is_closed() && tracks.public("lobby").is_none() && tracks.find(track.id()).is_none());
        tracks.publish("lobby", owner(2)).unwrap();
    }

    #[test]
    fn wishes_for_keyframes_are_thinned() {
        let tracks = Tracks::default();
        let id = tracks.create(Content::Video, owner(1), Readers::Public).id();
        let at = Duration::from_millis;
        assert!(tracks.keyframe_due(id, at(0)));
        assert!(!tracks.keyframe_due(id, at(249)));
        assert!(tracks.keyframe_due(id, at(250)));
        assert!(!tracks.keyframe_due(TrackId(999), at(0)));
    }
}
