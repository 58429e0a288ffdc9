//! Files: clips to play (MP4, Y4M, WAV), recordings to keep (Matroska, Y4M, WAV), snapshots (PNG).

pub mod matroska;
pub mod mp4;
pub mod png;
pub mod voice;
pub mod wav;
pub mod y4m;

mod aac;
mod ebml;
mod mix;

use crate::picture::Picture;

/// A picture and when it is to be shown, in µs from the start of its clip.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedPicture {
    /// The picture.
    pub picture: Picture,
    /// When it is to be shown, in µs from the start of its clip.
    pub time_us: u64,
}
