//! The server's state: every room's handle, in one place, for commands and links.

use crate::call::Calls;
use crate::certificate::Certificate;
use crate::chat::Chats;
use crate::clock::Clock;
use crate::config::Config;
use crate::connections::Connections;
use crate::contact::Contacts;
use crate::database::{Database, DatabaseError, FolderLock};
use crate::delivery::{COMMANDS_WAITING, CloseReason, Delivery, LinkCommand, LinkHandle};
use crate::events::Feeds;
use crate::file::Files;
use crate::http::merge::Merging;
use crate::http::problem::Refused;
use crate::identity::authority::{self, Owner};
use crate::identity::{
    AccountId, Accounts, Actor, Audit, Backoff, Grants, Hasher, HasherError, Identity, Lifetime, Passwords, Profiles,
    Prover, Sessions,
};
use crate::mailbox;
use crate::presence::Presences;
use crate::publication::Publications;
use crate::repeats::{Envelopes, EnvelopesError, Repeats};
use crate::tracks::Tracks;
use parking_lot::Mutex;
use relay::TrackId;
use relay::seal::LinkId;
use relay::track::Track;
use relay::vocabulary::{Problem, Right, Role, Thing, code};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The password threads.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] crate::certificate::CertificateError),
    /// The key of kept answers.
    #[error(transparent)]
    Envelopes(#[from] EnvelopesError),
}

/// Everything that commands and links work with.
#[derive(Debug)]
pub struct State {
    /// How the server was configured.
    pub config: Config,
    /// Its clock.
    pub clock: Clock,
    /// Its certificate.
    pub certificate: Certificate,
    /// The database.
    pub database: Arc<Database>,
    /// Who has an account.
    pub accounts: Accounts,
    /// Who proves who someone is.
    pub prover: Arc<dyn Prover>,
    /// Who is logged in.
    pub sessions: Sessions,
    /// What people say of themselves.
    pub profiles: Profiles,
    /// What accounts may do with single things.
    pub grants: Grants,
    /// What was done by whom.
    pub audit: Audit,
    /// Who must wait before the next login.
    pub backoff: Backoff,
    /// Commands that may come once more.
    pub repeats: Arc<Repeats>,
    /// The chats.
    pub chats: Arc<Chats>,
    /// The files that people sent.
    pub files: Arc<Files>,
    /// The calls.
    pub calls: Arc<Calls>,
    /// The live tracks.
    pub tracks: Arc<Tracks>,
    /// The authenticated links.
    pub delivery: Arc<Delivery>,
    /// The merge windows of public tracks.
    pub merging: Merging,
    /// All open links.
    pub connections: Arc<Connections>,
    /// Who is there.
    pub presences: Arc<Presences>,
    /// Who knows whom.
    pub contacts: Arc<Contacts>,
    publications: Mutex<Publications>,
    closing: watch::Sender<bool>,
    folder: Mutex<Option<FolderLock>>,
}

impl State {
    /// Opens everything that the server stands on.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(config: Config) -> Result<Arc<Self>, StateError> {
        let folder = FolderLock::take(&config.data)?;
        let certificate = Certificate::obtain(&config)?;
        let database = Arc::new(Database::serve(&config.location())?);
        let clock = Clock::start();
        let hasher = Arc::new(Hasher::start(config.hashing_threads)?);
        let tracks = Arc::new(Tracks::default());
        let delivery = Arc::new(Delivery::new(config.links_per_account));
        let chats = Arc::new(Chats::new(database.clone(), delivery.clone(), clock));
        let accounts = Accounts::new(database.clone(), hasher);
        let lifetime = Lifetime { renewed: config.session, longest: config.longest_session };
        let presences = Arc::new(Presences::new(database.clone(), delivery.clone(), clock));
        let contacts = Arc::new(Contacts::new(database.clone(), delivery.clone(), presences.clone()));
        let calls = Calls::new(delivery.clone(), tracks.clone(), chats.clone(), presences.clone(), clock);
        let calls = Arc::new(calls);
        Ok(Arc::new(Self {
            prover: Arc::new(Passwords::new(&accounts)),
            accounts,
            sessions: Sessions::new(database.clone(), lifetime),
            profiles: Profiles::new(database.clone(), &config.data),
            grants: Grants::new(database.clone()),
            audit: Audit::new(database.clone()),
            backoff: Backoff::default(),
            repeats: Arc::new(Repeats::new(database.clone(), Envelopes::of_folder(&config.data)?)),
            merging: Merging::default(),
            publications: Mutex::default(),
            closing: watch::Sender::new(false),
            files: Arc::new(Files::new(database.clone(), config.data.join("files"), config.files.clone())),
            config,
            clock,
            certificate,
            database,
            chats,
            calls,
            tracks,
            delivery,
            connections: Arc::default(),
            presences,
            contacts,
            folder: Mutex::new(Some(folder)),
        }))
    }

    /// A link has shown a session: from now on it is this identity's. Called by the commands that show one.
    pub fn link_authenticated(&self, link: &LinkHandle, identity: &Identity) {
        link.identify(identity.clone());
        self.delivery.register(identity, link.clone());
        let owner = Owner::of(identity);
        for track in self.tracks.owned_by(&owner) {
            if link.command(LinkCommand::Write { track }).is_err() {
                link.close(CloseReason::Overloaded);
            }
        }
        self.presences.found(&owner, link.id());
        self.link_reachable(link);
    }

    /// What streams of events have been told.
    pub fn feeds(&self) -> &Feeds {
        self.delivery.feeds()
    }

    /// Someone begins to listen to a stream of events: it stands among the links of the account, and who listens is
    /// there. It cannot be called, for it has no tracks to speak on.
    ///
    /// # Errors
    /// [`DatabaseError`] if the system has no random numbers.
    pub fn stream_opened(
        &self,
        identity: &Identity,
    ) -> Result<(LinkHandle, mailbox::Receiver<LinkCommand>), DatabaseError> {
        let (commands, commanded) = mailbox::mailbox(COMMANDS_WAITING);
        let (events, _) = mailbox::mailbox(1);
        let mut name = [0; 16];
        SystemRandom::new().fill(&mut name).map_err(|_| DatabaseError::Stopped)?;
        let handle = LinkHandle::new(LinkId(name), commands, events);
        handle.identify(identity.clone());
        self.delivery.register_stream(identity, handle.clone());
        self.presences.found(&Owner::of(identity), handle.id());
        if *self.closing.borrow() {
            handle.close(CloseReason::ServerClosing);
        }
        Ok((handle, commanded))
    }

    /// The stream has ended.
    pub fn stream_gone(&self, stream: &LinkHandle) {
        self.delivery.unregister(stream.id());
        let Some(identity) = stream.identity() else { return };
        self.forget_presence(&Owner::of(&identity), stream, Duration::ZERO);
    }

    fn forget_presence(&self, owner: &Owner, link: &LinkHandle, silence: Duration) {
        match link.closing() {
            // Everyone is to be found again as they were.
            Some(CloseReason::ServerClosing) => {}
            Some(CloseReason::Left | CloseReason::SessionEnded) => self.presences.left(owner, link.id()),
            Some(CloseReason::TooManyLinks | CloseReason::Overloaded) | None => {
                self.presences.lost(owner, link.id(), silence);
            }
        }
        self.presences.leave(owner.account);
    }

    /// The link is heard, or heard again after [`State::link_unreachable`]. Without an identity nothing happens.
    pub fn link_reachable(&self, link: &LinkHandle) {
        if let Some(identity) = link.identity() {
            let owner = Owner::of(&identity);
            self.publications.lock().found(&owner, link.id());
            self.calls.link_reachable(&owner, link.id());
        }
    }

    /// No exchange of the link is alive: from now on the 10 s of its calls and public tracks run, unless the device has
    /// another link.
    pub fn link_unreachable(&self, link: &LinkHandle) {
        if let Some(identity) = link.identity() {
            let owner = Owner::of(&identity);
            let publishes = !self.tracks.published_by(&owner).is_empty();
            self.publications.lock().lost(&owner, link.id(), publishes, self.clock.elapsed());
            self.calls.link_unreachable(&owner, link.id());
        }
    }

    /// Nothing has come for so long that the client is taken for dead.
    pub fn link_dead(&self, link: &LinkHandle, silence: Duration) {
        if let Some(identity) = link.identity() {
            self.presences.lost(&Owner::of(&identity), link.id(), silence);
        }
    }

    /// The client that was taken for dead is heard again.
    pub fn link_alive(&self, link: &LinkHandle) {
        if let Some(identity) = link.identity() {
            self.presences.found(&Owner::of(&identity), link.id());
        }
    }

    /// The link has ended; it was heard `silence` ago.
    pub fn link_gone(&self, link: &LinkHandle, silence: Duration) {
        self.delivery.unregister(link.id());
        self.link_unreachable(link);
        let Some(identity) = link.identity() else { return };
        self.forget_presence(&Owner::of(&identity), link, silence);
    }

    /// The live track of that number, if `identity` may read it.
    ///
    /// # Errors
    /// [`code::NOT_FOUND`], also for what must not be read: numbers tell nothing.
    pub fn readable(&self, identity: &Identity, id: TrackId) -> Result<Track, Refused> {
        let found = self.tracks.find(id).filter(|live| authority::may_read(identity, &live.readers));
        Ok(found.map(|live| live.track).ok_or_else(|| no_track(id))?)
    }

    /// Lets a link read a track from `after` on, if `identity` may.
    ///
    /// # Errors
    /// As [`State::readable`]; [`code::INVALID`] for a place in a chat that is not theirs to read.
    pub async fn read(
        &self,
        identity: &Identity,
        link: &LinkHandle,
        id: TrackId,
        after: Option<u64>,
    ) -> Result<(), Refused> {
        if id == TrackId::PRESENCE {
            let ended = || Problem::new(410, code::LINK_GONE, "The link has ended. Open a new one.");
            let track = self.presences.track(identity.account, after).await?.ok_or_else(ended)?;
            return Ok(link.command(LinkCommand::Read { track, after })?);
        }
        let Some(chat) = crate::chat::chat_of(id) else {
            let track = self.readable(identity, id)?;
            return Ok(link.command(LinkCommand::Read { track, after })?);
        };
        let room = self.chats.room(chat).await?.ok_or_else(|| no_track(id))?;
        let track = crate::chat::track_in(&room, id).clone();
        let is_log = id == room.track.id();
        let after = if is_log { after.or(track.newest()) } else { after };
        let read = room.for_reader(identity.account, |roll, person| {
            let since = roll.since(person);
            if is_log && after.is_some_and(|after| after < since) {
                let detail = format!("You may read this chat from entry {} on: begin after {since}.", since + 1);
                return Err(Problem::new(422, code::INVALID, detail).into());
            }
            Ok::<_, Refused>(link.command(LinkCommand::Read { track: track.clone(), after })?)
        });
        if let Some(read) = read {
            return read;
        }
        let granted = self.grants.of(identity.account, Thing::Chat, &chat.to_string()).await?;
        if !authority::may_use(identity.role, Thing::Chat, Right::Read, granted) {
            return Err(no_track(id).into());
        }
        Ok(link.command(LinkCommand::Read { track, after })?)
    }

    /// Makes the links of an account know what has changed about it: its role, its sessions.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn refresh(&self, account: AccountId) -> Result<(), DatabaseError> {
        if self.delivery.has_links(account) {
            let standing = self.sessions.standing(account).await?;
            self.delivery.refresh(account, &standing);
        }
        Ok(())
    }

    /// Removes an account, its picture and its links. `rank` is the role of who does it.
    ///
    /// # Errors
    /// What [`Accounts::remove`] says, or the disk's refusal to let the picture go.
    pub async fn remove_account(&self, account: AccountId, rank: Option<Role>, by: Actor) -> Result<(), Refused> {
        let who = self.accounts.entry(account).await?.map(|entry| entry.account);
        let contacts = self.contacts.of(account).await?;
        let picture = self.accounts.remove(account, rank, by).await?;
        if let Some(who) = who {
            self.contacts.account_removed(&who, contacts);
        }
        if let Some(picture) = picture {
            self.profiles.let_go(&picture).await?;
        }
        self.refresh(account).await?;
        self.chats.part_with_removed().await?;
        Ok(())
    }

    /// Turns true when the server begins to close: long answers end then.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Lets another server have the data folder, once everything is on the disk.
    pub(crate) fn leave_folder(&self) {
        self.folder.lock().take();
    }

    pub(crate) fn begin_closing(&self) {
        self.closing.send_replace(true);
    }

    /// Ends the public tracks of publishers that have been away for too long.
    pub(crate) fn end_abandoned_tracks(&self) {
        let given_up = self.publications.lock().given_up(self.clock.elapsed());
        for owner in given_up {
            for track in self.tracks.published_by(&owner) {
                tracing::info!(%track, account = owner.account, "a public track ends: its publisher is gone");
                self.tracks.close(track);
                self.delivery.command_device(&owner, || LinkCommand::Unwrite { track });
            }
        }
    }
}

fn no_track(id: TrackId) -> Problem {
    Problem::new(404, code::NOT_FOUND, format!("There is no track {id} that you may read."))
}
