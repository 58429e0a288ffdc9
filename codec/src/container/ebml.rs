//! EBML elements as bytes: ids, sizes, numbers, strings (RFC 8794).

/// Appends an element with this content.
pub(super) fn element(id: u32, content: &[u8], out: &mut Vec<u8>) {
    id_bytes(id, out);
    size(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Appends an element whose content the closure writes.
pub(super) fn master(id: u32, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    element(id, &inner, out);
}

/// Appends an unsigned number in as few bytes as it takes.
pub(super) fn unsigned(id: u32, value: u64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(7);
    element(id, &bytes[first..], out);
}

/// Appends an unsigned number in eight bytes, so that it can be overwritten later.
pub(super) fn unsigned_wide(id: u32, value: u64, out: &mut Vec<u8>) {
    element(id, &value.to_be_bytes(), out);
}

/// Appends a floating-point number in eight bytes.
pub(super) fn float(id: u32, value: f64, out: &mut Vec<u8>) {
    element(id, &value.to_be_bytes(), out);
}

/// Appends an id: its length stands in its first bits already.
pub(super) fn id_bytes(id: u32, out: &mut Vec<u8>) {
    let bytes = id.to_be_bytes();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(3);
    out.extend_from_slice(&bytes[first..]);
}

/// Appends a size in as few bytes as it takes.
pub(super) fn size(value: u64, out: &mut Vec<u8>) {
    // All ones stands for "unknown", so 127 takes two bytes.
    let length = (1..8).find(|&length| value < (1u64 << (7 * length)) - 1).unwrap_or(8);
    let marked = value | 1 << (7 * length);
    out.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
}

/// A size in eight bytes, so that it can be overwritten later.
pub(super) fn size_wide(value: u64) -> [u8; 8] {
    (value & 0x00ff_ffff_ffff_ffff | 1 << 56).to_be_bytes()
}

/// The size of an element that has not ended yet, in eight bytes.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_at_their_limits() {
        let bytes = |value| {
            let mut out = Vec::new();
            size(value, &mut out);
            out
        };
        assert_eq!(bytes(0), [0x80]);
        assert_eq!(bytes(126), [0xfe]);
        assert_eq!(bytes(127), [0x40, 0x7f]);
        assert_eq!(bytes(16_382), [0x7f, 0xfe]);
        assert_eq!(bytes(16_383), [0x20, 0x3f, 0xff]);
        assert_eq!(size_wide(5), [1, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn elements() {
        let mut out = Vec::new();
        unsigned(0x4286, 1, &mut out);
        unsigned(0xd7, 0, &mut out);
        unsigned(0xd7, 256, &mut out);
        element(0x86, b"A", &mut out);
        assert_eq!(out, [0x42, 0x86, 0x81, 1, 0xd7, 0x81, 0, 0xd7, 0x82, 1, 0, 0x86, 0x81, b'A']);
    }
}
