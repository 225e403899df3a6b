//! Reads header blocks (RFC 7541, 3 and 6), straight into a map.

use std::collections::VecDeque;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::integer::{take, take_string};
use super::{ENTRY, TABLE, is_of_connection, static_table};

/// What a block has said.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Of `:status`.
    pub(crate) status: Option<u16>,
    pub(crate) map: HeaderMap,
    /// What is wrong with it, where the compression is right and the fields are not.
    pub(crate) fault: Option<Fault>,
}

/// What is wrong with fields (RFC 9113, 8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A field that may not be there, or not where it is.
    Malformed,
    /// There is more than the reader allows.
    Large,
}

/// A block that breaks the connection: what comes after it cannot be read either.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// A field, as it is kept in the table.
#[derive(Clone, Debug)]
struct Field {
    name: Name,
    /// None where it is no value of a field.
    value: Option<HeaderValue>,
    /// Bytes of both.
    size: usize,
}

#[derive(Clone, Debug)]
enum Name {
    Status,
    Field(HeaderName),
    /// Any other pseudo-header, or what is no name.
    Other,
}

impl Name {
    fn new(text: &[u8]) -> Self {
        match text {
            b":status" => Self::Status,
            // refuses capitals
            _ => HeaderName::from_lowercase(text).map_or(Self::Other, Self::Field),
        }
    }
}

/// The reading side of a connection's compression.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The newest first.
    table: VecDeque<Field>,
    /// What its entries count.
    size: usize,
    /// What they may count.
    most: usize,
    /// The entries of the specification, made when they are first used.
    fixed: Vec<Option<Field>>,
    /// Bytes of the fields of one block.
    limit: usize,
    room: (Vec<u8>, Vec<u8>),
}

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        let fixed = vec![None; static_table::LENGTH];
        Self { table: VecDeque::new(), size: 0, most: TABLE, fixed, limit, room: Default::default() }
    }

    /// Reads a whole block.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Result<Fields, Broken> {
        let mut fields = Fields::default();
        let (mut size, mut begun, limit) = (0, false, self.limit);
        while let Some(first) = block.first() {
            match first {
                0x80.. => {
                    let index = take(&mut block, 7).ok_or(Broken)?;
                    let field = self.entry(index)?;
                    add(&mut fields, &mut size, limit, field);
                }
                0x40.. => {
                    let field = self.literal(&mut block, 6)?;
                    add(&mut fields, &mut size, limit, &field);
                    self.insert(field);
                }
                0x20.. => {
                    let most = take(&mut block, 5).ok_or(Broken)?;
                    // only at the beginning, and never more than was allowed
                    if begun || most > TABLE {
                        return Err(Broken);
                    }
                    self.most = most;
                    self.evict(0);
                    continue;
                }
                _ => {
                    let field = self.literal(&mut block, 4)?;
                    add(&mut fields, &mut size, limit, &field);
                }
            }
            begun = true;
        }
        Ok(fields)
    }

    fn literal(&mut self, block: &mut &[u8], bits: u32) -> Result<Field, Broken> {
        let index = take(block, bits).ok_or(Broken)?;
        let (mut names, mut values) = std::mem::take(&mut self.room);
        let (name, length) = if index == 0 {
            let text = take_string(block, &mut names).ok_or(Broken)?;
            (Name::new(text), text.len())
        } else {
            let known = self.entry(index)?;
            let value = known.value.as_ref().map_or(0, HeaderValue::len);
            (known.name.clone(), known.size - value)
        };
        let text = take_string(block, &mut values).ok_or(Broken)?;
        let field = Field { name, value: HeaderValue::from_bytes(text).ok(), size: length + text.len() };
        self.room = (names, values);
        Ok(field)
    }

    fn entry(&mut self, index: usize) -> Result<&Field, Broken> {
        let place = index.checked_sub(1).ok_or(Broken)?;
        if place >= static_table::LENGTH {
            return self.table.get(place - static_table::LENGTH).ok_or(Broken);
        }
        let (Some(slot), Some((name, value))) = (self.fixed.get_mut(place), static_table::ENTRIES.get(place))
        else {
            return Err(Broken);
        };
        Ok(slot.get_or_insert_with(|| Field {
            name: Name::new(name.as_bytes()),
            value: Some(HeaderValue::from_static(value)),
            size: name.len() + value.len(),
        }))
    }

    fn insert(&mut self, field: Field) {
        let counts = field.size + ENTRY;
        self.evict(counts);
        if counts <= self.most {
            self.size += counts;
            self.table.push_front(field);
        }
    }

    /// Makes room for so much.
    fn evict(&mut self, counts: usize) {
        while self.size + counts > self.most
            && let Some(oldest) = self.table.pop_back()
        {
            self.size -= oldest.size + ENTRY;
        }
    }
}

/// Adds a field to what a block has said.
#[inline]
fn add(fields: &mut Fields, size: &mut usize, limit: usize, field: &Field) {
    *size += field.size + ENTRY;
    if *size > limit {
        fields.fault = Some(Fault::Large);
        fields.map.clear();
        return;
    }
    let fits = match (&field.name, &field.value) {
        (Name::Status, Some(value)) => {
            let first = fields.status.is_none() && fields.map.is_empty();
            fields.status = status(value.as_bytes());
            first && fields.status.is_some()
        }
        (Name::Field(name), Some(value)) => {
            // a map has room for 2^15 names
            if fields.map.try_append(name.clone(), value.clone()).is_err() {
                fields.fault = Some(Fault::Large);
                return;
            }
            !is_of_connection(name)
        }
        _ => false,
    };
    if !fits {
        fields.fault.get_or_insert(Fault::Malformed);
    }
}

fn status(text: &[u8]) -> Option<u16> {
    match text {
        b"200" => Some(200),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some([a, b, c].into_iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0')))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    //! The specification's examples (RFC 7541, C.6), and what is refused.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn said(fields: &Fields) -> Vec<(String, String)> {
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        fields.map.iter().map(text).collect()
    }

    #[test]
    fn answers_of_the_specification_with_a_small_table() {
        let mut decoder = Decoder::new(4096);
        // the example has a table of 256 bytes
        let first = "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
        let fields = decoder.decode(&bytes(first)).unwrap();
        assert_eq!(fields.status, Some(302));
        let expected = [
            ("cache-control", "private"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("location", "https://www.example.com"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(said(&fields), expected);
        assert_eq!((decoder.size, decoder.table.len()), (222, 4));

        let fields = decoder.decode(&bytes("4883 640e ffc1 c0bf")).unwrap();
        assert_eq!(fields.status, Some(307));
        assert_eq!(said(&fields), expected);
        assert_eq!((decoder.size, decoder.table.len()), (222, 4));

        let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
        let fields = decoder.decode(&bytes(third)).unwrap();
        assert_eq!(fields.status, Some(200));
        assert_eq!(fields.map["content-encoding"], "gzip");
        assert_eq!(fields.map["set-cookie"], "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        assert_eq!((decoder.size, decoder.table.len()), (215, 3));
        assert_eq!(fields.fault, None);
    }

    #[test]
    fn broken_blocks_break_the_connection() {
        for block in [
            "80",         // index 0
            "be",         // nothing is in the table yet
            "ff80808080", // an index without an end
            "48",         // no value
            "4803 3230",  // a value that is cut
            "883f e11f",  // a size behind a field
            "3fe21f",     // a size beyond what was allowed
            "4881 ff",    // bad packing
        ] {
            assert_eq!(Decoder::new(4096).decode(&bytes(block)).map(|_| ()), Err(Broken), "{block}");
        }
    }

    #[test]
    fn fields_that_may_not_be_there_are_malformed() {
        for (block, why) in [
            ("8888", "two statuses"),
            ("40 01 61 01 62 88", "a status behind a field"),
            ("82", "a pseudo-header of requests"),
            ("88 40 01 41 01 62", "a name with capitals"),
            ("88 40 01 61 01 0a", "a value with a line break"),
            ("08 03 32 30 78", "a status that is none"),
            ("88 40 0a 63 6f 6e 6e 65 63 74 69 6f 6e 01 61", "a field of the connection"),
        ] {
            let fields = Decoder::new(4096).decode(&bytes(block)).unwrap();
            assert_eq!(fields.fault, Some(Fault::Malformed), "{why}");
        }
        let fields = Decoder::new(100).decode(&bytes("88 40 01 61 01 62 be be")).unwrap();
        assert_eq!(fields.fault, Some(Fault::Large));
        assert!(fields.map.is_empty());
        let many: Vec<u8> = (0..40_000).flat_map(|one| format!("\0\x06x{one:05}\0").into_bytes()).collect();
        assert_eq!(Decoder::new(usize::MAX).decode(&many).unwrap().fault, Some(Fault::Large));
    }
}
