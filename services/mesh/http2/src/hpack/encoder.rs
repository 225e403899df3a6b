//! Writes header blocks (RFC 7541, 6). What comes again is sent once, and as a byte or two from then on.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use http::header::{AUTHORIZATION, COOKIE, HeaderValue, PROXY_AUTHORIZATION};
use http::{HeaderName, Method};

use super::integer::{put, put_string};
use super::{ENTRY, TABLE, is_of_connection, static_table};
use crate::head::Head;

/// A value of more bytes does not come again, or would drive all others out.
const MOST: usize = 1024;

/// The time that a call has left differs from call to call.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The writing side of a connection's compression.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The oldest first.
    table: VecDeque<Entry>,
    /// How many entries have come into the table, those that are gone included.
    inserted: usize,
    /// By the hash of name and value: the count at which an entry came. Two of one hash displace each other.
    places: HashMap<u64, usize, FixedState>,
    size: usize,
    most: usize,
    /// The smallest and the last size that the peer is still to be told (RFC 7541, 4.2).
    told: Option<(usize, usize)>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    text: Box<[u8]>,
    /// Bytes of the name.
    name: usize,
}

impl Entry {
    fn is(&self, name: &[u8], value: &[u8]) -> bool {
        self.text.split_at_checked(self.name) == Some((name, value))
    }
}

/// What becomes of a field in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Indexing {
    /// It will come again.
    Kept,
    /// It is sent as it is.
    Once,
    /// The same, and whoever passes it on must do so too.
    Never,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        let hasher = FixedState::default();
        let places = HashMap::with_hasher(hasher.clone());
        Self { table: VecDeque::new(), inserted: 0, places, size: 0, most: TABLE, told: None, hasher }
    }

    /// Keeps the table within what its reader allows.
    pub(crate) fn resize(&mut self, allowed: u32) {
        let most = (allowed as usize).min(TABLE);
        if most != self.most {
            let smallest = self.told.map_or(most, |(smallest, _)| smallest.min(most));
            self.told = Some((smallest, most));
            self.most = most;
            self.evict(0);
        }
    }

    /// Appends the block of a request.
    pub(crate) fn request(&mut self, out: &mut Vec<u8>, head: &Head<'_>) {
        if let Some((smallest, last)) = self.told.take() {
            put(out, 0x20, 5, smallest);
            if last != smallest {
                put(out, 0x20, 5, last);
            }
        }
        match *head.method {
            Method::POST => out.push(0x83),
            Method::GET => out.push(0x82),
            _ => self.field(out, ":method", head.method.as_str().as_bytes(), Indexing::Kept),
        }
        out.push(if head.is_https { 0x87 } else { 0x86 });
        self.field(out, ":authority", head.authority.as_str().as_bytes(), Indexing::Kept);
        self.field(out, ":path", head.path.as_str().as_bytes(), Indexing::Kept);
        for (name, value) in head.headers {
            // HTTP/2 has no fields of the connection (RFC 9113, 8.2.2)
            if !is_of_connection(name) {
                self.field(out, name.as_str(), value.as_bytes(), indexing(name, value));
            }
        }
    }

    #[inline]
    fn field(&mut self, out: &mut Vec<u8>, name: &str, value: &[u8], indexing: Indexing) {
        if indexing != Indexing::Kept {
            let first = if indexing == Indexing::Never { 0x10 } else { 0 };
            return literal(out, (first, 4), name, value);
        }
        let hash = self.hasher.hash_one((name, value));
        if let Some(index) = self.find(hash, name.as_bytes(), value) {
            return put(out, 0x80, 7, index);
        }
        literal(out, (0x40, 6), name, value);
        self.insert(hash, name, value);
    }

    /// The index of an entry.
    #[inline]
    fn find(&self, hash: u64, name: &[u8], value: &[u8]) -> Option<usize> {
        let age = self.inserted - self.places.get(&hash)?;
        let place = self.table.len().checked_sub(age)?;
        let found = self.table.get(place)?;
        found.is(name, value).then_some(static_table::LENGTH + age)
    }

    fn insert(&mut self, hash: u64, name: &str, value: &[u8]) {
        let counts = name.len() + value.len() + ENTRY;
        self.evict(counts);
        if counts <= self.most {
            self.places.insert(hash, self.inserted);
            self.inserted += 1;
            self.size += counts;
            let text = [name.as_bytes(), value].concat().into();
            self.table.push_back(Entry { hash, text, name: name.len() });
        }
    }

    /// Makes room for so much.
    fn evict(&mut self, counts: usize) {
        while self.size + counts > self.most
            && let Some(oldest) = self.table.pop_front()
        {
            self.size -= oldest.text.len() + ENTRY;
            let came = self.inserted - self.table.len() - 1;
            if self.places.get(&oldest.hash) == Some(&came) {
                self.places.remove(&oldest.hash);
            }
        }
    }
}

/// A field as it is, with the index of its name where the specification has one.
fn literal(out: &mut Vec<u8>, (first, bits): (u8, u32), name: &str, value: &[u8]) {
    if let Some(index) = static_table::index(name) {
        put(out, first, bits, index);
    } else {
        out.push(first);
        put_string(out, name.as_bytes());
    }
    put_string(out, value);
}

fn indexing(name: &HeaderName, value: &HeaderValue) -> Indexing {
    let is_credential = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name);
    if value.is_sensitive() || is_credential {
        Indexing::Never
    } else if value.len() > MOST || *name == TIMEOUT {
        Indexing::Once
    } else {
        Indexing::Kept
    }
}

#[cfg(test)]
mod tests {
    //! What the one side writes the other side reads, whatever becomes of the table.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use http::HeaderMap;

    use super::super::Decoder;
    use super::*;

    /// Writes headers behind a status, so that the reading side of a client takes them.
    fn block(encoder: &mut Encoder, headers: &HeaderMap) -> Vec<u8> {
        let mut out = Vec::new();
        let (authority, path) = ("a".parse().unwrap(), "/b".parse().unwrap());
        let method = &Method::POST;
        encoder.request(
            &mut out,
            &Head { method, is_https: false, authority: &authority, path: &path, headers },
        );
        out
    }

    /// Reads a block of a request as one of an answer: the fields, without what only requests have.
    fn read(decoder: &mut Decoder, block: &[u8]) -> HeaderMap {
        decoder.decode(block).unwrap().map
    }

    fn one(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_field_that_comes_again_is_a_byte() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 20));
        let headers = one("te", "trailers");
        let first = block(&mut encoder, &headers);
        let second = block(&mut encoder, &headers);
        assert_eq!(second.len(), 5, "method, scheme, authority, path and one field: {second:x?}");
        assert_eq!(read(&mut decoder, &first), headers);
        assert_eq!(read(&mut decoder, &second), headers);
    }

    #[test]
    fn secrets_and_times_are_not_kept() {
        for (name, first) in [("authorization", 0x1f), ("cookie", 0x1f), ("grpc-timeout", 0x00)] {
            let mut encoder = Encoder::new();
            block(&mut encoder, &one(name, "secret"));
            let again = block(&mut encoder, &one(name, "secret"));
            assert_eq!(again[4], first, "{name}");
            assert_eq!(encoder.table.len(), 2);
        }
    }

    #[test]
    fn a_smaller_table_is_told() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 20));
        let headers = one("te", "trailers");
        read(&mut decoder, &block(&mut encoder, &headers));
        encoder.resize(0);
        encoder.resize(100);
        let told = block(&mut encoder, &headers);
        assert_eq!(told[..3], [0x20, 0x3f, 69]);
        assert_eq!(read(&mut decoder, &told), headers);
        assert_eq!(read(&mut decoder, &block(&mut encoder, &headers)), headers);
    }

    fn headers() -> impl Strategy<Value = HeaderMap> {
        let names =
            prop::sample::select(vec!["te", "date", "x-a", "x-b", "x-c", "grpc-timeout", "authorization"]);
        let values = prop_oneof![
            "[a-c]{0,2}",
            "[a-z]{100,200}",
            Just("v".repeat(5000)),
            "[ -~]{0,40}".prop_map(|text| text.trim().to_owned())
        ];
        prop::collection::vec((names, values, any::<bool>()), 0..6).prop_map(|fields| {
            let mut map = HeaderMap::new();
            for (name, value, sensitive) in fields {
                let mut value = HeaderValue::from_str(&value).unwrap();
                value.set_sensitive(sensitive);
                map.append(HeaderName::from_static(name), value);
            }
            map
        })
    }

    proptest! {
        #[test]
        fn any_series_of_headers_is_read_as_it_was_written(
            series in prop::collection::vec((headers(), prop::option::of(0_u32..6000)), 1..30),
        ) {
            let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 20));
            for (headers, size) in series {
                if let Some(size) = size {
                    encoder.resize(size);
                }
                let block = block(&mut encoder, &headers);
                prop_assert_eq!(read(&mut decoder, &block), headers);
                prop_assert_eq!(encoder.places.len(), encoder.table.len());
            }
        }
    }
}
