//! Pictures and sound to packets and back: H.264, Opus, colour, scaling, resampling, containers, playout, and what makes a
//! telephone of a microphone; as pure code that knows no network, no window and no clock.

pub mod colour;
pub mod container;
pub mod h264;
pub mod jpeg;
pub mod opus;
pub mod picture;
pub mod playout;
pub mod resample;
pub mod voice;

pub use picture::{Colour, Matrix, Picture, PictureMut, PicturePool, Range};
