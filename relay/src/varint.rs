//! Variable-length unsigned integers as QUIC writes them (RFC 9000, section 16): 1, 2, 4 or 8 bytes, big endian.

use bytes::BufMut;

/// The largest value a variable-length integer carries: 2^62 − 1.
pub const MAX: u64 = (1 << 62) - 1;

/// The number of bytes that `value` takes. Values over [`MAX`] do not exist on the wire.
pub fn size(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Writes `value`, which must not exceed [`MAX`]; its two highest bits are lost otherwise.
pub fn put(out: &mut impl BufMut, value: u64) {
    debug_assert!(value <= MAX);
    match size(value) {
        1 => out.put_u8(value as u8),
        2 => out.put_u16(value as u16 | 0x4000),
        4 => out.put_u32(value as u32 | 0x8000_0000),
        _ => out.put_u64((value & MAX) | 0xc000_0000_0000_0000),
    }
}

/// Reads one integer from the front of `input` and says how many bytes it took; `None` when more bytes are needed.
pub fn read(input: &[u8]) -> Option<(u64, usize)> {
    let first = *input.first()?;
    let length = 1usize << (first >> 6);
    if input.len() < length {
        return None;
    }
    let mut value = u64::from(first & 0x3f);
    for byte in &input[1..length] {
        value = value << 8 | u64::from(*byte);
    }
    Some((value, length))
}

/// Reads integers and bytes from a slice one after another; every method says `None` when more bytes are needed.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// How many bytes have been read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    pub fn is_empty(&self) -> bool {
        self.at == self.input.len()
    }

    /// Everything not yet read.
    pub fn rest(&self) -> &'a [u8] {
        &self.input[self.at..]
    }

    pub fn byte(&mut self) -> Option<u8> {
        let byte = *self.input.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub fn varint(&mut self) -> Option<u64> {
        let (value, length) = read(self.rest())?;
        self.at += length;
        Some(value)
    }

    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.rest().get(..length)?;
        self.at += length;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 9000, appendix A.1.
    #[test]
    fn reads_the_examples_of_the_rfc() {
        assert_eq!(read(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Some((151_288_809_941_952_652, 8)));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Some((494_878_333, 4)));
        assert_eq!(read(&[0x7b, 0xbd]), Some((15_293, 2)));
        assert_eq!(read(&[0x25]), Some((37, 1)));
        assert_eq!(read(&[0x40, 0x25]), Some((37, 2)));
    }

    #[test]
    fn asks_for_more_when_cut_anywhere() {
        let mut whole = Vec::new();
        put(&mut whole, MAX);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_read(value in 0..=MAX) {
            let mut out = Vec::new();
            put(&mut out, value);
            prop_assert_eq!(out.len(), size(value));
            prop_assert_eq!(read(&out), Some((value, out.len())));
        }
    }
}
