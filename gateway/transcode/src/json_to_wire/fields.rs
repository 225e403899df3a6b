//! Fields by their shape: single, repeated (packed or not), map.

#![allow(
    clippy::inline_always,
    reason = "measured: a tenth less time where a field costs one call, not five"
)]

use std::collections::HashSet;

use super::Encoder;
use super::trail::{Step, Trail};
use crate::bind::tree::Tree;
use crate::block::append_headed;
use crate::error::{RequestError, RequestErrorKind as K};
use crate::json::Scan;
use crate::scalar::{self, TextStyle};
use crate::schema::{EnumId, Field, Kind, Tag, WellKnown};
use crate::wire::{WireType, begin_len, begin_wide_len, end_guessed_len, end_len, put_tag};

impl Encoder<'_, '_> {
    /// Whether null is a value of this field and not its absence.
    pub(super) fn takes_null(&self, field: &Field) -> bool {
        use crate::schema::Shape::Single;
        match field.kind {
            Kind::Message(id) | Kind::Group(id) => {
                field.shape == Single && self.schema.message(id).well_known == WellKnown::Value
            }
            Kind::Enum(id) => field.shape == Single && self.is_null_enum(id),
            _ => false,
        }
    }

    pub(super) fn is_null_enum(&self, id: EnumId) -> bool {
        self.schema.enumeration(id).is_null
    }

    #[inline(always)]
    pub(super) fn single(
        &mut self,
        field: &Field,
        token: u8,
        place: &Trail<'_>,
        below: Option<&Tree>,
    ) -> Scan<()> {
        if field.kind == Kind::String
            && let Some(tag) = field.tag.single()
            && let Some((block, len)) = self.scan.short_string()
        {
            if len > 0 || field.presence {
                append_headed(&mut self.out, [tag, short(len)], block, len);
            }
            return Ok(());
        }
        let start = self.out.len();
        field.tag.append(&mut self.out);
        let value = self.out.len();
        let written = self.value(field.kind, token, place, below)?;
        self.end_group(field);
        if !written || (!field.presence && is_default(self.out.get(value..))) {
            self.out.truncate(start);
        }
        Ok(())
    }

    pub(super) fn repeated(&mut self, field: &Field, place: &Trail<'_>) -> Scan<()> {
        if self.scan.next_token() != b'[' {
            let start = self.scan.position();
            return Err(place.name(self.scan.mismatch(start, "an array")));
        }
        if !field.packed {
            return self.elements(field, place, Some(field.tag));
        }
        let start = self.out.len();
        field.tag.append(&mut self.out);
        let content = begin_len(&mut self.out);
        self.elements(field, place, None)?;
        if self.out.len() == content {
            self.out.truncate(start);
        } else {
            end_len(&mut self.out, content);
        }
        Ok(())
    }

    fn elements(&mut self, field: &Field, place: &Trail<'_>, tag: Option<Tag>) -> Scan<()> {
        self.enter(place)?;
        let mut open = !self.scan.closes(b']');
        let (mut index, mut width) = (0, 1);
        if let Some(tag) = tag.and_then(Tag::single).filter(|_| field.kind == Kind::String) {
            let mut found = if open { self.scan.short_string() } else { None };
            let strings = found.is_some();
            while let Some((block, len)) = found {
                append_headed(&mut self.out, [tag, short(len)], block, len);
                index += 1;
                found = self.scan.short_string_behind(b',');
            }
            if strings {
                open = self.more_elements(place)?;
            }
        }
        while open {
            let element = place.child(Step::Index(index));
            let start = self.out.len();
            if let Some(tag) = tag {
                tag.append(&mut self.out);
            }
            if self.element(field.kind, &element, &mut width)? {
                self.end_group(field);
            } else {
                self.out.truncate(start);
            }
            index += 1;
            open = self.more_elements(place)?;
        }
        self.leave();
        Ok(())
    }

    /// Behind an element: whether another one follows, at which the position is then.
    #[inline(always)]
    fn more_elements(&mut self, place: &Trail<'_>) -> Scan<bool> {
        self.scan.more(b']', "a comma or the closing bracket").map_err(|e| place.name(e))
    }

    /// A value among others of its kind: a message is taken to need as many bytes for its length as the one before it.
    #[inline(always)]
    fn element(&mut self, kind: Kind, place: &Trail<'_>, width: &mut usize) -> Scan<bool> {
        let Kind::Message(id) = kind else {
            let token = self.scan.next_token();
            return self.value(kind, token, place, None);
        };
        let content = begin_wide_len(&mut self.out, *width);
        self.message(id, place, None)?;
        end_guessed_len(&mut self.out, content, width);
        Ok(true)
    }

    /// The members of an object as entry messages.
    pub(super) fn map(&mut self, field: &Field, place: &Trail<'_>) -> Scan<()> {
        let Some((key, value)) = field.kind.message().and_then(|id| self.schema.map_entry(id)) else {
            return Err(place.name(RequestError::new(K::Value, "no value: the schema's map is broken")));
        };
        let types =
            EntryTypes { tag: field.tag, key: key.kind, value: value.kind, value_tag: value.tag.single() };
        if self.scan.next_token() != b'{' {
            let start = self.scan.position();
            return Err(place.name(self.scan.mismatch(start, "an object")));
        }
        self.enter(place)?;
        let mut keys = Keys { base: self.keys.len(), many: None };
        let mut open = !self.scan.closes(b'}');
        while open {
            self.entry(types, &mut keys, place)?;
            open = self.scan.more(b'}', "a comma or the closing brace").map_err(|e| place.name(e))?;
        }
        self.keys.truncate(keys.base);
        self.leave();
        Ok(())
    }

    #[inline(always)]
    fn entry(&mut self, types: EntryTypes, keys: &mut Keys, place: &Trail<'_>) -> Scan<()> {
        let entry = self.out.len();
        if types.key == Kind::String
            && let Some(tag) = types.tag.single()
            && let Some((block, len)) = self.scan.short_string()
        {
            // the tag of the entry, its length that is not known yet, the tag of the key and the key's length
            append_headed(&mut self.out, [tag, 0, STRING_KEY, short(len)], block, len);
            let key = Step::ShortKey(block.get(..len).unwrap_or_default());
            return self.entry_value(types, keys, (len + 2, entry, entry + 2), &place.child(key));
        }
        self.other_entry(types, keys, entry, place)
    }

    /// An entry with another key than a short string.
    #[inline(never)]
    fn other_entry(
        &mut self,
        types: EntryTypes,
        keys: &mut Keys,
        entry: usize,
        place: &Trail<'_>,
    ) -> Scan<()> {
        let start = self.scan.position();
        let text = self.scan.string().map_err(|e| place.name(e))?;
        let width = self.scan.position() - start;
        let place = place.child(Step::Key(&text));
        types.tag.append(&mut self.out);
        let content = begin_len(&mut self.out);
        put_tag(&mut self.out, 1, types.key.wire_type());
        if types.key == Kind::String {
            scalar::put_bytes(&mut self.out, text.as_bytes());
        } else {
            let style = TextStyle::default();
            scalar::put_text(self.schema, types.key, &text, style, &mut self.out)
                .map_err(|expected| place.name(self.scan.mismatch(start, expected)))?;
        }
        self.entry_value(types, keys, (width, entry, content), &place)
    }

    /// The rest of an entry whose key is written: the key had `width` bytes of the text, the entry and its content begin
    /// where they are said to.
    #[inline(always)]
    fn entry_value(
        &mut self,
        types: EntryTypes,
        keys: &mut Keys,
        (width, entry, content): (usize, usize, usize),
        place: &Trail<'_>,
    ) -> Scan<()> {
        let key_end = self.out.len();
        if keys.repeats(self, content, key_end) {
            let start = self.scan.position() - width;
            return Err(place.name(RequestError::new(K::DuplicateField, "").at(start)));
        }
        if types.value == Kind::String
            && let Some(tag) = types.value_tag
            && let Some((block, len)) = self.scan.short_string_behind(b':')
        {
            append_headed(&mut self.out, [tag, short(len)], block, len);
        } else if !self.other_value(types.value, place)? {
            self.out.truncate(entry);
            return Ok(());
        }
        let moved = end_len(&mut self.out, content);
        self.keys.push((content + moved, key_end + moved));
        Ok(())
    }

    /// The colon and the value of an entry, when it is another one than a short string.
    #[inline]
    fn other_value(&mut self, kind: Kind, place: &Trail<'_>) -> Scan<bool> {
        self.scan.expect(b':', "a colon after the key").map_err(|e| place.name(e))?;
        let token = self.scan.next_token();
        put_tag(&mut self.out, 2, kind.wire_type());
        self.value(kind, token, place, None)
    }

    #[inline]
    fn end_group(&mut self, field: &Field) {
        if matches!(field.kind, Kind::Group(_)) {
            put_tag(&mut self.out, field.number, WireType::EndGroup);
        }
    }

    /// One value of `kind` that begins with `token`, without its tag (and without the end tag of a group); false when it
    /// was dropped (an unknown enum word while unknown fields are ignored).
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        kind: Kind,
        token: u8,
        place: &Trail<'_>,
        below: Option<&Tree>,
    ) -> Scan<bool> {
        match kind {
            Kind::Message(id) => {
                let content = begin_len(&mut self.out);
                self.message(id, place, below)?;
                end_len(&mut self.out, content);
                Ok(true)
            }
            Kind::Group(id) => self.message(id, place, below).map(|()| true),
            _ => self.scalar(kind, token).map_err(|e| place.name(e)),
        }
    }
}

/// What the entries of a map consist of.
#[derive(Debug, Clone, Copy)]
struct EntryTypes {
    tag: Tag,
    key: Kind,
    value: Kind,
    /// Of one byte.
    value_tag: Option<u8>,
}

/// The tag of a key that is a string.
const STRING_KEY: u8 = 1 << 3 | WireType::Len as u8;

/// The length of less than a block as its varint.
#[inline(always)]
fn short(len: usize) -> u8 {
    u8::try_from(len).unwrap_or_default()
}

/// Whether the bytes of a value are its kind's default.
fn is_default(value: Option<&[u8]>) -> bool {
    value.is_some_and(|bytes| bytes.last() == Some(&0) && bytes.iter().all(|b| *b == 0))
}

/// Finds keys that occur twice in one object: by comparing while they are few, by a set from then on.
struct Keys {
    base: usize,
    many: Option<HashSet<Box<[u8]>>>,
}

impl Keys {
    const FEW: usize = 16;

    #[inline(always)]
    fn repeats(&mut self, encoder: &Encoder<'_, '_>, start: usize, end: usize) -> bool {
        let bytes = |range: &(usize, usize)| encoder.out.get(range.0..range.1).unwrap_or_default();
        let key = bytes(&(start, end));
        let before = encoder.keys.get(self.base..).unwrap_or_default();
        if before.len() < Self::FEW {
            return before.iter().any(|range| bytes(range) == key);
        }
        let many = self.many.get_or_insert_with(|| before.iter().map(|range| bytes(range).into()).collect());
        !many.insert(key.into())
    }
}
