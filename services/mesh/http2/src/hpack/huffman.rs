//! Reading strings that are packed by HPACK's Huffman code (RFC 7541, 5.2 and appendix B).
//!
//! The code is canonical: from the length of each symbol's code follow all codes. Symbols in the order of their codes, and
//! for each length the first code that is beyond it, are all that reading needs.

/// Symbols: every byte, and the end.
const SYMBOLS: usize = 257;

const END: u16 = 256;

/// The shortest and the longest code.
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// How many bits the code of each symbol has.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

struct Code {
    /// In the order of their codes.
    symbols: [u16; SYMBOLS],
    /// For each length: the first code beyond those of it, and the place of its first symbol less that of its first code.
    beyond: [u32; LONGEST + 1],
    offsets: [u32; LONGEST + 1],
}

static CODE: Code = code();

#[allow(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "worked out by the compiler")]
const fn code() -> Code {
    let mut code = Code { symbols: [0; SYMBOLS], beyond: [0; LONGEST + 1], offsets: [0; LONGEST + 1] };
    let (mut next, mut place, mut length) = (0_u32, 0_u32, 1);
    while length <= LONGEST {
        next <<= 1;
        code.offsets[length] = place.wrapping_sub(next);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                code.symbols[place as usize] = symbol as u16;
                place += 1;
                next += 1;
            }
            symbol += 1;
        }
        // as if it had the longest length, to be compared without a shift
        code.beyond[length] = next << (LONGEST - length);
        length += 1;
    }
    code
}

/// Appends what a packed string says; nothing when it holds the end, or what is behind its last symbol is no padding.
pub(super) fn decode(packed: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (mut bits, mut have, mut rest) = (0_u64, 0, packed);
    loop {
        while have <= 56
            && let Some((byte, after)) = rest.split_first()
        {
            bits |= u64::from(*byte) << (56 - have);
            have += 8;
            rest = after;
        }
        // ones behind the end, as padding has them
        let window = (bits | u64::MAX.checked_shr(have).unwrap_or(0)) >> (64 - LONGEST);
        let window = u32::try_from(window).ok()?;
        let length =
            (SHORTEST..=LONGEST).find(|length| window < CODE.beyond.get(*length).copied().unwrap_or(0));
        let length = match length {
            Some(length) if length <= have as usize => length,
            // less than a byte of ones is padding
            _ if have < 8 && bits == padding(have) => return Some(()),
            _ => return None,
        };
        let place = (window >> (LONGEST - length)).wrapping_add(*CODE.offsets.get(length)?);
        let symbol = *CODE.symbols.get(place as usize)?;
        if symbol == END {
            return None;
        }
        out.push(u8::try_from(symbol).ok()?);
        bits <<= length;
        have -= u32::try_from(length).ok()?;
    }
}

/// So many ones at the top.
fn padding(have: u32) -> u64 {
    !u64::MAX.checked_shr(have).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    //! The specification's examples, every symbol, and bad padding.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fmt::Write as _;

    use super::*;

    fn decoded(packed: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(packed, &mut out).map(|()| out)
    }

    /// Packs by the same code, bit by bit.
    fn packed(text: &[u8]) -> Vec<u8> {
        let mut bits = String::new();
        for byte in text {
            let place = CODE.symbols.iter().position(|symbol| *symbol == u16::from(*byte)).unwrap();
            let length = usize::from(LENGTHS[usize::from(*byte)]);
            let code = u32::try_from(place).unwrap().wrapping_sub(CODE.offsets[length]);
            write!(bits, "{code:0length$b}").unwrap();
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let byte = |at: usize| u8::from_str_radix(&bits[at..at + 8], 2).unwrap();
        (0..bits.len()).step_by(8).map(byte).collect()
    }

    #[test]
    fn the_examples_of_the_specification() {
        let cases: [(&[u8], &str); 5] = [
            (&[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff], "www.example.com"),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf], "custom-value"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private"),
            (&[0x64, 0x02], "302"),
        ];
        for (wire, text) in cases {
            assert_eq!(decoded(wire).unwrap(), text.as_bytes());
            assert_eq!(packed(text.as_bytes()), wire);
        }
    }

    #[test]
    fn every_symbol_is_read() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        assert_eq!(decoded(&packed(&all)).unwrap(), all);
        for length in 0..all.len() {
            assert_eq!(decoded(&packed(&all[..length])).unwrap(), &all[..length]);
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones_and_the_end_is_none() {
        assert_eq!(decoded(&[]), Some(Vec::new()));
        for bad in [&[0xff][..], &[0x1f, 0xff], &[0x18], &[0xff, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xfc]]
        {
            assert_eq!(decoded(bad), None, "{bad:x?}");
        }
        assert_eq!(decoded(&[0x1f]).unwrap(), b"a");
    }
}
