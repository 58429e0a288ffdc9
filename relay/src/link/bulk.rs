//! The bulk track of a link: commands and answers with bytes of their own, which wait for everything else.
//!
//! It exists while something is on its way. One frame may wait while another is being sent: whoever has more is told when
//! there is room ([`Output::BulkTaken`]).

use super::{Class, Link, LinkError, Output, outgoing::Outgoing};
use crate::{
    Frame, FrameHeader, Kind, Micros, TrackId,
    frame::MAX_HEADER,
    track::{Start, Track},
};

/// Most bytes of one frame: what a piece of a file may have, and its envelope.
pub const BULK_MAX: usize = 132 << 10;

/// Frames that may wait unsent.
const WAITING: u64 = 2;

#[derive(Debug, Default)]
pub(super) struct Bulk {
    pub(super) track: Option<Track>,
    last: u64,
    /// There was no room for something.
    refused: bool,
}

impl Link {
    /// Whether [`Link::send_bulk`] takes another frame now; if not, [`Output::BulkTaken`] says when.
    pub fn takes_bulk(&mut self) -> bool {
        let takes = self.has_room_for_bulk();
        self.bulk.refused |= !takes;
        takes
    }

    fn has_room_for_bulk(&self) -> bool {
        let outgoing = self.outgoing.iter().find(|known| known.id() == TrackId::BULK);
        outgoing.is_none_or(|outgoing| outgoing.frames_waiting() < WAITING)
    }

    /// Something was transmitted: there may be room again.
    pub(super) fn tell_room_for_bulk(&mut self) {
        if self.bulk.refused && self.has_room_for_bulk() {
            self.bulk.refused = false;
            self.outputs.push_back(Output::BulkTaken);
        }
    }

    /// Sends bytes that may wait, after everything else that is to be sent. False, and nothing done, if enough wait
    /// already.
    ///
    /// # Errors
    /// [`LinkError::Wire`] beyond [`BULK_MAX`] bytes.
    pub fn send_bulk(&mut self, payload: &[u8], now: Micros) -> Result<bool, LinkError> {
        if payload.len() > BULK_MAX {
            return Err(LinkError::Wire(crate::WireError::TooLong { length: payload.len() as u64 }));
        }
        if !self.takes_bulk() {
            return Ok(false);
        }
        let (next, held) = (self.bulk.last + 1, WAITING as usize * (BULK_MAX + MAX_HEADER));
        let track = self.bulk.track.get_or_insert_with(|| Track::resumed(TrackId::BULK, held, next)).clone();
        let header = FrameHeader::alone(TrackId::BULK, next, now, Kind::Bulk);
        if track.append(Frame::new(header, payload)?, now).is_ok() {
            self.bulk.last = next;
        }
        self.send_track(&track, Start::After(next - 1), Class::Bulk, now);
        Ok(true)
    }

    /// Lets go of the track, and of the last frames that it holds, once all has arrived.
    pub(super) fn tidy_bulk(&mut self) {
        let waits = |known: &Outgoing| known.id() == TrackId::BULK && known.is_busy();
        let arrived = self.bulk.track.is_some() && !self.outgoing.iter().any(waits);
        if arrived && !self.flight.carries(TrackId::BULK) {
            self.stop_track(TrackId::BULK);
            self.bulk.track = None;
        }
    }
}
