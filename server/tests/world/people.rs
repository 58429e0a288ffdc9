//! People of a test: who they are, becoming contacts, and what they see of each other's presence.

use super::postgres::Engine;
use super::{Link, PATIENCE, World};
use relay::TrackId;
use relay::track::{Cursor, Next, Start};
use relay::vocabulary::{Availability, Contacts, Event, PresenceInfo, RequestOutcome};
use serde_json::{Value, json};
use server::delivery::LinkCommand;
use std::future::poll_fn;

/// A world with these people.
pub async fn with(engine: Engine, names: &[&str]) -> World {
    let world = World::on(engine);
    for name in names {
        world.account(name, false).await;
    }
    world
}

pub async fn id(world: &World, name: &str) -> u64 {
    world.running.state.accounts.by_name(name).await.unwrap().unwrap().id
}

/// A link whose person the server has found to be there.
pub async fn link(world: &World, name: &str, device: &str) -> Link {
    let mut link = world.link(name, device).await;
    let found = async {
        while link.send("GET", "/v1/presence", Value::Null).await.body["presence"]["state"] == "offline" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("the server does not see who is there");
    link
}

/// Makes contacts of two people, whose links have seen the events of it.
pub async fn befriend(one: &mut Link, other: &mut Link) {
    let (from, to) = (one.handle.identity().unwrap(), other.handle.identity().unwrap());
    let asked = one.post("/v1/contacts/requests", json!({"to": to.name})).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    let path = format!("/v1/contacts/requests/{}/accept", from.account);
    let accepted = other.post(&path, json!({})).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    for link in [one, other] {
        assert!(matches!(link.event().await, Event::ContactRequested { .. }));
        assert!(matches!(link.event().await, Event::ContactRequestEnded { outcome: RequestOutcome::Accepted, .. }));
        assert!(matches!(link.event().await, Event::ContactAdded { .. }));
    }
}

pub async fn contacts(link: &mut Link) -> Contacts {
    link.send("GET", "/v1/contacts", Value::Null).await.read().unwrap()
}

/// Reads on in the presence of a link's contacts, as its driver would.
pub async fn watch(link: &mut Link) -> Cursor {
    let as_of = contacts(link).await.as_of;
    let response = link.send("PUT", "/v1/cursors/1", json!({"after": as_of})).await;
    assert_eq!(response.status, 204, "{response:?}");
    let LinkCommand::Read { track, after } = link.command().await else { panic!("not read") };
    assert_eq!((track.id(), after), (TrackId::PRESENCE, Some(as_of)));
    track.cursor(Start::After(as_of))
}

pub async fn next(cursor: &mut Cursor) -> (u64, PresenceInfo) {
    let next = tokio::time::timeout(PATIENCE, poll_fn(|context| cursor.poll_next(context)));
    let Next::Frame { frame, .. } = next.await.expect("no change came") else { panic!("no frame") };
    match Event::parse(&frame.payload()).unwrap() {
        Event::PresenceChanged { account, presence } => (account, presence),
        other => panic!("{other:?}"),
    }
}

/// The next change of an account that brings it to a state; what comes before is passed over.
pub async fn until(cursor: &mut Cursor, account: u64, state: Availability) -> PresenceInfo {
    loop {
        let (about, info) = next(cursor).await;
        if about == account && info.state == state {
            return info;
        }
    }
}

pub fn nothing(cursor: &mut Cursor) -> bool {
    matches!(cursor.next_frame(), Next::Empty)
}
