//! Files on both engines: pieces, contents, who may have them, and when they go.

use super::*;
use crate::chat::{ChatRefusal, Chats, Room};
use crate::clock::Clock;
use crate::database::both::{Engine, Home, on_both};
use crate::delivery::Delivery;
use crate::identity::{Accounts, Actor, Hasher};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use relay::vocabulary::{Change, ChangeChat, Member, OpenChat, Role, SendMessage, With};

struct World {
    home: Home,
    files: Files,
    chats: Chats,
    people: Vec<Member>,
}

async fn world(engine: Engine) -> World {
    let home = Home::of(engine);
    let database = Arc::new(home.open().unwrap());
    let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(2).unwrap()));
    let mut people = Vec::new();
    for name in ["alice", "bob", "eve"] {
        people.push(accounts.add(name, None, Role::Member, Actor::console()).await.unwrap());
    }
    let limits = Limits { size: 1 << 20, of_account: 3 << 20, media: vec!["image/*".into(), "audio/ogg".into()] };
    let files = Files::new(database.clone(), home.folder.path().join("files"), limits);
    let chats = Chats::new(database, Arc::new(Delivery::new(4)), Clock::start());
    World { home, files, chats, people }
}

fn file(key: &str, media: &str, size: usize) -> SendFile {
    SendFile { name: format!("{key}.bin"), media: media.into(), size: size as u64, key: key.into(), voice: None }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture: DynamicImage = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 99])).into();
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

impl World {
    fn id(&self, at: usize) -> AccountId {
        self.people[at].id
    }

    async fn send(&self, key: &str, media: &str, content: &[u8]) -> FileProgress {
        let announced = self.files.announce(self.id(0), file(key, media, content.len())).await.unwrap();
        let piece = Bytes::copy_from_slice(content);
        self.files.write(self.id(0), &announced.id, 0, piece).await.unwrap()
    }

    async fn content(&self, at: usize, id: &str, small: bool) -> Result<Vec<u8>, FileRefusal> {
        let content = self.files.content(self.id(at), id, small).await?;
        Ok(content.piece(0, usize::MAX).await?.to_vec())
    }

    async fn direct(&self) -> Arc<Room> {
        self.chats.open(&self.people[0], OpenChat::direct("bob"), false).await.unwrap().0
    }

    fn contents(&self) -> usize {
        let folders =
            std::fs::read_dir(self.home.folder.path().join("files")).unwrap().map(|entry| entry.unwrap().path());
        let whole = folders.filter(|folder| !folder.ends_with("incoming"));
        whole.map(|folder| std::fs::read_dir(folder).unwrap().count()).sum()
    }
}

async fn a_file_comes_in_pieces_and_goes_on_where_it_was(engine: Engine) {
    let world = world(engine).await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n * 7) as u8).collect();
    let announced = world.files.announce(world.id(0), file("k", "image/x-raw", content.len())).await.unwrap();
    assert_eq!((announced.received, announced.complete), (0, false));
    let write = async |at: usize, end: usize| {
        let piece = Bytes::copy_from_slice(&content[at..end]);
        world.files.write(world.id(0), &announced.id, at as u64, piece).await
    };
    assert_eq!(write(0, 70_000).await.unwrap().received, 70_000);
    assert_eq!(write(0, 70_000).await.unwrap().received, 70_000, "a piece that comes twice is there once");
    assert!(matches!(write(100_000, 150_000).await, Err(FileRefusal::Offset { received: 70_000 })));
    let again = world.files.announce(world.id(0), file("k", "image/x-raw", content.len())).await.unwrap();
    assert_eq!((again.id.as_str(), again.received), (announced.id.as_str(), 70_000));
    assert!(matches!(world.files.announce(world.id(0), file("k", "image/png", 9)).await, Err(FileRefusal::OtherFile)));
    assert!(matches!(world.files.progress(world.id(1), &announced.id).await, Err(FileRefusal::Unknown)));
    let beyond = world.files.write(world.id(0), &announced.id, 70_000, vec![0; 130_001].into()).await;
    assert!(matches!(beyond, Err(FileRefusal::Beyond(200_000))));
    assert!(world.content(0, &announced.id, false).await.is_err(), "half a file is none");
    // An overlap with what is there already is no gap.
    write(70_000, 150_000).await.unwrap();
    let done = write(150_000, 200_000).await.unwrap();
    assert!(done.complete && done.received == 200_000);
    assert!(write(150_000, 200_000).await.unwrap().complete);
    assert_eq!(world.content(0, &announced.id, false).await.unwrap(), content);
    let part = world.files.content(world.id(0), &announced.id, false).await.unwrap().piece(199_990, 100).await.unwrap();
    assert_eq!(part, content[199_990..]);
    let past = world.files.content(world.id(0), &announced.id, false).await.unwrap().piece(200_000, 1).await;
    assert!(matches!(past, Err(FileRefusal::Range(200_000))));
}

async fn limits_hold_and_say_so(engine: Engine) {
    let world = world(engine).await;
    let announce = async |key: &str, media: &str, size| world.files.announce(world.id(0), file(key, media, size)).await;
    assert!(matches!(announce("a", "image/png", (1 << 20) + 1).await, Err(FileRefusal::TooLarge(_))));
    assert!(matches!(announce("a", "application/pdf", 1).await, Err(FileRefusal::Media(..))));
    assert!(matches!(announce("a", "audio/mpeg", 1).await, Err(FileRefusal::Media(..))));
    for key in ["a", "b", "c"] {
        announce(key, "IMAGE/PNG", 1 << 20).await.unwrap();
    }
    assert!(matches!(announce("d", "image/png", 1).await, Err(FileRefusal::Quota(_))));
    world.files.announce(world.id(1), file("d", "image/png", 1)).await.unwrap();
    let voice = |key: &str| SendFile {
        voice: Some(Voice { duration_ms: 1000, waveform: vec![1, 2] }),
        ..file(key, "audio/ogg", 40)
    };
    for (key, beginning, fine) in [("v", &b"MThd"[..], false), ("w", b"OggS\0\x02aaaaaaaaaaaaaaaaaaaaaaOpusHead", true)]
    {
        let announced = world.files.announce(world.id(1), voice(key)).await.unwrap();
        let mut content = beginning.to_vec();
        content.resize(40, 0);
        let written = world.files.write(world.id(1), &announced.id, 0, content.into()).await;
        assert_eq!(written.is_ok(), fine, "{written:?}");
    }
}

async fn a_content_is_kept_once_and_a_picture_has_a_thumbnail(engine: Engine) {
    let world = world(engine).await;
    let picture = png(800, 400);
    let (one, other) = (world.send("a", "image/png", &picture).await, world.send("b", "image/png", &picture).await);
    assert_ne!(one.id, other.id);
    assert_eq!(world.contents(), 2, "the picture once and its thumbnail");
    let small = image::load_from_memory(&world.content(0, &one.id, true).await.unwrap()).unwrap();
    assert_eq!((small.width(), small.height()), (320, 160));
    let broken = world.send("c", "image/png", &picture[..200]).await;
    assert!(broken.complete, "a picture that cannot be read is a file like any other");
    assert!(matches!(world.content(0, &broken.id, true).await, Err(FileRefusal::NoThumbnail)));
}

async fn who_may_read_a_line_may_have_its_files(engine: Engine) {
    let world = world(engine).await;
    let picture = world.send("a", "image/png", &png(64, 32)).await;
    let room = world.direct().await;
    let line = |files: &[&str], key: &str| SendMessage {
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        ..SendMessage::line("", key)
    };
    let by_bob = world.chats.post(&room, world.people[1].clone(), line(&[&picture.id], "k")).await;
    assert_eq!(by_bob, Err(ChatRefusal::NoFile(picture.id.clone())), "only one's own files can be sent");
    let half = world.files.announce(world.id(0), file("half", "image/png", 9)).await.unwrap();
    let incomplete = world.chats.post(&room, world.people[0].clone(), line(&[&half.id], "k")).await;
    assert!(matches!(incomplete, Err(ChatRefusal::NoFile(_))));
    assert!(world.content(1, &picture.id, false).await.is_err());
    let sent = world.chats.post(&room, world.people[0].clone(), line(&[&picture.id, &picture.id], "k")).await.unwrap();
    let page = world.chats.history(room.id, 0, crate::chat::Page::Newest, 5).await.unwrap();
    let attached = &page.messages[0].files;
    assert_eq!((attached.len(), attached[0].picture, attached[0].name.as_str()), (1, Some((64, 32)), "a.bin"));
    assert!(world.content(1, &picture.id, false).await.is_ok() && world.content(1, &picture.id, true).await.is_ok());
    assert!(matches!(world.content(2, &picture.id, false).await, Err(FileRefusal::Unknown)));

    // With the line its files go, from the disk too, while another one keeps what it shares with them.
    assert_eq!(world.files.remove_unneeded(0).await.unwrap(), 0);
    let delete = SendMessage::change(Change::Delete { of: sent.sequence }, "d");
    world.chats.post(&room, world.people[0].clone(), delete).await.unwrap();
    assert!(matches!(world.content(1, &picture.id, false).await, Err(FileRefusal::Unknown)));
    let twin = world.send("twin", "image/png", &png(64, 32)).await;
    assert_eq!(world.files.remove_unneeded(0).await.unwrap(), 1);
    assert!(world.content(0, &twin.id, false).await.is_ok());
    assert!(world.content(0, &picture.id, false).await.is_err());
    assert_eq!(world.files.remove_unneeded(u64::MAX).await.unwrap(), 2, "what was never sent goes after a day");
    assert_eq!(world.contents(), 0);
}

async fn a_chats_picture_is_for_its_members_and_those_who_are_asked(engine: Engine) {
    let world = world(engine).await;
    let picture = world.send("a", "image/png", &png(64, 64)).await;
    let text = world.send("b", "image/svg", b"<svg/>").await;
    let open =
        OpenChat { with: With::Group(vec!["bob".into()]), name: String::new(), text: None, key: Some("k".into()) };
    let (room, _) = world.chats.open(&world.people[0], open, false).await.unwrap();
    let change = |id: &str| ChangeChat { picture: Some(id.to_owned()), ..ChangeChat::default() };
    let refused = world.chats.describe(&room, &world.people[0], change(&text.id)).await;
    assert_eq!(refused, Err(ChatRefusal::NoPicture(text.id.clone())));
    world.chats.describe(&room, &world.people[0], change(&picture.id)).await.unwrap();
    assert!(world.content(1, &picture.id, true).await.is_ok() && world.content(2, &picture.id, true).await.is_err());
    assert_eq!(world.files.remove_unneeded(u64::MAX).await.unwrap(), 1, "the picture stays");
}

on_both!(
    a_file_comes_in_pieces_and_goes_on_where_it_was,
    limits_hold_and_say_so,
    a_content_is_kept_once_and_a_picture_has_a_thumbnail,
    who_may_read_a_line_may_have_its_files,
    a_chats_picture_is_for_its_members_and_those_who_are_asked,
);

#[test]
fn types_are_allowed_alone_or_by_kind() {
    let takes = |allowed: &[&str], media: &str| {
        let media_types = allowed.iter().map(|allowed| (*allowed).to_owned()).collect();
        Limits { media: media_types, ..Limits::default() }.takes(media)
    };
    assert!(takes(&["*/*"], "application/x-anything") && takes(&["image/*"], "Image/PNG"));
    assert!(takes(&["text/plain", "audio/ogg"], "audio/ogg"));
    assert!(!takes(&["image/*"], "imagex/png") && !takes(&["audio/ogg"], "audio/og") && !takes(&[], "text/plain"));
}
