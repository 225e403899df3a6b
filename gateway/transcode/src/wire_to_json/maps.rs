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
use crate::schema::{Field, Kind};
use crate::wire::{Reader, WireFault, WireType, unzigzag};

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
        let Some(entry) = self.map_entry(field, reader.len_slice()?)? else { return Ok(()) };
        if !*open {
            self.key(field);
            self.out.push(b'{');
            *open = true;
        }
        self.hashes.push(hash(entry.key));
        self.print_entry(field, &entry)
    }

    /// Takes an entry apart; nothing when its value is a number that its closed enum does not have.
    pub(super) fn map_entry<'a>(&self, field: &Field, bytes: &'a [u8]) -> Print<Option<MapEntry<'a>>> {
        let Some((key_field, value_field)) = field.kind.message().and_then(|id| self.schema.map_entry(id))
        else {
            return Ok(None);
        };
        let mut key = if key_field.kind == Kind::String { Raw::Bytes(&[]) } else { Raw::Bits(0) };
        let mut value: Option<Value<'a>> = None;
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            match number {
                1 if wire == key_field.kind.wire_type() => {
                    key = narrowed(key_field.kind, bare(wire, &mut reader)?);
                }
                2 if wire == value_field.kind.wire_type() => {
                    let raw = bare(wire, &mut reader)?;
                    if !self.known(value_field.kind, raw) {
                        return Ok(None);
                    }
                    value = Some(joined(value, raw, value_field.kind));
                }
                _ => reader.skip(number, wire, self.depth)?,
            }
        }
        Ok(Some(MapEntry { key, value }))
    }

    /// `"key":value`, with a comma before it unless it is the first.
    pub(super) fn print_entry(&mut self, field: &'s Field, entry: &MapEntry<'_>) -> Print<()> {
        let Some((key, value)) = field.kind.message().and_then(|id| self.schema.map_entry(id)) else {
            return Ok(());
        };
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.map_key(key.kind, entry.key)?;
        self.out.push(b':');
        match &entry.value {
            Some(Value::Raw(raw)) => self.value(value.kind, *raw),
            Some(Value::Merged(bytes)) => self.value(value.kind, Raw::Bytes(bytes)),
            None if matches!(value.kind.wire_type(), WireType::Len) => {
                self.value(value.kind, Raw::Bytes(&[]))
            }
            None => self.value(value.kind, Raw::Bits(0)),
        }
    }

    fn map_key(&mut self, kind: Kind, key: Raw<'_>) -> Print<()> {
        let bits = match key {
            Raw::Bytes(bytes) => {
                return Ok(text::quote_bytes(self.out, bytes).ok_or(WireFault::Utf8)?);
            }
            Raw::Bits(bits) => bits,
        };
        match kind {
            Kind::Bool => self.out.extend_from_slice(if bits == 0 { b"\"false\"" } else { b"\"true\"" }),
            Kind::Int32 | Kind::Sfixed32 => text::quoted_integer(self.out, bits as i32),
            Kind::Uint32 | Kind::Fixed32 => text::quoted_integer(self.out, bits as u32),
            Kind::Sint32 => text::quoted_integer(self.out, unzigzag(u64::from(bits as u32)) as i32),
            Kind::Sint64 => text::quoted_integer(self.out, unzigzag(bits)),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(self.out, bits as i64),
            _ => text::quoted_integer(self.out, bits),
        }
        Ok(())
    }

    /// All entries of a map whose order or uniqueness is in doubt: the last of each key counts.
    pub(super) fn entries_indexed(&mut self, field: &'s Field, found: &[&[u8]]) -> Print<()> {
        let mut entries = Vec::with_capacity(found.len());
        for bytes in found {
            entries.extend(self.map_entry(field, bytes)?);
        }
        let mut last: HashMap<Cow<'_, [u8]>, usize> = HashMap::with_capacity(entries.len());
        for (i, entry) in entries.iter().enumerate() {
            last.insert(canonical(entry.key), i);
        }
        for (i, entry) in entries.iter().enumerate() {
            if last.get(&canonical(entry.key)) == Some(&i) {
                self.print_entry(field, entry)?;
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

/// FNV-1a; two keys with one hash only cost the indexed pass, which compares in full.
fn hash(key: Raw<'_>) -> u64 {
    match key {
        Raw::Bits(bits) => bits,
        Raw::Bytes(bytes) => bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)),
    }
}
