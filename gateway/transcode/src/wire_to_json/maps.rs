//! Maps: entries off the wire in their order, keys in quotes, a repeated key seen.

#![allow(
    clippy::inline_always,
    reason = "measured: an entry costs a third less where its parts are not calls"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]

use super::values::{Raw, bare};
use super::{Print, Printer, Stop, mended, text};
use crate::block::{BLOCK, load};
use crate::schema::{Field, Kind};
use crate::wire::{Reader, Span, WireFault, WireType, unzigzag};

/// The types of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapTypes {
    key: Kind,
    key_wire: WireType,
    value: Kind,
    value_wire: WireType,
}

impl MapTypes {
    /// The key of an entry that has none.
    fn default_key(self) -> Raw<'static> {
        if self.key == Kind::String { Raw::Bytes(Span::EMPTY) } else { Raw::Bits(0) }
    }
}

/// A map entry taken apart.
pub(super) struct MapEntry<'a> {
    pub(super) key: Raw<'a>,
    value: Option<Value<'a>>,
}

enum Value<'a> {
    Raw(Raw<'a>),
    /// A message whose parts came in several pieces.
    Merged(Vec<u8>),
}

impl<'s> Printer<'s, '_> {
    /// Whether a key on the stack from `base` on occurs twice (or looks like it); takes the keys off the stack.
    fn keys_repeat(&mut self, base: usize) -> bool {
        const FEW: usize = 16;
        let Some(keys) = self.hashes.get_mut(base..) else { return false };
        let repeat = if keys.len() <= FEW {
            keys.iter().enumerate().any(|(i, key)| keys.iter().take(i).any(|other| other == key))
        } else {
            keys.sort_unstable();
            keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
        };
        self.hashes.truncate(base);
        repeat
    }

    #[inline]
    pub(super) fn map_types(&self, field: &Field) -> Option<MapTypes> {
        let (key, value) = self.schema.map_entry(field.kind.message()?)?;
        Some(MapTypes { key: key.kind, key_wire: key.wire, value: value.kind, value_wire: value.wire })
    }

    /// Entries of a map whose first tag is read: all that follow each other, each with a comma before it.
    ///
    /// # Errors
    ///
    /// As out of order also when a key is (or seems to be) there twice.
    pub(super) fn entries(
        &mut self,
        field: &'s Field,
        mut wire: WireType,
        reader: &mut Reader<'_>,
    ) -> Print<()> {
        let base = self.hashes.len();
        let types = self.map_types(field);
        loop {
            match types {
                Some(types) if wire == WireType::Len => self.map_occurrence(types, reader.span()?)?,
                _ => reader.skip(field.number, wire, self.depth)?,
            }
            if !reader.eat(field.tag) {
                break;
            }
            wire = WireType::Len;
        }
        if self.keys_repeat(base) { Err(Stop::OutOfOrder) } else { Ok(()) }
    }

    fn map_occurrence(&mut self, types: MapTypes, bytes: Span<'_>) -> Print<()> {
        let entry = match self.plain_entry(types, bytes) {
            Some(entry) => entry,
            None => match self.map_entry(types, bytes)? {
                Some(entry) => entry,
                None => return Ok(()),
            },
        };
        let hash = if self.mends() { hash_mended(entry.key) } else { hash(entry.key) };
        self.hashes.push(hash);
        self.print_entry(types, &entry)
    }

    /// An entry as it is usually written: one key, one value, nothing else.
    #[inline(always)]
    fn plain_entry<'a>(&self, types: MapTypes, bytes: Span<'a>) -> Option<MapEntry<'a>> {
        let mut reader = Reader::of(bytes);
        if !reader.eat_byte(1 << 3 | types.key_wire as u8) {
            return None;
        }
        let key = bare(types.key_wire, &mut reader).ok()?;
        if !reader.eat_byte(2 << 3 | types.value_wire as u8) {
            return None;
        }
        let value = bare(types.value_wire, &mut reader).ok()?;
        let plain = reader.is_empty() && self.known(types.value, value);
        plain.then(|| MapEntry { key: narrowed(types.key, key), value: Some(Value::Raw(value)) })
    }

    /// Takes an entry apart; nothing when its value is a number that its closed enum does not have.
    pub(super) fn map_entry<'a>(&mut self, types: MapTypes, bytes: Span<'a>) -> Print<Option<MapEntry<'a>>> {
        let mut key = types.default_key();
        let mut value: Option<Value<'a>> = None;
        let mut reader = Reader::of(bytes);
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            match number {
                1 if wire == types.key_wire => {
                    key = narrowed(types.key, bare(wire, &mut reader)?);
                }
                2 if wire == types.value_wire => {
                    let raw = bare(wire, &mut reader)?;
                    if !self.known(types.value, raw) {
                        return Ok(None);
                    }
                    value = Some(match value {
                        None => Value::Raw(raw),
                        before => self.joined(before, raw, types.value)?,
                    });
                }
                _ => reader.skip(number, wire, self.depth)?,
            }
        }
        Ok(Some(MapEntry { key, value }))
    }

    /// A second occurrence of an entry's value: messages merge, everything else is replaced.
    fn joined<'a>(&mut self, before: Option<Value<'a>>, raw: Raw<'a>, kind: Kind) -> Print<Value<'a>> {
        Ok(match (before, raw) {
            (Some(Value::Raw(Raw::Bytes(first))), Raw::Bytes(next)) if kind.message().is_some() => {
                self.again(first.len() + next.len())?;
                Value::Merged([first.bytes(), next.bytes()].concat())
            }
            (Some(Value::Merged(mut bytes)), Raw::Bytes(next)) => {
                self.again(next.len())?;
                bytes.extend_from_slice(next.bytes());
                Value::Merged(bytes)
            }
            _ => Value::Raw(raw),
        })
    }

    /// `,"key":value`.
    #[inline(always)]
    pub(super) fn print_entry(&mut self, types: MapTypes, entry: &MapEntry<'_>) -> Print<()> {
        self.out.byte(b',');
        self.map_key(types.key, entry.key)?;
        self.out.byte(b':');
        match &entry.value {
            Some(Value::Raw(raw)) => self.value(types.value, *raw),
            Some(Value::Merged(bytes)) => self.value(types.value, Raw::Bytes(bytes[..].into())),
            None => self.value(types.value, self.absent(types)),
        }
    }

    /// What an entry without a value says.
    #[cold]
    fn absent(&self, types: MapTypes) -> Raw<'static> {
        match types.value {
            Kind::Enum(id) => Raw::Bits(i64::from(self.schema.enumeration(id).default_number()) as u64),
            _ if types.value_wire == WireType::Len => Raw::Bytes(Span::EMPTY),
            _ => Raw::Bits(0),
        }
    }

    #[inline(always)]
    fn map_key(&mut self, kind: Kind, key: Raw<'_>) -> Print<()> {
        let bits = match key {
            Raw::Bytes(bytes) => return self.string(bytes),
            Raw::Bits(bits) => bits,
        };
        let out = &mut self.out;
        match kind {
            Kind::Bool if bits == 0 => out.array(b"\"false\""),
            Kind::Bool => out.array(b"\"true\""),
            Kind::Int32 | Kind::Sfixed32 => text::quoted_integer(out, (bits as i32).into()),
            Kind::Uint32 | Kind::Fixed32 => text::quoted_integer(out, (bits as u32).into()),
            Kind::Sint32 => text::quoted_integer(out, (unzigzag((bits as u32).into()) as i32).into()),
            Kind::Sint64 => text::quoted_integer(out, unzigzag(bits)),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(out, bits as i64),
            _ => text::quoted_unsigned(out, bits),
        }
        Ok(())
    }
}

/// The key of an entry: the last one in it, else the default.
pub(super) fn entry_key(types: MapTypes, bytes: Span<'_>, depth: u32) -> Result<Raw<'_>, WireFault> {
    let mut key = types.default_key();
    let mut reader = Reader::of(bytes);
    while !reader.is_empty() {
        match reader.tag()? {
            (1, wire) if wire == types.key_wire => key = narrowed(types.key, bare(wire, &mut reader)?),
            (number, wire) => reader.skip(number, wire, depth)?,
        }
    }
    Ok(key)
}

/// A key cut to its kind's width, so that equal keys are equal bits.
fn narrowed(kind: Kind, key: Raw<'_>) -> Raw<'_> {
    match (key, kind) {
        (Raw::Bits(bits), Kind::Bool) => Raw::Bits(u64::from(bits != 0)),
        (Raw::Bits(bits), Kind::Int32 | Kind::Uint32 | Kind::Sint32) => Raw::Bits(u64::from(bits as u32)),
        _ => key,
    }
}

/// The hash of a key as it is printed.
#[cold]
fn hash_mended(key: Raw<'_>) -> u64 {
    match key {
        Raw::Bits(bits) => bits,
        Raw::Bytes(bytes) => hash(Raw::Bytes(mended(bytes).as_bytes().into())),
    }
}

/// Multiply and fold, sixteen bytes at a time; two keys with one hash only cost the indexed pass, which compares in full.
#[inline]
fn hash(key: Raw<'_>) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |state: u64, first: u64, last: u64| {
        ((state ^ first).wrapping_mul(K).rotate_left(29) ^ last).wrapping_mul(K)
    };
    let key = match key {
        Raw::Bits(bits) => return bits,
        Raw::Bytes(key) => key,
    };
    let bytes = key.bytes();
    let len = bytes.len() as u64;
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) if bytes.len() <= BLOCK => {
            fold(len, u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        }
        (Some(_), _) => bytes.chunks(BLOCK).fold(len, |state, chunk| {
            let block = load(chunk);
            fold(state, block as u64, (block >> 64) as u64)
        }),
        (None, _) => fold(len, key.first_word(), 0),
    }
}
