//! The pass for messages whose fields come out of order: find every occurrence first, then print field by field.

use std::borrow::Cow;

use super::map_index::MapIndex;
use super::values::Raw;
use super::{Print, Printer, named, unnamed};
use crate::json_to_wire::seen::Seen;
use crate::schema::{Field, Message, MessageId, Shape};
use crate::wire::{Reader, WireFault, WireType, message_set};

/// Where one occurrence of a field lies in its message.
#[derive(Debug, Clone, Copy)]
struct Occurrence {
    field: u16,
    wire: WireType,
    /// After the tag. A message of gRPC has less than 4 GiB.
    start: u32,
}

impl Occurrence {
    /// Reads what stands there.
    fn reader(self, wire: &[u8]) -> Reader<'_> {
        Reader::new(wire.get(self.start as usize..).unwrap_or_default())
    }
}

impl<'s> Printer<'s, '_> {
    pub(super) fn members_indexed(&mut self, message: &'s Message, wire: &[u8]) -> Print<()> {
        let found = self.index(message, wire)?;
        let mut seen = Seen::of(message);
        for group in found.chunk_by(|a, b| a.field == b.field) {
            let Some((index, field)) = group.first().and_then(|o| Some((o.field, message.field(o.field)?)))
            else {
                continue;
            };
            seen.first(index, field);
            self.collected(field, group, wire, true).map_err(|e| named(message, field, e))?;
        }
        if message.has_always_present || self.options.defaults {
            self.fill(message, &seen)?;
        }
        Ok(())
    }

    /// One field of a message and nothing else; its empty form when it is not set.
    pub(super) fn only(&mut self, id: MessageId, index: u16, wire: &[u8]) -> Print<()> {
        let message = self.schema.message(id);
        let Some(field) = message.field(index) else { return Ok(()) };
        let fields = if message.is_message_set {
            self.again(wire.len()).map_err(|e| unnamed(message, e))?;
            Cow::Owned(message_set::to_fields(wire, self.depth + 1).map_err(|e| unnamed(message, e))?)
        } else {
            Cow::Borrowed(wire)
        };
        let wire = &*fields;
        let mut found = self.index(message, wire)?;
        found.retain(|o| o.field == index);
        let start = self.out.len();
        self.collected(field, &found, wire, false).map_err(|e| named(message, field, e))?;
        if self.out.len() == start {
            self.empty(field)?;
        }
        Ok(())
    }

    /// Every occurrence that counts, by field, in wire order within a field.
    fn index(&mut self, message: &Message, wire: &[u8]) -> Print<Vec<Occurrence>> {
        let mut found: Vec<Occurrence> = Vec::new();
        // for each oneof, the member that was set last and since when it is the one
        let mut chosen: Vec<Option<(u16, u32)>> = vec![None; message.oneofs.len()];
        let mut reader = Reader::new(wire);
        while !reader.is_empty() {
            let (number, kind) = reader.tag().map_err(|e| unnamed(message, e))?;
            let start =
                u32::try_from(wire.len() - reader.left()).map_err(|_| unnamed(message, WireFault::Range))?;
            let known = message.by_number(number);
            let Some((index, field)) = known else {
                reader.skip(number, kind, self.depth).map_err(|e| unnamed(message, e))?;
                continue;
            };
            if field.shape == Shape::Single {
                let raw = self.raw(field, kind, &mut reader).map_err(|e| named(message, field, e))?;
                if raw.is_none() {
                    continue;
                }
            } else {
                reader.skip(number, kind, self.depth).map_err(|e| unnamed(message, e))?;
            }
            if let Some(slot) = field.oneof.and_then(|o| chosen.get_mut(usize::from(o)))
                && slot.is_none_or(|(member, _)| member != index)
            {
                *slot = Some((index, start));
            }
            found.push(Occurrence { field: index, wire: kind, start });
        }
        found.retain(|o| {
            let oneof = message.field(o.field).and_then(|f| f.oneof);
            let current = oneof.and_then(|i| chosen.get(usize::from(i)).copied().flatten());
            current.is_none_or(|(member, since)| member == o.field && o.start >= since)
        });
        found.sort_unstable_by_key(|o| (o.field, o.start));
        Ok(found)
    }

    /// Prints one field from its occurrences, with its key or without.
    fn collected(&mut self, field: &'s Field, found: &[Occurrence], wire: &[u8], key: bool) -> Print<()> {
        let start = self.out.len();
        match field.shape {
            Shape::Single => self.last(field, found, wire)?,
            Shape::Repeated => self.all(field, found, wire)?,
            Shape::Map => self.whole_map(field, found, wire)?,
        }
        // what prints with its key is printed with it, and the key is taken off again where only the value is wanted
        if !key && self.out.len() > start {
            self.out.with(|out| drop(out.drain(start..start + field.member.bytes().len())));
        }
        Ok(())
    }

    fn last(&mut self, field: &'s Field, found: &[Occurrence], wire: &[u8]) -> Print<()> {
        let Some(last) = found.last() else { return Ok(()) };
        if field.kind.message().is_none() || found.len() == 1 {
            let mut reader = last.reader(wire);
            return match self.raw(field, last.wire, &mut reader)? {
                Some(raw) => self.single(field, raw),
                None => Ok(()),
            };
        }
        let mut merged = Vec::new();
        for occurrence in found {
            let mut reader = occurrence.reader(wire);
            if let Some(Raw::Bytes(bytes)) = self.raw(field, occurrence.wire, &mut reader)? {
                self.again(bytes.len())?;
                merged.extend_from_slice(bytes.bytes());
            }
        }
        self.single(field, Raw::Bytes(merged[..].into()))
    }

    fn all(&mut self, field: &'s Field, found: &[Occurrence], wire: &[u8]) -> Print<()> {
        let before = self.out.len();
        self.out.piece(&field.member);
        let start = self.open()?;
        for occurrence in found {
            let mut reader = occurrence.reader(wire);
            self.element(field, occurrence.wire, &mut reader)?;
        }
        if self.out.len() > start || self.always(field) {
            self.close(start, *b"[]");
        } else {
            self.depth += 1;
            self.out.truncate(before);
        }
        Ok(())
    }

    fn whole_map(&mut self, field: &'s Field, found: &[Occurrence], wire: &[u8]) -> Print<()> {
        let before = self.out.len();
        self.out.piece(&field.member);
        let start = self.open()?;
        if let Some(types) = self.map_types(field) {
            let mut index = MapIndex::new(types, wire);
            for occurrence in found.iter().filter(|o| o.wire == WireType::Len) {
                self.index_entry(&mut index, occurrence.start as usize)?;
            }
            self.indexed_entries(index)?;
        }
        // an entry whose value its closed enum does not have counts as unknown, here as in the other pass
        if self.out.len() > start || self.always(field) {
            self.close(start, *b"{}");
        } else {
            self.depth += 1;
            self.out.truncate(before);
        }
        Ok(())
    }
}
