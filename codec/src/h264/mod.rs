//! H.264 by openh264: an encoder for live pictures in temporal layers, a decoder that shows nothing broken, and the
//! little of the bitstream's syntax that containers need.

pub mod nal;

mod decoder;
mod encoder;
mod native;
pub mod sps;

pub use decoder::{DecodeError, Decoded, Decoder, Incoming, ReferenceChain, Standing};
pub use encoder::{Content, EncodeError, Encoded, Encoder, EncoderConfig, Packet};
pub(crate) use native::NativeDecoder;
