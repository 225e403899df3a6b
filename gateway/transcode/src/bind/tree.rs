//! Values bound outside the body, as a tree of fields whose leaves are wire bytes.

use std::collections::BTreeSet;

use super::place::Place;
use super::text;
use crate::json_to_wire::seen::Seen;
use crate::scalar::{Expected, TextStyle};
use crate::schema::{Field, Message, Schema, Shape};

/// Bound fields of one message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    message: Option<crate::schema::MessageId>,
    entries: Vec<(u16, Entry)>,
    /// An earlier message of the stream has carried the values: they are compared, but not written.
    sent: bool,
}

/// A bound field, or fields bound inside it.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Leaf(Leaf),
    Node(Tree),
}

/// A bound value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaf {
    /// Complete with tags; without the frame when `packed`.
    pub(crate) wire: Vec<u8>,
    /// The (last) value as it was given.
    pub(crate) text: String,
    packed: bool,
    /// The keys that a map has got.
    keys: BTreeSet<Vec<u8>>,
    /// As [`Tree`]'s: a body that repeats it is written.
    pub(crate) sent: bool,
}

/// Why a value cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not fit; what would.
    Value(Expected),
    /// The field is singular and has a value.
    Twice,
    /// Another member of the oneof has a value.
    Oneof(String),
}

impl Tree {
    pub(crate) fn get(&self, index: u16) -> Option<&Entry> {
        self.entries.iter().find(|e| e.0 == index).map(|e| &e.1)
    }

    /// The fields bound inside the message field `index`.
    pub(crate) fn below(&self, index: u16) -> Option<&Self> {
        match self.get(index) {
            Some(Entry::Node(tree)) => Some(tree),
            _ => None,
        }
    }

    /// Adds a value at a place.
    pub(crate) fn put(
        &mut self,
        schema: &Schema,
        place: &Place,
        value: &str,
        style: TextStyle,
    ) -> Result<(), Refusal> {
        // as if it stood in a body
        let around = place.steps().len() + usize::from(!place.is_single(schema));
        let around = u32::try_from(around).unwrap_or(u32::MAX);
        let style = TextStyle { depth: style.depth.saturating_sub(around), ..style };
        let mut tree = self;
        let mut id = place.root();
        let mut steps = place.steps().iter().copied().peekable();
        while let Some(index) = steps.next() {
            let Some(field) = schema.message(id).field(index) else { return Ok(()) };
            tree.message = Some(id);
            tree.check_oneof(schema, index, field)?;
            if steps.peek().is_none() {
                return tree.put_leaf(schema, (index, field), place.key.as_deref(), value, style);
            }
            let Some(next) = field.kind.message() else { return Ok(()) };
            id = next;
            tree = tree.node(index).ok_or(Refusal::Twice)?;
        }
        Ok(())
    }

    /// The oneofs of `message`, which the tree is about, that have a bound member.
    pub(crate) fn oneofs<'t>(&'t self, message: &'t Message) -> impl Iterator<Item = u16> + 't {
        self.entries.iter().filter_map(|e| message.field(e.0)?.oneof)
    }

    /// Whether another member of the field's oneof is bound.
    pub(crate) fn check_oneof(&self, schema: &Schema, index: u16, field: &Field) -> Result<(), Refusal> {
        let (Some(oneof), Some(id)) = (field.oneof, self.message) else { return Ok(()) };
        let message = schema.message(id);
        let other = self.entries.iter().filter(|e| e.0 != index).find_map(|e| {
            let other = message.field(e.0)?;
            (other.oneof == Some(oneof)).then(|| other.output_name().to_owned())
        });
        other.map_or(Ok(()), |name| Err(Refusal::Oneof(name)))
    }

    fn slot(&mut self, index: u16, fresh: Entry) -> Option<&mut Entry> {
        let at = self.entries.iter().position(|e| e.0 == index).unwrap_or_else(|| {
            self.entries.push((index, fresh));
            self.entries.len() - 1
        });
        self.entries.get_mut(at).map(|e| &mut e.1)
    }

    fn node(&mut self, index: u16) -> Option<&mut Self> {
        match self.slot(index, Entry::Node(Self::default())) {
            Some(Entry::Node(tree)) => Some(tree),
            _ => None,
        }
    }

    fn put_leaf(
        &mut self,
        schema: &Schema,
        (index, field): (u16, &Field),
        key: Option<&str>,
        value: &str,
        style: TextStyle,
    ) -> Result<(), Refusal> {
        if field.shape == Shape::Single && self.get(index).is_some() {
            return Err(Refusal::Twice);
        }
        let fresh = Entry::Leaf(Leaf { packed: field.packed, ..Leaf::default() });
        let Some(Entry::Leaf(leaf)) = self.slot(index, fresh) else { return Err(Refusal::Twice) };
        let key_bytes = key.and_then(|key| text::key_bytes(schema, field, key));
        if key_bytes.is_some_and(|key| !leaf.keys.insert(key)) {
            return Err(Refusal::Twice);
        }
        value.clone_into(&mut leaf.text);
        text::put_field(schema, field, key, value, style, &mut leaf.wire).map_err(Refusal::Value)
    }

    /// For the messages after the first one of a stream.
    pub(crate) fn mark_sent(&mut self) {
        self.sent = true;
        for (_, entry) in &mut self.entries {
            match entry {
                Entry::Leaf(leaf) => leaf.sent = true,
                Entry::Node(tree) => tree.mark_sent(),
            }
        }
    }

    /// Whether an earlier message has carried the values.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent
    }

    /// Whether the message gets the field `index` from here when the body does not have it.
    pub(crate) fn supplies(&self, index: u16) -> bool {
        !self.sent && self.get(index).is_some()
    }

    /// The path of a required field (proto2) that has no value: of `message`, which the tree is about, or of a message that
    /// is bound inside it. What is `given` has come in the body, which is checked where it is read.
    pub(crate) fn missing(
        &self,
        schema: &Schema,
        message: &Message,
        given: &dyn Fn(u16) -> bool,
    ) -> Option<String> {
        if message.has_required {
            let fields = (0_u16..).zip(&message.fields);
            let mut unset =
                fields.filter(|(index, field)| field.required && !given(*index) && !self.supplies(*index));
            if let Some((_, field)) = unset.next() {
                return Some(field.output_name().to_owned());
            }
        }
        let nodes = self.entries.iter().filter(|(index, _)| !self.sent && !given(*index));
        let mut inside = nodes.filter_map(|(index, entry)| {
            let (Entry::Node(tree), Some(field)) = (entry, message.field(*index)) else { return None };
            let path = tree.missing(schema, schema.message(field.kind.message()?), &|_| false)?;
            Some(format!("{}.{path}", field.output_name()))
        });
        inside.next()
    }

    /// Writes every entry.
    pub(crate) fn write(&self, schema: &Schema, out: &mut Vec<u8>) {
        for (index, entry) in &self.entries {
            self.write_entry(schema, *index, entry, out);
        }
    }

    /// Writes every entry but the one of field `index`.
    pub(crate) fn write_others(&self, schema: &Schema, index: u16, out: &mut Vec<u8>) {
        for (other, entry) in self.entries.iter().filter(|e| e.0 != index) {
            self.write_entry(schema, *other, entry, out);
        }
    }

    /// Writes the entry of field `index`, if there is one.
    pub(crate) fn write_only(&self, schema: &Schema, index: u16, out: &mut Vec<u8>) {
        if let Some(entry) = self.get(index) {
            self.write_entry(schema, index, entry, out);
        }
    }

    /// Writes the entries of fields that the body has not set.
    pub(crate) fn write_missing(&self, schema: &Schema, seen: &Seen, out: &mut Vec<u8>) {
        for (index, entry) in self.entries.iter().filter(|e| !seen.has(e.0)) {
            self.write_entry(schema, *index, entry, out);
        }
    }

    fn write_entry(&self, schema: &Schema, index: u16, entry: &Entry, out: &mut Vec<u8>) {
        if self.sent {
            return;
        }
        let field = self.message.and_then(|id| schema.message(id).field(index));
        let Some(field) = field else { return };
        match entry {
            Entry::Leaf(leaf) if leaf.packed => {
                field.tag.append(out);
                crate::scalar::put_bytes(out, &leaf.wire);
            }
            Entry::Leaf(leaf) => out.extend_from_slice(&leaf.wire),
            Entry::Node(tree) => {
                let content = field.begin(out);
                tree.write(schema, out);
                field.end(out, content);
            }
        }
    }
}
