//! Maps: entries off the wire in their order, keys in quotes, a repeated key seen.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the wire format is made of bit patterns"
)]

use std::borrow::Cow;
use std::collections::HashMap;

use super::values::{Raw, bare};
use super::{Print, Printer, text};
use crate::block::{BLOCK, load};
use crate::schema::{Field, Kind};
use crate::wire::{Reader, WireType, unzigzag};

/// The types of a map.
#[derive(Debug, Clone, Copy)]
struct MapTypes {
    key: Kind,
    key_wire: WireType,
    value: Kind,
    value_wire: WireType,
}

/// A map entry taken apart.
struct MapEntry<'a> {
    key: Raw<'a>,
    value: Option<Value<'a>>,
}

enum Value<'a> {
    Raw(Raw<'a>),
    /// A message whose parts came in several pieces.
    Merged(Vec<u8>),
}

impl<'s> Printer<'s, '_> {
    /// Whether a key on the stack from `base` on occurs twice (or looks like it); takes the keys off the stack.
    pub(super) fn keys_repeat(&mut self, base: usize) -> bool {
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
    fn map_types(&self, field: &Field) -> Option<MapTypes> {
        let (key, value) = self.schema.map_entry(field.kind.message()?)?;
        Some(MapTypes { key: key.kind, key_wire: key.wire, value: value.kind, value_wire: value.wire })
    }

    pub(super) fn map_occurrence(
        &mut self,
        field: &'s Field,
        wire: WireType,
        reader: &mut Reader<'_>,
        open: &mut bool,
    ) -> Print<()> {
        if wire != WireType::Len {
            reader.skip(field.number, wire, self.depth)?;
            return Ok(());
        }
        let Some(types) = self.map_types(field) else {
            return Ok(reader.skip(field.number, wire, self.depth)?);
        };
        let bytes = reader.len_slice()?;
        let entry = match self.plain_entry(types, bytes) {
            Some(entry) => entry,
            None => match self.map_entry(types, bytes)? {
                Some(entry) => entry,
                None => return Ok(()),
            },
        };
        if !*open {
            self.key(field);
            self.out.push(b'{');
            *open = true;
        }
        self.hashes.push(hash(entry.key));
        self.print_entry(types, &entry)
    }

    /// An entry as it is usually written: one key, one value, nothing else.
    #[inline]
    fn plain_entry<'a>(&self, types: MapTypes, bytes: &'a [u8]) -> Option<MapEntry<'a>> {
        let mut reader = Reader::new(bytes);
        if reader.tag() != Ok((1, types.key_wire)) {
            return None;
        }
        let key = bare(types.key_wire, &mut reader).ok()?;
        if reader.tag() != Ok((2, types.value_wire)) {
            return None;
        }
        let value = bare(types.value_wire, &mut reader).ok()?;
        let plain = reader.is_empty() && self.known(types.value, value);
        plain.then(|| MapEntry { key: narrowed(types.key, key), value: Some(Value::Raw(value)) })
    }

    /// Takes an entry apart; nothing when its value is a number that its closed enum does not have.
    fn map_entry<'a>(&self, types: MapTypes, bytes: &'a [u8]) -> Print<Option<MapEntry<'a>>> {
        let mut key = if types.key == Kind::String { Raw::Bytes(&[]) } else { Raw::Bits(0) };
        let mut value: Option<Value<'a>> = None;
        let mut reader = Reader::new(bytes);
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
                    value =
                        Some(if value.is_none() { Value::Raw(raw) } else { joined(value, raw, types.value) });
                }
                _ => reader.skip(number, wire, self.depth)?,
            }
        }
        Ok(Some(MapEntry { key, value }))
    }

    /// `"key":value`, with a comma before it unless it is the first.
    #[inline]
    fn print_entry(&mut self, types: MapTypes, entry: &MapEntry<'_>) -> Print<()> {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.map_key(types.key, entry.key)?;
        self.out.push(b':');
        match &entry.value {
            Some(Value::Raw(raw)) => self.value(types.value, *raw),
            Some(Value::Merged(bytes)) => self.value(types.value, Raw::Bytes(bytes)),
            None if types.value_wire == WireType::Len => self.value(types.value, Raw::Bytes(&[])),
            None => self.value(types.value, Raw::Bits(0)),
        }
    }

    fn map_key(&mut self, kind: Kind, key: Raw<'_>) -> Print<()> {
        let bits = match key {
            Raw::Bytes(bytes) => {
                return self.string(bytes);
            }
            Raw::Bits(bits) => bits,
        };
        match kind {
            Kind::Bool => self.out.extend_from_slice(if bits == 0 { b"\"false\"" } else { b"\"true\"" }),
            Kind::Int32 | Kind::Sfixed32 => text::quoted_integer(self.out, (bits as i32).into()),
            Kind::Uint32 | Kind::Fixed32 => text::quoted_integer(self.out, (bits as u32).into()),
            Kind::Sint32 => text::quoted_integer(self.out, (unzigzag((bits as u32).into()) as i32).into()),
            Kind::Sint64 => text::quoted_integer(self.out, unzigzag(bits)),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(self.out, bits as i64),
            _ => text::quoted_unsigned(self.out, bits),
        }
        Ok(())
    }

    /// All entries of a map whose order or uniqueness is in doubt: the last of each key counts.
    pub(super) fn entries_indexed(&mut self, field: &'s Field, found: &[&[u8]]) -> Print<()> {
        let Some(types) = self.map_types(field) else { return Ok(()) };
        let mut entries = Vec::with_capacity(found.len());
        for bytes in found {
            entries.extend(self.map_entry(types, bytes)?);
        }
        let mut last: HashMap<Cow<'_, [u8]>, usize> = HashMap::with_capacity(entries.len());
        for (i, entry) in entries.iter().enumerate() {
            last.insert(canonical(entry.key), i);
        }
        for (i, entry) in entries.iter().enumerate() {
            if last.get(&canonical(entry.key)) == Some(&i) {
                self.print_entry(types, entry)?;
            }
        }
        Ok(())
    }
}

/// A key cut to its kind's width, so that equal keys are equal bits.
fn narrowed(kind: Kind, key: Raw<'_>) -> Raw<'_> {
    match (key, kind) {
        (Raw::Bits(bits), Kind::Bool) => Raw::Bits(u64::from(bits != 0)),
        (Raw::Bits(bits), Kind::Int32 | Kind::Uint32 | Kind::Sint32) => Raw::Bits(u64::from(bits as u32)),
        _ => key,
    }
}

/// A second occurrence of an entry's value: messages merge, everything else is replaced.
fn joined<'a>(before: Option<Value<'a>>, raw: Raw<'a>, kind: Kind) -> Value<'a> {
    match (before, raw) {
        (Some(Value::Raw(Raw::Bytes(first))), Raw::Bytes(next)) if kind.message().is_some() => {
            Value::Merged([first, next].concat())
        }
        (Some(Value::Merged(mut bytes)), Raw::Bytes(next)) => {
            bytes.extend_from_slice(next);
            Value::Merged(bytes)
        }
        _ => Value::Raw(raw),
    }
}

fn canonical(key: Raw<'_>) -> Cow<'_, [u8]> {
    match key {
        Raw::Bytes(bytes) => Cow::Borrowed(bytes),
        Raw::Bits(bits) => Cow::Owned(bits.to_le_bytes().to_vec()),
    }
}

/// Multiply and fold, sixteen bytes at a time; two keys with one hash only cost the indexed pass, which compares in full.
#[inline]
fn hash(key: Raw<'_>) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    match key {
        Raw::Bits(bits) => bits,
        Raw::Bytes(bytes) => bytes.chunks(BLOCK).fold(bytes.len() as u64, |state, chunk| {
            let block = load(chunk);
            let low = (state ^ block as u64).wrapping_mul(K);
            (low.rotate_left(29) ^ (block >> 64) as u64).wrapping_mul(K)
        }),
    }
}
