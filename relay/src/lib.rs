//! The language both ends of Komado speak and the machine that relays it: frames, tracks, links, seal, vocabulary.
//!
//! Nothing here opens a socket, starts a task or reads a clock: bytes and the time come in as arguments, bytes and
//! results go out. The wire format is specified in `WIRE.md` beside this crate.

pub mod frame;
pub mod link;
pub mod seal;
pub mod track;
pub mod varint;
pub mod vocabulary;

pub use frame::{Decoded, Frame, FrameHeader, Kind, TrackId, WireError};

/// A point in time or a span, in microseconds. Points are counted from wherever this end's own monotonic clock began.
pub type Micros = u64;

/// One millisecond in [`Micros`].
pub const MILLISECOND: Micros = 1_000;

/// One second in [`Micros`].
pub const SECOND: Micros = 1_000_000;
