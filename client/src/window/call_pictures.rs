//! When the pictures of a call are drawn: they come too often for everything to be drawn anew with each.

use super::{desk::Desk, frame::Frame};
use crate::device::Picture;

/// Own pictures that wait for one of the other side.
const OWN_WAITS: u64 = 3;

impl Desk {
    /// The own picture waits for the next one of the other side, so that both are drawn at once, unless none comes.
    pub(super) fn look_at_pictures(&mut self) {
        let number = |picture: Option<(u64, Picture)>| picture.map(|(number, _)| number);
        let (theirs, mine) = (number(self.app.pictures().theirs()), number(self.app.pictures().mine()));
        let waited = mine.unwrap_or(0).saturating_sub(self.drawn.1.unwrap_or(0));
        if theirs != self.drawn.0 || mine.is_some() != self.drawn.1.is_some() || waited >= OWN_WAITS {
            self.drawn = (theirs, mine);
            self.display().into_iter().for_each(Frame::redraw_pictures);
        }
    }

    /// The window in which the pictures of a call are seen.
    fn display(&self) -> Option<&Frame> {
        let call = self.call.as_ref().map(|(_, frame)| frame);
        call.or_else(|| self.main.as_ref().map(|(frame, _)| frame))
    }
}
