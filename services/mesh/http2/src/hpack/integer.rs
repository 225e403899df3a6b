//! Integers behind a prefix of some bits (RFC 7541, 5.1), and the strings whose lengths they are.

use super::huffman;

/// Appends an integer; `first` has the bits before its prefix of `bits`.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "cut to seven bits, or to fewer than the prefix has")]
pub(super) fn put(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let most = (1_usize << bits) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends a string as it is: packing it would take longer than sending it to a service that is near.
#[inline]
pub(super) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    put(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

/// Takes an integer off the front; nothing when it is cut or beyond 32 bits.
#[inline]
pub(super) fn take(bytes: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    let most = (1_usize << bits) - 1;
    let value = usize::from(*first) & most;
    if value < most { Some(value) } else { take_long(bytes, value) }
}

#[cold]
fn take_long(bytes: &mut &[u8], mut value: usize) -> Option<usize> {
    for shift in (0..28).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Takes a string off the front, unpacked into `room` where it is packed; nothing when it is cut or badly packed.
#[inline]
pub(super) fn take_string<'b: 'r, 'r>(bytes: &mut &'b [u8], room: &'r mut Vec<u8>) -> Option<&'r [u8]> {
    let is_packed = bytes.first()? & 0x80 != 0;
    let length = take(bytes, 7)?;
    let text = bytes.get(..length)?;
    *bytes = bytes.get(length..)?;
    if !is_packed {
        return Some(text);
    }
    room.clear();
    huffman::decode(text, room)?;
    Some(room)
}

#[cfg(test)]
mod tests {
    //! The specification's examples, and every width.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        for (bits, value, wire) in [(5, 10, &[0x0a][..]), (5, 1337, &[0x1f, 0x9a, 0x0a]), (8, 42, &[0x2a])] {
            let mut out = Vec::new();
            put(&mut out, 0, bits, value);
            assert_eq!(out, wire);
            assert_eq!(take(&mut &*out, bits), Some(value));
        }
    }

    #[test]
    fn what_is_written_is_read_and_cuts_are_found() {
        for bits in 4..=7 {
            for value in (0..300).chain([4095, 16_383, 16_384, 1 << 20, (1 << 28) - 1]) {
                let mut out = Vec::new();
                put(&mut out, 0x80, bits, value);
                let mut read = &*out;
                assert_eq!(take(&mut read, bits), Some(value));
                assert!(read.is_empty());
                for cut in 0..out.len() {
                    assert_eq!(take(&mut &out[..cut], bits), None);
                }
            }
        }
    }

    #[test]
    fn an_integer_without_an_end_is_refused() {
        assert_eq!(take(&mut &[0xff; 16][..], 7), None);
        assert_eq!(take(&mut &[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01][..], 7), None);
    }
}
