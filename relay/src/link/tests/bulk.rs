//! The bulk track: last of all, and never more than a little of it.

use super::*;

#[test]
fn bulk_waits_for_everything_else_and_is_never_more_than_a_little() {
    let mut sim = Sim::new();
    sim.open(false, 10 * MILLISECOND, 4_000);
    sim.open(true, 10 * MILLISECOND, 4_000);
    let sound = Track::new(AUDIO, Retention::Group { max_bytes: 1 << 20, max_time: 2 * SECOND });
    sim.server.send_track(&sound, Start::Live, Class::Audio, 0);
    sim.client.accept_track(AUDIO, Promise::Referenced);
    let piece = vec![7; BULK_MAX];
    assert!(sim.server.send_bulk(&piece, 0).unwrap() && sim.server.send_bulk(&piece, 0).unwrap());
    assert!(!sim.server.takes_bulk() && !sim.server.send_bulk(&piece, 0).unwrap());
    assert!(matches!(sim.server.send_bulk(&vec![0; BULK_MAX + 1], 0), Err(LinkError::Wire(_))));
    let mut ticks = 0;
    while of(&sim.at_client, TrackId::BULK).len() < 2 {
        ticks += 1;
        sound.append(alone(AUDIO, Kind::Audio, ticks, sim.now), sim.now).unwrap();
        let before = sim.sequences(AUDIO).len();
        for _ in 0..4 {
            sim.step();
        }
        assert!(ticks < 3 || sim.sequences(AUDIO).len() > before, "sound waits for bulk");
        assert!(ticks < 1_000);
    }
    assert!(sim.server.takes_bulk() && ticks > 10);
    assert_eq!(sim.bulk_taken, 1, "told once that there is room again");
}
