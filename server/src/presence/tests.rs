//! Presence on both databases: what is stored, what is remembered over a restart, who sees whom.

use super::*;
use crate::database::both::{Engine, Home, on_both};
use crate::database::params;
use relay::track::{Next, Start};
use relay::vocabulary::{Availability, Event, Wish};

const ALICE: AccountId = 1;
const BOB: AccountId = 2;

fn presences_in(home: &Home) -> Arc<Presences> {
    let database = Arc::new(home.open().unwrap());
    Arc::new(Presences::new(database, Arc::new(Delivery::new(8)), Clock::start()))
}

async fn world(engine: Engine) -> (Home, Arc<Presences>) {
    let home = Home::of(engine);
    let presences = presences_in(&home);
    let people = |c: &Connection| {
        for (id, name) in [(ALICE, "alice"), (BOB, "bob")] {
            let sql = "INSERT INTO accounts (id, name, password, created_at) VALUES (?1, ?2, '', 0)";
            c.execute(sql, params![id, name])?;
        }
        for (account, contact) in [(ALICE, BOB), (BOB, ALICE)] {
            let sql = "INSERT INTO contacts (account, contact, since) VALUES (?1, ?2, 0)";
            c.execute(sql, params![account, contact])?;
        }
        Ok(())
    };
    presences.database.write(people).await.unwrap();
    (home, presences)
}

fn desk(account: AccountId) -> Owner {
    Owner { account, device: "desk".into() }
}

fn link(account: AccountId) -> LinkId {
    LinkId([account as u8; 16])
}

/// Waits for what a keeper does by itself.
async fn wait(presences: &Presences, wanted: impl Fn(&PresenceInfo) -> bool) -> PresenceInfo {
    wait_for(presences, BOB, wanted).await
}

async fn wait_for(presences: &Presences, who: AccountId, wanted: impl Fn(&PresenceInfo) -> bool) -> PresenceInfo {
    let seen = async {
        loop {
            let kept = presences.database.read(move |c| store::kept(c, who)).await.unwrap();
            let info = presences.view(who, kept);
            if wanted(&info) {
                return info;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("it never became so")
}

async fn whoever_was_here_counts_as_that_after_a_restart(engine: Engine) {
    let (home, presences) = world(engine).await;
    let keeping = tokio::spawn(keep(presences.clone()));
    let set = SetPresence { state: Some(Wish::DoNotDisturb), status: Some("in the lab".into()), idle: None };
    presences.choose(BOB, set).await.unwrap();
    presences.found(&desk(BOB), link(BOB));
    let before = wait(&presences, |info| info.state == Availability::DoNotDisturb).await;
    assert_eq!(before.status, "in the lab");
    // As a crash would leave it: what the keeper has stored by itself.
    let stored = async {
        let sql = "SELECT 1 FROM presence WHERE state = 'do_not_disturb'";
        while !presences.database.read(|c| c.exists(sql, &[])).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stored).await.expect("the keeper stores it");
    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    drop(presences);

    let presences = presences_in(&home);
    presences.ready().await.unwrap();
    let own = presences.own(BOB).await.unwrap();
    assert_eq!((own.chosen, own.presence), (Wish::DoNotDisturb, before));
    let numbers = presences.newest();
    presences.found(&desk(BOB), link(BOB));
    assert_eq!(presences.newest(), numbers, "nobody is told that bob is back: he was not away");
    // Who was not here is seen as they were left.
    assert_eq!(presences.own(ALICE).await.unwrap().presence, PresenceInfo::default());
}

async fn what_was_chosen_is_told_once_it_is_stored(engine: Engine) {
    let (_home, presences) = world(engine).await;
    let keeping = tokio::spawn(keep(presences.clone()));
    presences.found(&desk(BOB), link(BOB));
    wait(&presences, |info| info.state == Availability::Available).await;
    let set = |status: &str| SetPresence { status: Some(status.to_owned()), ..SetPresence::default() };
    presences.choose(BOB, set("at lunch")).await.unwrap();
    let kept = presences.database.read(|c| store::kept(c, BOB)).await.unwrap();
    assert_eq!((kept.settings.status.as_str(), kept.settings.wish), ("at lunch", Wish::Available));
    wait(&presences, |info| info.status == "at lunch" && info.state == Availability::Available).await;
    presences.set_idle(&desk(BOB), true).unwrap();
    wait(&presences, |info| info.state == Availability::Away).await;
    presences.talk(BOB, true);
    wait(&presences, |info| info.state == Availability::InACall).await;
    presences.left(&desk(BOB), link(BOB));
    let info = wait(&presences, |info| info.state == Availability::Offline).await;
    assert!(info.last_seen.is_some() && info.since.is_none());
    // Nobody who is not here is brought back by it.
    presences.choose(BOB, set("gone fishing")).await.unwrap();
    let info = wait(&presences, |info| info.status == "gone fishing").await;
    assert_eq!(info.state, Availability::Offline);
    let mut refused = None;
    for _ in 0..40 {
        refused = refused.or(presences.choose(BOB, set("again")).await.err());
    }
    let refused = refused.expect("so many changes at once are too many");
    assert!(matches!(refused, SetError::TooOften(_)), "{refused}");
    keeping.abort();
}

async fn a_track_has_everyone_for_whoever_knows_nobody(engine: Engine) {
    let (_home, presences) = world(engine).await;
    let keeping = tokio::spawn(keep(presences.clone()));
    // Without a link nobody reads a track, so none is kept.
    presences.watch(ALICE).await.unwrap();
    assert!(presences.track(ALICE, None).await.unwrap().is_none());
    let (commands, events) = (crate::mailbox::mailbox(8), crate::mailbox::mailbox(8));
    let handle = crate::delivery::LinkHandle::new(link(ALICE), commands.0, events.0);
    let identity = crate::identity::Identity {
        account: ALICE,
        name: "alice".into(),
        role: relay::vocabulary::Role::Member,
        session: 1,
        expires_at: u64::MAX,
        device: "desk".into(),
    };
    presences.delivery.register(&identity, handle);
    presences.found(&desk(ALICE), link(ALICE));
    wait_for(&presences, ALICE, |info| info.state == Availability::Available).await;
    let read = |track: &Track, start| {
        let mut cursor = track.cursor(start);
        let mut found = Vec::new();
        while let Next::Frame { frame, .. } = cursor.next_frame() {
            let Event::PresenceChanged { account, presence } = Event::parse(&frame.payload()).unwrap() else {
                panic!()
            };
            found.push((account, presence.state));
        }
        found.sort_unstable();
        found
    };
    let track = presences.track(ALICE, None).await.unwrap().unwrap();
    let everyone = read(&track, Start::Oldest);
    let accounts: Vec<AccountId> = everyone.iter().map(|(account, _)| *account).collect();
    assert_eq!(accounts, [ALICE, BOB]);
    let newest = presences.newest();
    assert_eq!(read(&track, Start::After(newest)), []);
    presences.found(&desk(BOB), link(BOB));
    wait(&presences, |info| info.state == Availability::Available).await;
    assert_eq!(read(&track, Start::After(newest)), [(BOB, Availability::Available)]);
    presences.delivery.unregister(link(ALICE));
    presences.leave(ALICE);
    assert!(presences.here.lock().inboxes.track(ALICE, None).is_none());
    keeping.abort();
}

on_both!(
    whoever_was_here_counts_as_that_after_a_restart,
    what_was_chosen_is_told_once_it_is_stored,
    a_track_has_everyone_for_whoever_knows_nobody,
);
