//! Tests of the switchboard: tables of what people do and what must come of it, and random histories.

use super::machine::{Effect, PATIENCE_ABSENT, PATIENCE_RING, Refusal, Scope};
use super::switchboard::Switchboard;
use crate::identity::AccountId;
use crate::identity::authority::Owner;
use proptest::prelude::*;
use relay::seal::LinkId;
use relay::vocabulary::{CallId, CallPhase, EndReason, Event, MediaTracks, Member, Notice, Presence};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const ALICE: AccountId = 1;
const BOB: AccountId = 2;
const CAROL: AccountId = 3;
const CHAT: u64 = 7;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn member(id: AccountId) -> Member {
    Member { id, name: format!("account{id}") }
}

fn named(n: u64) -> LinkId {
    LinkId([u8::try_from(n).unwrap(); 16])
}

fn device(account: AccountId, device: &str) -> Owner {
    Owner { account, device: device.into() }
}

/// A switchboard with everyone at their desk, and Bob with a laptop as well.
struct World {
    board: Switchboard,
    next_track: u64,
    open: HashSet<u64>,
}

type Step = Result<(relay::vocabulary::Call, Vec<Effect>), Refusal>;

impl World {
    fn new() -> Self {
        let mut board = Switchboard::new(100);
        for (n, owner) in [device(ALICE, "desk"), device(BOB, "desk"), device(BOB, "laptop"), device(CAROL, "desk")]
            .iter()
            .enumerate()
        {
            board.link_reachable(owner, named(n as u64), s(0));
        }
        Self { board, next_track: 1, open: HashSet::new() }
    }

    fn call(&mut self, from: AccountId, to: &[AccountId], now: u64) -> Step {
        let members: Vec<_> = std::iter::once(from).chain(to.iter().copied()).map(member).collect();
        let step = self.board.start((member(from), &device(from, "desk")), CHAT, &members, s(now));
        self.noted(step)
    }

    fn accept(&mut self, id: CallId, owner: &Owner, now: u64) -> Step {
        let (next, open) = (&mut self.next_track, &mut self.open);
        let mut allot = |_: &Owner, _: &[AccountId]| {
            let tracks = MediaTracks { audio: *next, video: *next + 1 };
            *next += 2;
            open.extend([tracks.audio, tracks.video]);
            tracks
        };
        let step = self.board.accept(id, owner, s(now), &mut allot);
        self.noted(step)
    }

    fn decline(&mut self, id: CallId, owner: &Owner, now: u64) -> Step {
        let step = self.board.decline(id, owner, s(now));
        self.noted(step)
    }

    fn hang_up(&mut self, id: CallId, owner: &Owner, now: u64) -> Step {
        let step = self.board.hang_up(id, owner, s(now));
        self.noted(step)
    }

    fn tick(&mut self, now: u64) -> Vec<Effect> {
        let effects = self.board.tick(s(now));
        self.note(&effects);
        effects
    }

    fn noted(&mut self, step: Step) -> Step {
        if let Ok((_, effects)) = &step {
            self.note(effects);
        }
        step
    }

    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::CloseTracks(_, tracks) = effect {
                assert!(self.open.remove(&tracks.audio) && self.open.remove(&tracks.video), "closed twice");
            }
        }
    }

    /// Alice and Bob talk from second 2 on, Bob at his desk.
    fn talking(&mut self) -> CallId {
        let id = self.call(ALICE, &[BOB], 0).unwrap().0.id;
        self.accept(id, &device(BOB, "desk"), 2).unwrap();
        id
    }
}

/// What each account or device was told, in short.
fn told(effects: &[Effect]) -> Vec<(String, &'static str)> {
    let name = |event: &Event| match event {
        Event::CallInvited { .. } => "invited",
        Event::CallRinging { .. } => "ringing",
        Event::CallAccepted { .. } => "accepted",
        Event::CallDeclined { .. } => "declined",
        Event::CallBusy { .. } => "busy",
        Event::CallCancelled { .. } => "cancelled",
        Event::CallNoAnswer { .. } => "no answer",
        Event::CallEnded { reason: EndReason::HungUp, .. } => "ended",
        Event::CallEnded { reason: EndReason::Unreachable, .. } => "unreachable",
        Event::CallEnded { .. } => "closing",
        Event::CallAnsweredElsewhere { .. } => "elsewhere",
        _ => "other",
    };
    let told = |effect: &Effect| match effect {
        Effect::Tell(Scope::Account(account), event) => Some((format!("{account}"), name(event))),
        Effect::Tell(Scope::Device(owner), event) => Some((format!("{}/{}", owner.account, owner.device), name(event))),
        Effect::Tell(Scope::Others(owner), event) => Some((format!("{}!{}", owner.account, owner.device), name(event))),
        Effect::Ring(account, _) => Some((format!("{account}"), "ring")),
        Effect::CloseTracks(..) => None,
        Effect::Note { notice: Notice::MissedCall { .. }, .. } => Some(("chat".into(), "missed")),
        Effect::Note { .. } => Some(("chat".into(), "duration")),
    };
    effects.iter().filter_map(told).collect()
}

#[track_caller]
fn expect(effects: &[Effect], expected: &[(&str, &str)]) {
    let told = told(effects);
    let told: Vec<_> = told.iter().map(|(who, what)| (who.as_str(), *what)).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_call_rings_is_taken_on_one_device_and_ends() {
    let mut world = World::new();
    let (call, effects) = world.call(ALICE, &[BOB], 0).unwrap();
    expect(&effects, &[("2", "ring")]);
    assert_eq!(call.phase, CallPhase::Ringing);
    expect(&world.board.rings(call.id, BOB), &[("1/desk", "ringing")]);
    expect(&world.board.rings(call.id, BOB), &[]);

    let (accepted, effects) = world.accept(call.id, &device(BOB, "laptop"), 5).unwrap();
    expect(&effects, &[("2!laptop", "elsewhere"), ("1/desk", "accepted"), ("2/laptop", "accepted")]);
    assert_eq!(accepted.phase, CallPhase::Talking);
    assert!(accepted.participants.iter().all(|party| party.tracks.is_some()));
    assert_eq!(world.open.len(), 4);
    // Repeated by the same device: nothing new. By the other: too late.
    expect(&world.accept(call.id, &device(BOB, "laptop"), 5).unwrap().1, &[]);
    assert_eq!(world.accept(call.id, &device(BOB, "desk"), 5).unwrap_err(), Refusal::AnsweredElsewhere);
    assert_eq!(world.hang_up(call.id, &device(BOB, "desk"), 5).unwrap_err(), Refusal::AnsweredElsewhere);

    let (ended, effects) = world.hang_up(call.id, &device(BOB, "laptop"), 65).unwrap();
    expect(&effects, &[("1/desk", "ended"), ("2/laptop", "ended"), ("chat", "duration")]);
    let noted =
        Effect::Note { chat: CHAT, from: ALICE, notice: Notice::CallEnded { call: call.id, duration_ms: 60_000 } };
    assert!(effects.contains(&noted));
    assert_eq!(ended.phase, CallPhase::Ended);
    assert!(world.open.is_empty());
    // Repeated: still fine, and nothing more.
    expect(&world.hang_up(call.id, &device(BOB, "laptop"), 66).unwrap().1, &[]);
    expect(&world.hang_up(call.id, &device(ALICE, "desk"), 66).unwrap().1, &[]);
    // Both are free again.
    world.call(BOB, &[ALICE], 70).unwrap();
}

#[test]
fn what_can_happen_while_it_rings() {
    type Act = fn(&mut World, CallId) -> Vec<Effect>;
    type Row = (&'static str, Act, &'static [(&'static str, &'static str)]);
    let table: [Row; 4] = [
        (
            "decline",
            |world, id| world.decline(id, &device(BOB, "desk"), 3).unwrap().1,
            &[("2", "declined"), ("1/desk", "declined")],
        ),
        (
            "hang up by the callee is decline",
            |world, id| world.hang_up(id, &device(BOB, "desk"), 3).unwrap().1,
            &[("2", "declined"), ("1/desk", "declined")],
        ),
        (
            "cancel",
            |world, id| world.hang_up(id, &device(ALICE, "desk"), 3).unwrap().1,
            &[("1/desk", "cancelled"), ("2", "cancelled"), ("chat", "missed")],
        ),
        ("no answer", |world, _| world.tick(30), &[("2", "no answer"), ("1/desk", "no answer"), ("chat", "missed")]),
    ];
    for (name, act, expected) in table {
        let mut world = World::new();
        let id = world.call(ALICE, &[BOB], 0).unwrap().0.id;
        let effects = act(&mut world, id);
        let told = told(&effects);
        let told: Vec<_> = told.iter().map(|(who, what)| (who.as_str(), *what)).collect();
        assert_eq!(told, expected, "{name}");
        assert_eq!(world.board.view(id, ALICE).unwrap().phase, CallPhase::Ended, "{name}");
        assert!(world.open.is_empty() && world.board.deadline().is_none(), "{name}");
        assert_eq!(world.accept(id, &device(BOB, "desk"), 31).unwrap_err(), Refusal::NotRinging, "{name}");
        world.call(BOB, &[ALICE], 40).expect(name);
    }
}

#[test]
fn patience_ends_on_the_second() {
    let mut world = World::new();
    let id = world.call(ALICE, &[BOB], 0).unwrap().0.id;
    assert_eq!(world.board.deadline(), Some(PATIENCE_RING));
    expect(&world.tick(PATIENCE_RING.as_secs() - 1), &[]);
    world.accept(id, &device(BOB, "desk"), 29).unwrap();
    expect(&world.tick(1000), &[]);
    assert_eq!(world.board.deadline(), None);
}

#[test]
fn who_is_in_a_call_or_rung_is_busy() {
    let mut world = World::new();
    world.talking();
    let (call, effects) = world.call(CAROL, &[BOB], 10).unwrap();
    expect(&effects, &[("3/desk", "busy"), ("chat", "missed")]);
    assert_eq!((call.phase, call.participants[1].presence), (CallPhase::Ended, Presence::Busy));
    assert_eq!(world.call(ALICE, &[CAROL], 10).unwrap_err(), Refusal::InACall);

    let mut world = World::new();
    world.call(ALICE, &[BOB], 0).unwrap();
    // Bob is rung: he cannot start another call, nor be rung by another.
    assert_eq!(world.call(BOB, &[ALICE], 1).unwrap_err(), Refusal::InACall);
    assert_eq!(world.call(CAROL, &[BOB], 1).unwrap().0.participants[1].presence, Presence::Busy);
    assert_eq!(world.call(CAROL, &[], 1).unwrap_err(), Refusal::Nobody);
}

#[test]
fn strangers_have_no_part_in_a_call() {
    let mut world = World::new();
    let id = world.call(ALICE, &[BOB], 0).unwrap().0.id;
    let carol = device(CAROL, "desk");
    assert_eq!(world.accept(id, &carol, 1).unwrap_err(), Refusal::Unknown);
    assert_eq!(world.decline(id, &carol, 1).unwrap_err(), Refusal::Unknown);
    assert_eq!(world.hang_up(id, &carol, 1).unwrap_err(), Refusal::Unknown);
    assert!(world.board.view(id, CAROL).is_none());
    assert_eq!(world.hang_up(id + 1, &device(ALICE, "desk"), 1).unwrap_err(), Refusal::Unknown);
}

#[test]
fn a_call_survives_a_cut_of_less_than_ten_seconds_and_no_longer_one() {
    let mut world = World::new();
    let id = world.talking();
    let desk = device(BOB, "desk");
    world.board.link_unreachable(&desk, named(1), s(10));
    assert_eq!(world.board.deadline(), Some(s(10) + PATIENCE_ABSENT));
    expect(&world.tick(19), &[]);
    let (again, greeting) = world.board.link_reachable(&desk, named(9), s(19)).unwrap();
    assert!(again == id && matches!(greeting, Event::CallAccepted { .. }));
    expect(&world.tick(25), &[]);

    world.board.link_unreachable(&desk, named(9), s(30));
    // Another device of the same account does not hold the call.
    world.board.link_reachable(&device(BOB, "laptop"), named(10), s(31));
    expect(&world.tick(39), &[]);
    let effects = world.tick(40);
    expect(&effects, &[("1/desk", "unreachable"), ("2/desk", "unreachable"), ("chat", "duration")]);
    assert!(world.open.is_empty());
}

#[test]
fn one_of_two_links_is_enough() {
    let mut world = World::new();
    world.talking();
    let desk = device(BOB, "desk");
    world.board.link_reachable(&desk, named(9), s(5));
    world.board.link_unreachable(&desk, named(1), s(6));
    assert_eq!(world.board.deadline(), None);
    // A link that nobody knew of takes nothing away.
    world.board.link_unreachable(&desk, named(77), s(6));
    assert_eq!(world.board.deadline(), None);
}

#[test]
fn a_device_that_comes_while_it_rings_rings_too() {
    let mut world = World::new();
    let id = world.call(ALICE, &[BOB], 0).unwrap().0.id;
    let (rung, event) = world.board.link_reachable(&device(BOB, "phone"), named(50), s(10)).unwrap();
    assert!(rung == id && matches!(event, Event::CallInvited { .. }));
    assert!(world.board.link_reachable(&device(CAROL, "phone"), named(51), s(10)).is_none());
}

#[test]
fn a_caller_who_vanishes_while_it_rings_stops_the_ringing() {
    let mut world = World::new();
    world.call(ALICE, &[BOB], 0).unwrap();
    world.board.link_unreachable(&device(ALICE, "desk"), named(0), s(1));
    expect(&world.tick(11), &[("1/desk", "cancelled"), ("2", "cancelled"), ("chat", "missed")]);
}

#[test]
fn three_can_talk_and_two_go_on() {
    let mut world = World::new();
    let id = world.call(ALICE, &[BOB, CAROL], 0).unwrap().0.id;
    world.accept(id, &device(BOB, "desk"), 1).unwrap();
    let (call, _) = world.accept(id, &device(CAROL, "desk"), 2).unwrap();
    assert_eq!(call.participants.iter().filter(|party| party.presence == Presence::Joined).count(), 3);
    let (_, effects) = world.hang_up(id, &device(ALICE, "desk"), 10).unwrap();
    expect(&effects, &[("1/desk", "ended"), ("2/desk", "accepted"), ("3/desk", "accepted")]);
    assert_eq!(world.open.len(), 4);
    let (call, effects) = world.hang_up(id, &device(BOB, "desk"), 20).unwrap();
    expect(&effects, &[("2/desk", "ended"), ("3/desk", "ended"), ("chat", "duration")]);
    assert_eq!(call.phase, CallPhase::Ended);
    assert!(world.open.is_empty());
}

#[test]
fn closing_ends_every_call() {
    let mut world = World::new();
    world.talking();
    let effects = world.board.close(EndReason::ServerClosing, s(5));
    world.note(&effects);
    expect(&effects, &[("1/desk", "closing"), ("2/desk", "closing"), ("chat", "duration")]);
    assert!(world.open.is_empty());
}

#[derive(Debug, Clone)]
enum Act {
    Call(AccountId, AccountId),
    Accept(usize, AccountId, bool),
    Decline(usize, AccountId),
    HangUp(usize, AccountId, bool),
    Reachable(AccountId, bool, u64),
    Unreachable(AccountId, bool, u64),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let account = || 1..4_u64;
    prop_oneof![
        (account(), account()).prop_map(|(from, to)| Act::Call(from, to)),
        (0..4_usize, account(), any::<bool>()).prop_map(|(back, who, desk)| Act::Accept(back, who, desk)),
        (0..4_usize, account()).prop_map(|(back, who)| Act::Decline(back, who)),
        (0..4_usize, account(), any::<bool>()).prop_map(|(back, who, desk)| Act::HangUp(back, who, desk)),
        (account(), any::<bool>(), 0..3_u64).prop_map(|(who, desk, link)| Act::Reachable(who, desk, link)),
        (account(), any::<bool>(), 0..3_u64).prop_map(|(who, desk, link)| Act::Unreachable(who, desk, link)),
        (0..15_u64).prop_map(Act::Wait),
    ]
}

proptest! {
    #[test]
    fn whatever_people_do(acts in proptest::collection::vec(act(), 1..120)) {
        let mut world = World::new();
        let mut now = 0;
        let mut ids = Vec::new();
        let mut notes: HashMap<CallId, usize> = HashMap::new();
        let machine = |desk| if desk { "desk" } else { "laptop" };
        for act in acts {
            let pick = |back: usize| ids.iter().rev().nth(back).copied().unwrap_or(1_u64);
            let step = match act {
                Act::Call(from, to) if from != to => world.call(from, &[to], now),
                Act::Call(..) => continue,
                Act::Accept(back, who, desk) => world.accept(pick(back), &device(who, machine(desk)), now),
                Act::Decline(back, who) => world.decline(pick(back), &device(who, "desk"), now),
                Act::HangUp(back, who, desk) => world.hang_up(pick(back), &device(who, machine(desk)), now),
                Act::Reachable(who, desk, link) => {
                    world.board.link_reachable(&device(who, machine(desk)), named(link), s(now));
                    continue;
                }
                Act::Unreachable(who, desk, link) => {
                    world.board.link_unreachable(&device(who, machine(desk)), named(link), s(now));
                    continue;
                }
                Act::Wait(seconds) => {
                    now += seconds;
                    let effects = world.tick(now);
                    count(&effects, &mut notes);
                    continue;
                }
            };
            if let Ok((call, effects)) = step {
                count(&effects, &mut notes);
                if !ids.contains(&call.id) {
                    ids.push(call.id);
                }
            }
            // Nobody is in two calls, and every call that goes on has two who are in it or may come.
            let mut engaged = HashSet::new();
            for call in world.board.active() {
                let here: Vec<_> = call.engaged().collect();
                prop_assert!(here.len() >= 2);
                prop_assert!(here.into_iter().all(|account| engaged.insert(account)));
                prop_assert!(!call.over());
            }
        }
        // Once everyone is gone every call ends, with all tracks closed and one line in the chat at most.
        for who in 1..4 {
            for link in 0..4_u64 {
                for machine in ["desk", "laptop"] {
                    world.board.link_unreachable(&device(who, machine), named(link), s(now));
                }
            }
        }
        let effects = world.tick(now + 60);
        count(&effects, &mut notes);
        prop_assert_eq!(world.board.active().count(), 0);
        prop_assert!(world.open.is_empty());
        prop_assert_eq!(world.board.deadline(), None);
        prop_assert!(notes.values().all(|times| *times == 1));
    }
}

fn count(effects: &[Effect], notes: &mut HashMap<CallId, usize>) {
    for effect in effects {
        if let Effect::Note { notice: Notice::MissedCall { call } | Notice::CallEnded { call, .. }, .. } = effect {
            *notes.entry(*call).or_default() += 1;
        }
    }
}
