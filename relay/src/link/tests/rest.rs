//! Links at rest: few signs of life, until something is in a hurry again.

use super::*;

/// A link with an exchange each way, at rest.
fn rested() -> Sim {
    let mut sim = Sim::new();
    sim.open(true, 10 * MILLISECOND, 10_000);
    sim.open(false, 10 * MILLISECOND, 10_000);
    run(&mut sim, REST_AFTER + SECOND);
    assert!(sim.client.is_at_rest(sim.now) && sim.server.is_at_rest(sim.now));
    sim
}

fn run(sim: &mut Sim, time: Micros) {
    let until = sim.now + time;
    while sim.now < until {
        sim.step();
    }
}

fn records_down(sim: &Sim) -> u32 {
    sim.client.received_on(sim.pipes[1].id)
}

#[test]
fn a_link_at_rest_shows_a_sign_of_life_each_heartbeat() {
    let mut sim = rested();
    let before = records_down(&sim);
    run(&mut sim, 4 * HEARTBEAT);
    // Each end asks four times, and answers as often.
    assert_eq!(records_down(&sim) - before, 8);
    assert_eq!(sim.server.stirred_since(sim.now), None);
}

#[test]
fn a_command_ends_the_rest_of_both_ends_and_an_old_silence_with_it() {
    let mut sim = rested();
    run(&mut sim, 3 * SECOND);
    let (before, asked_at) = (records_down(&sim), sim.now);
    sim.client.send_control(Kind::Request, b"{}", sim.now).unwrap();
    run(&mut sim, 100 * MILLISECOND);
    assert!(records_down(&sim) > before, "the server's next sign of life was not due for seconds, and comes at once");
    let since = sim.server.stirred_since(sim.now).unwrap();
    assert!(since >= asked_at && since <= asked_at + 20 * MILLISECOND, "{since}");
    let before = records_down(&sim);
    run(&mut sim, 5 * SECOND);
    assert!(records_down(&sim) - before >= 5);
    assert_eq!(sim.server.stirred_since(sim.now), Some(since));
    run(&mut sim, REST_AFTER);
    assert!(sim.client.is_at_rest(sim.now) && sim.server.is_at_rest(sim.now));
}

#[test]
fn a_line_of_a_chat_comes_at_once_and_does_not_end_the_rest() {
    let mut sim = rested();
    let chat = Track::new(CHAT, Retention::All { max_bytes: 1 << 16 });
    sim.client.accept_track(CHAT, Promise::Complete { after: 0 });
    sim.server.send_track(&chat, Start::Oldest, Class::Message, sim.now);
    let header = FrameHeader::alone(CHAT, 1, sim.now, Kind::Message);
    chat.append(Frame::new(header, b"hello").unwrap(), sim.now).unwrap();
    run(&mut sim, 20 * MILLISECOND);
    assert_eq!(sim.sequences(CHAT), [1]);
    assert!(sim.client.is_at_rest(sim.now) && sim.server.is_at_rest(sim.now));
}

#[test]
fn commands_are_not_kept_once_they_are_on_their_way_and_still_arrive_when_that_is_cut() {
    let mut sim = rested();
    for _ in 0..50 {
        sim.server.send_control(Kind::Event, &[b' '; 2_000], sim.now).unwrap();
    }
    sim.step();
    let holding = sim.server.control.holding();
    assert!(holding.frames < 50, "{holding:?}");
    sim.cut(1, 300);
    sim.open(false, 10 * MILLISECOND, 10_000);
    run(&mut sim, SECOND);
    assert_eq!(sim.sequences(TrackId::CONTROL), (1..=50).collect::<Vec<_>>());
    assert_eq!(sim.server.control.holding().frames, 0);
    assert_eq!(sim.server.statistics(sim.now).bytes_in_flight, 0);
}

#[test]
fn who_is_asked_answers_at_once_and_is_not_asked_again() {
    let mut sim = rested();
    run(&mut sim, 2 * SECOND);
    let before = (records_down(&sim), sim.server.received_on(sim.pipes[0].id));
    let now = sim.now;
    sim.server.ask(now);
    run(&mut sim, 100 * MILLISECOND);
    assert_eq!(records_down(&sim) - before.0, 1);
    assert_eq!(sim.server.received_on(sim.pipes[0].id) - before.1, 1);
    run(&mut sim, SECOND);
    assert_eq!(records_down(&sim) - before.0, 1);
    assert!(sim.client.is_at_rest(sim.now) && sim.server.is_at_rest(sim.now));
}

/// A link at rest with nothing but a duplex exchange.
fn beating() -> Sim {
    let mut sim = Sim::new();
    sim.open_duplex(10 * MILLISECOND);
    run(&mut sim, REST_AFTER + SECOND);
    assert!(sim.client.beats(sim.now) && !sim.client.has_content(sim.now));
    sim
}

fn records_up(sim: &Sim) -> u32 {
    sim.server.received_on(sim.pipes[1].id)
}

#[test]
fn of_many_heartbeats_one_is_answered() {
    let mut sim = Sim::new();
    sim.open_duplex(10 * MILLISECOND);
    run(&mut sim, REST_AFTER + SECOND);
    let before = (records_up(&sim), records_down(&sim));
    run(&mut sim, 2 * Micros::from(ASK_EACH) * HEARTBEAT);
    assert_eq!((records_up(&sim) - before.0, records_down(&sim) - before.1), (2, 2));
    assert!(sim.client.beats(sim.now) && sim.server.is_at_rest(sim.now));
}

#[test]
fn heartbeats_bring_acknowledgements_along_and_nothing_else_is_needed() {
    let mut sim = beating();
    let chat = Track::new(CHAT, Retention::All { max_bytes: 1 << 16 });
    sim.client.accept_track(CHAT, Promise::Complete { after: 0 });
    sim.server.send_track(&chat, Start::Oldest, Class::Message, sim.now);
    for sequence in 1..=5 {
        let header = FrameHeader::alone(CHAT, sequence, sim.now, Kind::Message);
        chat.append(Frame::new(header, b"hello").unwrap(), sim.now).unwrap();
        run(&mut sim, SECOND);
        assert!(!sim.client.has_content(sim.now));
        assert_eq!(sim.server.statistics(sim.now).bytes_in_flight, 0);
    }
    assert_eq!(sim.sequences(CHAT), [1, 2, 3, 4, 5]);
}

#[test]
fn a_command_is_not_for_heartbeats() {
    let mut sim = beating();
    let before = records_up(&sim);
    sim.client.send_control(Kind::Request, b"{}", sim.now).unwrap();
    run(&mut sim, 100 * MILLISECOND);
    assert!(sim.client.has_content(sim.now) && sim.at_server.is_empty() && records_up(&sim) == before);
    sim.open(true, 10 * MILLISECOND, 10_000);
    run(&mut sim, 100 * MILLISECOND);
    assert_eq!(sim.at_server.len(), 1);
    assert!(!sim.client.beats(sim.now), "the link is not at rest any more");
}

#[test]
fn heartbeats_that_are_lost_are_noticed_when_the_far_end_asks() {
    let mut sim = beating();
    // What goes up is lost from now on; what comes down is not.
    let lost = |sim: &mut Sim, time: Micros| {
        for _ in 0..time / STEP {
            sim.pipes[1].transit.clear();
            sim.step();
        }
    };
    sim.pipes[1].delay = SECOND;
    lost(&mut sim, HEARTBEAT + SECOND);
    let now = sim.now;
    sim.server.ask(now);
    lost(&mut sim, 2 * SECOND);
    assert!(!sim.client.beats(sim.now), "its own question had no answer");
    // What it says on another way is heard.
    sim.open(true, 10 * MILLISECOND, 10_000);
    lost(&mut sim, HEARTBEAT + SECOND);
    assert!(sim.server.received_on(sim.pipes[2].id) > 0 && !sim.client.beats(sim.now));
}

/// What the client sends up on its pipe, record by record.
fn sent_up(sim: &mut Sim, time: Micros) -> Vec<usize> {
    let mut sizes = Vec::new();
    let until = sim.now + time;
    while sim.now < until {
        sim.step();
        let arrival = sim.now + sim.pipes[1].delay;
        sizes.extend(sim.pipes[1].transit.iter().filter(|(at, _)| *at == arrival).map(|(_, bytes)| bytes.len()));
    }
    sizes
}

#[test]
fn only_what_the_far_end_is_to_look_at_is_long() {
    /// What a chunk of HTTP and a record of TLS put around a byte.
    const AROUND: usize = 5 + 22;
    let mut sim = beating();
    let (questions, signs): (Vec<_>, Vec<_>) =
        sent_up(&mut sim, 2 * Micros::from(ASK_EACH) * HEARTBEAT).into_iter().partition(|size| *size >= WAKING);
    assert_eq!((questions.len(), signs.len()), (2, 2 * ASK_EACH as usize - 2));
    assert!(signs.iter().all(|size| *size == 1));
    assert!((1 + AROUND) * (ASK_EACH as usize - 1) < WAKING);
    // So are acknowledgements, and the answer to a question.
    let chat = Track::new(CHAT, Retention::All { max_bytes: 1 << 16 });
    sim.client.accept_track(CHAT, Promise::Complete { after: 0 });
    sim.server.send_track(&chat, Start::Oldest, Class::Message, sim.now);
    let header = FrameHeader::alone(CHAT, 1, sim.now, Kind::Message);
    chat.append(Frame::new(header, b"hello").unwrap(), sim.now).unwrap();
    let sizes = sent_up(&mut sim, SECOND);
    assert!(sizes.len() == 1 && sizes[0] >= WAKING, "{sizes:?}");
    let now = sim.now;
    sim.server.ask(now);
    let sizes = sent_up(&mut sim, SECOND);
    assert!(sizes.len() == 1 && sizes[0] >= WAKING, "{sizes:?}");
}
