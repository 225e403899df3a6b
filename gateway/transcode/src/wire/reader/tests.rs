//! Varints of every length, whole, cut and followed by something; spans that end before their document.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{Reader, Span};
use crate::block::Piece;
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

/// JSON with much of what a short string and a member may look like.
fn json() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(","),
        Just(" "),
        Just("\""),
        Just("\"key\":"),
        Just("a"),
        Just("twelve bytes"),
        Just("\\"),
        Just("\n")
    ];
    prop::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
}

/// The short string at the start of `text`, and what follows it.
fn short_by_hand(text: &str) -> Option<(&str, &str)> {
    let (content, rest) = text.strip_prefix('"')?.split_once('"')?;
    let plain = content.len() < 16 && !content.contains(['\\', '\n']);
    plain.then_some((content, rest))
}

/// `text` without a comma and a space behind it.
fn behind_comma(text: &str) -> Option<&str> {
    let text = text.strip_prefix(',')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

proptest! {
    #[test]
    fn a_short_string_is_found_unless_the_document_ends_soon(text in json(), behind in json()) {
        // what stands behind the end of the span is not looked at
        let document = format!("{text}{behind}");
        let whole = Span::from(document.as_bytes()).first(text.len());
        for (next, at) in [(false, Some(&text[..])), (true, behind_comma(&text))] {
            let mut reader = Reader::of(whole);
            let found = if next { reader.short_string_behind(b',') } else { reader.short_string() };
            let found = found.map(|(block, len)| block[..len].to_vec());
            let wanted = at.and_then(short_by_hand).filter(|_| text.len() >= 16 + if next { 3 } else { 1 });
            let left = wanted.map_or(text.len(), |(_, rest)| rest.len());
            prop_assert_eq!((found, reader.left()), (wanted.map(|(content, _)| content.as_bytes().to_vec()), left));
        }
    }

    #[test]
    fn a_member_is_found_unless_the_document_ends_soon(text in json(), behind in json(), long in any::<bool>()) {
        let key = if long { "a key that is longer than two blocks" } else { "\"key\":" };
        let (text, document) = (format!(", {key}{text}"), format!(", {key}{text}{behind}"));
        let mut reader = Reader::of(Span::from(document.as_bytes()).first(text.len()));
        let found = reader.eat_next(&Piece::new(key.as_bytes()));
        prop_assert_eq!(found, !long && text.len() >= 34);
        prop_assert_eq!(reader.left(), text.len() - if found { 2 + key.len() } else { 0 });
    }

    #[test]
    fn a_varint_is_read_as_it_was_written(value: u64, shift in 0..64_u32, behind: [u8; 12], cut in 0..12_usize) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let len = bytes.len();
        prop_assert_eq!(len, prost::encoding::encoded_len_varint(value), "no longer than needed");
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
