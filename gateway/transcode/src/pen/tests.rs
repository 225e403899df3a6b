//! The pen against a plain vector.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::Pen;
use crate::block::Piece;
use crate::wire::{Reader, Span};

/// One thing to do with a pen.
#[derive(Debug, Clone)]
enum Act {
    Byte(u8),
    Bytes(Vec<u8>),
    Block([u8; 8], usize),
    Piece(Vec<u8>),
    Truncate(usize),
    Set(usize, u8),
    With(Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..70);
    prop_oneof![
        any::<u8>().prop_map(Act::Byte),
        bytes().prop_map(Act::Bytes),
        (any::<[u8; 8]>(), 0..20_usize).prop_map(|(block, len)| Act::Block(block, len)),
        bytes().prop_map(Act::Piece),
        (0..200_usize).prop_map(Act::Truncate),
        (0..200_usize, any::<u8>()).prop_map(|(place, byte)| Act::Set(place, byte)),
        bytes().prop_map(Act::With),
    ]
}

fn with_pen(pen: &mut Pen<'_>, act: &Act) {
    match act {
        Act::Byte(byte) => pen.byte(*byte),
        Act::Bytes(bytes) => pen.bytes(bytes),
        Act::Block(block, len) => pen.block(block, *len),
        Act::Piece(bytes) => pen.piece(&Piece::new(bytes)),
        Act::Truncate(len) => pen.truncate(*len),
        Act::Set(place, byte) => pen.set(*place, *byte),
        Act::With(bytes) => pen.with(|out| out.extend_from_slice(bytes)),
    }
}

fn by_hand(out: &mut Vec<u8>, act: &Act) {
    match act {
        Act::Byte(byte) => out.push(*byte),
        Act::Bytes(bytes) | Act::Piece(bytes) | Act::With(bytes) => out.extend_from_slice(bytes),
        Act::Block(block, len) => out.extend_from_slice(&block[..(*len).min(8)]),
        Act::Truncate(len) => out.truncate(*len),
        Act::Set(place, byte) => {
            if let Some(slot) = out.get_mut(*place) {
                *slot = *byte;
            }
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

proptest! {
    #[test]
    fn a_pen_writes_what_a_vector_would(before in prop::collection::vec(any::<u8>(), 0..40), acts in prop::collection::vec(act(), 0..40)) {
        let (mut ours, mut plain) = (before.clone(), before);
        let mut pen = Pen::new(&mut ours);
        for act in &acts {
            with_pen(&mut pen, act);
            by_hand(&mut plain, act);
            prop_assert_eq!(pen.len(), plain.len());
        }
        drop(pen);
        prop_assert_eq!(ours, plain);
    }

    #[test]
    fn a_text_is_taken_up_to_its_first_special_byte(
        text in prop::collection::vec(prop_oneof![20 => b' '..=b'~', 1 => any::<u8>()], 0..80),
        behind in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let document = [&text[..], &behind].concat();
        let whole = Reader::of(document[..].into()).rest();
        let span = whole.first(text.len());
        let plain = text.iter().take_while(|b| is_plain(**b)).count();
        let (mut out, mut beyond) = (Vec::new(), 0);
        prop_assert_eq!(Pen::new(&mut out).plain(span, &mut beyond), plain);
        prop_assert_eq!(&out, &text[..plain]);
        prop_assert!(beyond != 0 || text[..plain].is_ascii());

        let mut out = Vec::new();
        let quoted = Pen::new(&mut out).quoted(span, &mut 0);
        let room = text.len() + behind.len() >= 16;
        prop_assert_eq!(quoted, room && text.len() <= 16 && plain == text.len());
        let wanted = [b"\"", &text[..], b"\""].concat();
        prop_assert_eq!(out, if quoted { wanted } else { Vec::new() });
    }
}

#[test]
fn an_empty_span_is_an_empty_text() {
    let mut out = Vec::new();
    assert_eq!(Pen::new(&mut out).plain(Span::EMPTY, &mut 0), 0);
    assert!(!Pen::new(&mut out).quoted(Span::EMPTY, &mut 0));
    assert!(out.is_empty());
}
