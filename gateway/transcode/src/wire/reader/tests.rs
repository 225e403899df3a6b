//! Varints of every length, whole, cut and followed by something; spans that end before their document.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{Reader, Span};
use crate::wire::{WireFault, put_varint};

/// Bit by bit, as the format says.
fn by_hand(bytes: &[u8]) -> Result<(u64, usize), WireFault> {
    let mut value = 0_u128;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u128::from(byte & 0x7f) << (7 * i);
        if byte < &0x80 {
            return u64::try_from(value).map(|value| (value, i + 1)).map_err(|_| WireFault::Varint);
        }
    }
    Err(if bytes.len() < 10 { WireFault::Truncated } else { WireFault::Varint })
}

fn read(bytes: &[u8]) -> Result<(u64, usize), WireFault> {
    let mut reader = Reader::new(bytes);
    reader.varint().map(|value| (value, bytes.len() - reader.left()))
}

proptest! {
    #[test]
    fn a_varint_is_read_as_it_was_written(value: u64, shift in 0..64_u32, behind: [u8; 12], cut in 0..12_usize) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let len = bytes.len();
        bytes.extend_from_slice(&behind[..cut]);
        prop_assert_eq!(read(&bytes), Ok((value, len)));
    }

    #[test]
    fn any_bytes_are_read_as_the_format_says(bytes in prop::collection::vec(prop_oneof![3 => 0x80_u8..=0xff, 1 => any::<u8>()], 0..14)) {
        prop_assert_eq!(read(&bytes), by_hand(&bytes));
    }

    #[test]
    fn a_span_tells_nothing_of_what_stands_behind_it(bytes: [u8; 40], len in 0..20_usize) {
        let span = Reader::new(&bytes).rest().first(len);
        prop_assert_eq!(span.bytes(), &bytes[..len]);
        let mut word = [0; 8];
        word[..len.min(8)].copy_from_slice(&bytes[..len.min(8)]);
        prop_assert_eq!(span.first_word(), u64::from_le_bytes(word));
        prop_assert_eq!(span.skip(7).bytes(), &bytes[len.min(7)..len]);
    }
}

#[test]
fn a_reader_of_a_span_ends_where_the_span_ends() {
    let document = [0x80, 0x01, 0x02];
    let span = Reader::new(&document).rest().first(1);
    assert_eq!(Reader::of(span).varint(), Err(WireFault::Truncated));
    assert_eq!(Reader::of(Span::EMPTY).varint(), Err(WireFault::Truncated));
    assert_eq!(Reader::of(Span::EMPTY).peek(), None);
}
