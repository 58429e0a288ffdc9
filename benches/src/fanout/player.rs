//! Plays a workload in real time: calls back with each frame when it is due.

use std::ops::ControlFlow;
use std::time::Duration;

use relay::{Frame, TrackId, WireError};

use super::workload::Workload;
use crate::machine::clock;

/// Makes the frames of `workload` for `track` when they are due, until `send` breaks off. A frame that is made late
/// (the machine was busy) is stamped with the time it should have been made, so that lateness shows.
pub fn play(
    workload: Workload,
    track: TrackId,
    mut send: impl FnMut(Frame) -> ControlFlow<()>,
) -> Result<(), WireError> {
    let begin = clock::now();
    let mut buffer = Vec::new();
    for (sequence, due) in (1..).zip(workload) {
        let at = begin + due.at;
        let wait = at.saturating_sub(clock::now());
        if wait > 0 {
            std::thread::sleep(Duration::from_micros(wait));
        }
        if send(due.frame(track, sequence, at, &mut buffer)?).is_break() {
            break;
        }
    }
    Ok(())
}
