//! The decoder: packets in, pictures out, and never a picture whose references were not whole.

use super::nal;
use super::native::NativeDecoder;
use super::sps::Sps;
use crate::picture::{Colour, Picture, PicturePool};

/// Decodes the packets of one stream of an [`Encoder`](super::Encoder).
pub struct Decoder {
    native: NativeDecoder,
    /// After damage the library's state is not to be trusted: the next keyframe meets a fresh one.
    tainted: bool,
    chain: ReferenceChain,
    pool: PicturePool,
    colour: Option<Colour>,
}

/// A packet on its way into the decoder, with what the frame header said about it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Its number in the stream; each packet has the next.
    pub sequence: u64,
    /// Whether it says it is a keyframe.
    pub keyframe: bool,
    /// Its temporal layer.
    pub layer: u8,
    /// How many numbers back its reference lies; 0 for none.
    pub depends: u64,
    /// The access unit, Annex B.
    pub bytes: &'a [u8],
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Here is its picture.
    Picture(Picture),
    /// A higher layer's packet whose reference did not come. The next packet of the base layer will do.
    Orphan,
    /// It came twice, or after a newer one was already decoded.
    Stale,
    /// The base layer is broken (a lost reference, damage, or no keyframe yet): nothing decodes until a keyframe comes.
    /// Ask the sender for one.
    NeedKeyframe,
}

/// Why there is no decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// openh264 could not make a decoder.
    #[error("openh264 could not start a decoder (its code {0}): memory may be short")]
    Library(i32),
}

impl Decoder {
    /// A decoder that waits for a keyframe.
    ///
    /// # Errors
    /// [`DecodeError::Library`] when memory is short.
    pub fn new() -> Result<Decoder, DecodeError> {
        Ok(Decoder {
            native: fresh()?,
            tainted: false,
            chain: ReferenceChain::default(),
            pool: PicturePool::default(),
            colour: None,
        })
    }

    /// Takes the next packet. Packets may be missing, late, repeated or damaged; only whole pictures come out.
    ///
    /// # Errors
    /// [`DecodeError::Library`] when a new library decoder was needed and memory is short.
    pub fn decode(&mut self, packet: Incoming<'_>) -> Result<Decoded, DecodeError> {
        match self.chain.judge(packet.sequence, packet.keyframe, packet.layer, packet.depends) {
            Standing::Ready => {}
            Standing::Orphan => return Ok(Decoded::Orphan),
            Standing::Stale => return Ok(Decoded::Stale),
            Standing::NeedKeyframe => return Ok(Decoded::NeedKeyframe),
        }
        // The header's word is not enough: a "keyframe" that is none would be decoded against the wrong pictures.
        let idr = nal::units(packet.bytes).any(|unit| unit.kind() == nal::kind::IDR_SLICE);
        if idr != packet.keyframe {
            return Ok(self.damaged());
        }
        if packet.keyframe {
            if self.tainted {
                self.native = fresh()?;
                self.tainted = false;
            }
            self.colour = nal::units(packet.bytes)
                .find(|unit| unit.kind() == nal::kind::SPS)
                .and_then(|unit| Sps::parse(unit.bytes).ok())
                .map(|sps| sps.colour());
        }
        match self.native.decode_now(packet.bytes, &self.pool) {
            Ok(Some(picture)) => {
                self.chain.decoded(packet.sequence, packet.keyframe);
                Ok(Decoded::Picture(match self.colour {
                    Some(colour) => picture.with_colour(colour),
                    None => picture,
                }))
            }
            Ok(None) | Err(_) => Ok(self.damaged()),
        }
    }

    /// Whether nothing will decode until a keyframe comes.
    pub fn needs_keyframe(&self) -> bool {
        self.chain.needs_keyframe()
    }

    fn damaged(&mut self) -> Decoded {
        self.tainted = true;
        self.chain.break_off();
        Decoded::NeedKeyframe
    }
}

fn fresh() -> Result<NativeDecoder, DecodeError> {
    NativeDecoder::new().map_err(|status| DecodeError::Library(status.0))
}

/// Knows which packets were decoded, and so which can be.
///
/// It needs no decoder: whoever passes packets on or writes them to a file can use it to leave out what nobody could
/// decode.
#[derive(Clone, Debug, Default)]
pub struct ReferenceChain {
    /// The newest packet decoded; none before the first keyframe and after damage.
    newest: Option<u64>,
    /// Bit `i` is set when packet `newest - i` was decoded since the last keyframe.
    whole: u64,
    /// No packet up to here may be decoded again, even after damage.
    passed: Option<u64>,
}

/// What a packet's place in the chain allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its reference is there.
    Ready,
    /// See [`Decoded::Orphan`].
    Orphan,
    /// See [`Decoded::Stale`].
    Stale,
    /// See [`Decoded::NeedKeyframe`].
    NeedKeyframe,
}

impl ReferenceChain {
    /// Whether a packet can be decoded now. Changes nothing.
    pub fn judge(&self, sequence: u64, keyframe: bool, layer: u8, depends: u64) -> Standing {
        if self.passed.is_some_and(|passed| sequence <= passed) {
            return Standing::Stale;
        }
        if keyframe {
            return Standing::Ready;
        }
        let Some(newest) = self.newest else { return Standing::NeedKeyframe };
        let reference = sequence.checked_sub(depends).filter(|_| depends > 0);
        let there =
            reference.and_then(|r| newest.checked_sub(r)).is_some_and(|back| back < 64 && self.whole >> back & 1 == 1);
        match (there, layer) {
            (true, _) => Standing::Ready,
            (false, 0) => Standing::NeedKeyframe,
            (false, _) => Standing::Orphan,
        }
    }

    /// Enters a packet that was decoded.
    pub fn decoded(&mut self, sequence: u64, keyframe: bool) {
        self.whole = match self.newest {
            Some(newest) if !keyframe => {
                let forward = sequence.saturating_sub(newest);
                let kept = if forward < 64 { self.whole << forward } else { 0 };
                kept | 1
            }
            _ => 1,
        };
        self.newest = Some(sequence);
        self.passed = Some(sequence);
    }

    /// Enters damage: nothing that came so far may be referred to.
    pub fn break_off(&mut self) {
        self.newest = None;
        self.whole = 0;
    }

    /// Whether only a keyframe can go on.
    pub fn needs_keyframe(&self) -> bool {
        self.newest.is_none()
    }
}
