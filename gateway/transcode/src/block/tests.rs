//! Blocks against the plain way of doing the same.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{
    Piece, append, append_headed, equal, first_special, load, plain_prefix, portable_equal, portable_marks,
};

fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Mostly plain bytes, some special, some beyond ASCII.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![20 => b' '..=b'~', 1 => any::<u8>()], 0..most)
}

proptest! {
    #[test]
    fn the_plain_prefix_ends_at_the_first_special_byte(bytes in bytes(300)) {
        let wanted = bytes.iter().position(|b| special(*b)).unwrap_or(bytes.len());
        prop_assert_eq!(plain_prefix(&bytes), wanted);
    }

    #[test]
    fn both_ways_to_search_a_block_agree(block: [u8; 16]) {
        let wanted = block.iter().position(|b| special(*b)).unwrap_or(16);
        prop_assert_eq!(first_special(&block), wanted);
        prop_assert_eq!(portable_marks(&block).0.trailing_zeros().min(16) as usize, wanted);
    }

    #[test]
    fn both_ways_to_compare_blocks_agree(one: [u8; 32], mut other: [u8; 32], same in 0..=32_usize) {
        other[..same].copy_from_slice(&one[..same]);
        prop_assert_eq!(equal(&one, &other), portable_equal(&one, &other));
        prop_assert!(equal(&one, &other).trailing_ones() as usize >= same);
    }

    #[test]
    fn a_head_and_the_first_bytes_of_a_block_are_appended(before in bytes(40), head: [u8; 3], block: [u8; 16], len in 0..40_usize) {
        let mut out = before.clone();
        append_headed(&mut out, head, &block, len);
        prop_assert_eq!(out, [&before[..], &head, &block[..len.min(16)]].concat());
    }

    #[test]
    fn appending_keeps_every_byte(before in bytes(5), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut out = before.clone();
        append(&mut out, &bytes);
        prop_assert_eq!(out, [before, bytes].concat());
    }

    #[test]
    fn a_piece_is_found_where_it_is(bytes in bytes(80), cut in 0..80_usize, wrong in 0..80_usize) {
        let piece = bytes.get(..cut).unwrap_or(&bytes).to_vec();
        prop_assert!(Piece::new(&piece).begins(bytes[..].into()));
        prop_assert_eq!(Piece::new(&bytes).begins(piece[..].into()), piece.len() == bytes.len());
        let mut other = bytes.clone();
        if let Some(byte) = other.get_mut(wrong) {
            *byte ^= 1;
            prop_assert_eq!(Piece::new(&piece).begins(other[..].into()), wrong >= piece.len());
        }
    }
}

#[test]
fn every_length_is_loaded() {
    let bytes: Vec<u8> = (1..=16).collect();
    for len in 0..=16 {
        let mut wanted = [0; 16];
        wanted[..len].copy_from_slice(&bytes[..len]);
        assert_eq!(load(&bytes[..len]), u128::from_le_bytes(wanted), "{len} bytes");
    }
}
