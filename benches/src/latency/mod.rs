//! What a latency measurement puts into picture and sound, so that the far end can tell when each was made.

pub mod chirp;
pub mod marker;
