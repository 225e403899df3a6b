//! Wire bytes to JSON in one pass: each field is printed as it comes.
//!
//! JSON wants a field once and a repeated field's elements together, wire order is free. What comes out of order (no
//! real encoder does that) stops the pass and starts one that indexes every message first: twice the work at most.

#![allow(
    clippy::inline_always,
    reason = "measured: a tenth less time where a field costs one call, not five"
)]

mod indexed;
mod map_index;
mod maps;
pub(crate) mod text;
mod values;
mod wellknown;

use std::borrow::Cow;

use crate::json_to_wire::seen::Seen;
use crate::pen::Pen;
use crate::program::InvalidUtf8;
use crate::schema::{Field, Message, MessageId, Schema, Shape};
use crate::wire::{Reader, Span, WireFault, WireType, message_set};
use values::bits;

/// A message that cannot be printed; the backend's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct ResponseError {
    /// The message or field in question, by its full name.
    pub field: String,
    /// What is wrong with its bytes.
    pub fault: WireFault,
}

/// How messages are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrintOptions {
    pub(crate) depth: u32,
    /// Print every field that has no presence of its own, as if it were marked always present.
    pub(crate) defaults: bool,
    pub(crate) invalid_utf8: InvalidUtf8,
    /// An `Any` of a type that is not known passes as it is.
    pub(crate) opaque_any: bool,
}

/// Why printing stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Fields come out of order: print again with an index.
    OutOfOrder,
    Fault(Box<ResponseError>),
    /// A fault whose field is still to be named.
    Unnamed(WireFault),
}

impl From<WireFault> for Stop {
    fn from(fault: WireFault) -> Self {
        Self::Unnamed(fault)
    }
}

pub(crate) type Print<T> = Result<T, Stop>;

/// Appends the JSON form of the message `id` to `out`.
pub(crate) fn print(
    schema: &Schema,
    id: MessageId,
    wire: &[u8],
    out: &mut Vec<u8>,
    options: PrintOptions,
) -> Result<(), ResponseError> {
    run(schema, out, options, wire.len(), |printer| printer.message(id, wire.into()))
        .map_err(|e| named_by(e, &schema.message(id).full_name))
}

/// Appends the JSON form of one field of the message `id`; its empty form when it is not set.
pub(crate) fn print_field(
    schema: &Schema,
    (id, index): (MessageId, u16),
    wire: &[u8],
    out: &mut Vec<u8>,
    options: PrintOptions,
) -> Result<(), ResponseError> {
    run(schema, out, options, wire.len(), |printer| printer.only(id, index, wire))
        .map_err(|e| named_by(e, &schema.message(id).full_name))
}

fn run(
    schema: &Schema,
    out: &mut Vec<u8>,
    options: PrintOptions,
    size: usize,
    mut job: impl FnMut(&mut Printer<'_, '_>) -> Print<()>,
) -> Print<()> {
    let start = out.len();
    let mut printer = Printer::new(schema, out, options, size);
    let mut in_any_order = |printer: &mut Printer<'_, '_>| {
        let mut printed = job(printer);
        if matches!(printed, Err(Stop::OutOfOrder)) {
            printer.restart(start);
            printer.indexed = true;
            printed = job(printer);
        }
        printed
    };
    let mut printed = in_any_order(&mut printer);
    if printer.beyond_ascii != 0 && (printed.is_err() || !printer.out.with(|out| is_utf8(out.get(start..)))) {
        // once more, to find the string, or to print it as it can be
        printer.restart(start);
        printer.each_string = true;
        // keys that were two may be printed as one
        printed = in_any_order(&mut printer);
    }
    printed
}

fn is_utf8(printed: Option<&[u8]>) -> bool {
    printed.is_none_or(|bytes| simdutf8::basic::from_utf8(bytes).is_ok())
}

/// A text that is not UTF-8 as it is printed where that may be.
fn mended(text: Span<'_>) -> Cow<'_, str> {
    String::from_utf8_lossy(text.bytes())
}

fn named_by(stop: Stop, name: &str) -> ResponseError {
    match stop {
        Stop::Fault(error) => *error,
        Stop::Unnamed(fault) => ResponseError { field: name.to_owned(), fault },
        // the indexed pass takes every order
        Stop::OutOfOrder => ResponseError { field: name.to_owned(), fault: WireFault::WireType },
    }
}

/// Prints messages of one answer.
#[derive(Debug)]
pub(crate) struct Printer<'s, 'o> {
    schema: &'s Schema,
    out: Pen<'o>,
    /// Objects and arrays that may still be entered.
    depth: u32,
    options: PrintOptions,
    indexed: bool,
    /// Hashes of the keys of the maps being printed, as a stack.
    hashes: Vec<u64>,
    /// How many bytes may still be copied or gone over once more, and how many at first.
    repeats: usize,
    most_repeats: usize,
    /// The messages that are being filled, each within the one before it.
    filling: Vec<&'s Message>,
    /// How many empty messages were filled in the first of them.
    filled: u32,
    /// Not zero: a string was printed that is not ASCII and still to be checked.
    beyond_ascii: u32,
    /// Every string is checked before it is printed.
    each_string: bool,
}

impl<'s, 'o> Printer<'s, 'o> {
    /// For wire bytes of this size.
    fn new(schema: &'s Schema, out: &'o mut Vec<u8>, options: PrintOptions, size: usize) -> Self {
        let most_repeats = size.saturating_mul(16).saturating_add(64 * 1024);
        Self {
            schema,
            out: Pen::new(out),
            depth: options.depth,
            options,
            indexed: false,
            hashes: Vec::new(),
            repeats: most_repeats,
            most_repeats,
            filling: Vec::new(),
            filled: 0,
            beyond_ascii: 0,
            each_string: false,
        }
    }

    /// Forgets what was printed from `start` on.
    #[cold]
    fn restart(&mut self, start: usize) {
        self.out.truncate(start);
        // freed, for the passes that follow need memory of their own
        self.hashes = Vec::new();
        self.repeats = self.most_repeats;
        self.filling.clear();
        (self.depth, self.beyond_ascii) = (self.options.depth, 0);
    }
}

impl<'s> Printer<'s, '_> {
    /// Whether strings that are not UTF-8 are printed as they can be.
    fn mends(&self) -> bool {
        self.each_string && self.options.invalid_utf8 == InvalidUtf8::Replace
    }

    /// A message by its own JSON form.
    pub(crate) fn message(&mut self, id: MessageId, wire: Span<'_>) -> Print<()> {
        let message = self.schema.message(id);
        if message.well_known.is_special() {
            return self.well_known(id, wire);
        }
        let start = self.open()?;
        self.members(message, wire)?;
        self.close(start, *b"{}");
        Ok(())
    }

    /// Enters a level, which is an object or an array of the JSON text, as it is for what is read. Answers where its
    /// members begin.
    #[inline]
    fn open(&mut self) -> Print<usize> {
        self.depth = self.depth.checked_sub(1).ok_or(WireFault::Depth)?;
        Ok(self.out.len())
    }

    /// Leaves the level and puts brackets around its members, which were printed from `start` on, each with a comma before
    /// it: the first comma gives way to the bracket.
    #[inline]
    fn close(&mut self, start: usize, [open, close]: [u8; 2]) {
        self.depth += 1;
        if self.out.len() == start {
            self.out.byte(open);
        } else {
            self.out.set(start, open);
        }
        self.out.byte(close);
    }

    /// Takes note of bytes that are copied or gone over once more: of messages that came in pieces, of message sets, of
    /// groups out of order. They nest, and each would do so with all below it.
    fn again(&mut self, len: usize) -> Result<(), WireFault> {
        self.repeats = self.repeats.checked_sub(len).ok_or(WireFault::Depth)?;
        Ok(())
    }

    /// The fields of a message, each with a comma before it.
    #[inline]
    fn members(&mut self, message: &'s Message, wire: Span<'_>) -> Print<()> {
        if message.is_message_set {
            self.again(wire.len()).map_err(|e| unnamed(message, e))?;
            let fields =
                message_set::to_fields(wire.bytes(), self.depth + 1).map_err(|e| unnamed(message, e))?;
            return self.fields(message, fields[..].into());
        }
        self.fields(message, wire)
    }

    fn fields(&mut self, message: &'s Message, wire: Span<'_>) -> Print<()> {
        if self.indexed {
            return self.members_indexed(message, wire.bytes());
        }
        self.fields_of(message, &mut Reader::of(wire), None)
    }

    /// The fields up to the end of what is read, or of the group of this number.
    #[inline]
    fn fields_of(
        &mut self,
        message: &'s Message,
        reader: &mut Reader<'_>,
        mut group: Option<u32>,
    ) -> Print<()> {
        let mut seen = Seen::of(message);
        while let Some(tag) = reader.peek() {
            let Some((index, field)) = message.by_tag(tag) else {
                if self.other_tag(message, reader, &mut seen, group)? {
                    group = None;
                    break;
                }
                continue;
            };
            reader.bump();
            let printed = if field.shape == Shape::Single {
                self.one((index, field), reader, &mut seen)
            } else {
                let wire = if field.packed { WireType::Len } else { field.wire };
                self.run((index, field), wire, reader, &mut seen)
            };
            printed.map_err(|e| named(message, field, e))?;
        }
        if group.is_some() {
            return Err(unnamed(message, WireFault::Truncated));
        }
        if message.has_always_present || self.options.defaults {
            self.fill(message, &seen)?;
        }
        Ok(())
    }

    /// A field that [`Message::by_tag`] does not find: its tag is longer, or unknown, or of another wire type. Or it is the
    /// end of the group that is read: true.
    #[inline(never)]
    fn other_tag(
        &mut self,
        message: &'s Message,
        reader: &mut Reader<'_>,
        seen: &mut Seen,
        group: Option<u32>,
    ) -> Print<bool> {
        let (number, wire) = reader.tag().map_err(|e| unnamed(message, e))?;
        if wire == WireType::EndGroup && group == Some(number) {
            return Ok(true);
        }
        let Some((index, field)) = message.by_number(number) else {
            let skipped = reader.skip(number, wire, self.depth);
            return skipped.map(|()| false).map_err(|e| unnamed(message, e));
        };
        let printed = if field.shape != Shape::Single {
            self.run((index, field), wire, reader, seen)
        } else if wire == field.wire {
            self.one((index, field), reader, seen)
        } else {
            reader.skip(number, wire, self.depth).map_err(Stop::from)
        };
        printed.map(|()| false).map_err(|e| named(message, field, e))
    }

    /// A group whose start tag is read, printed while it is read: to look for its end first would go over all in it once
    /// for each level.
    #[inline(never)]
    fn group(&mut self, field: &'s Field, reader: &mut Reader<'_>) -> Print<()> {
        let Some(id) = field.kind.message() else { return Err(WireFault::WireType.into()) };
        let message = self.schema.message(id);
        if self.indexed || message.well_known.is_special() || message.is_message_set {
            let content = self.whole_group(field, reader)?;
            return self.message(id, content);
        }
        let start = self.open()?;
        self.fields_of(message, reader, Some(field.number))?;
        self.close(start, *b"{}");
        Ok(())
    }

    /// The content of a group whose start tag is read.
    fn whole_group<'w>(&mut self, field: &Field, reader: &mut Reader<'w>) -> Result<Span<'w>, WireFault> {
        // one that takes no level, such as a Timestamp, is a group all the same
        let content = reader.group(field.number, self.depth + 1)?;
        self.again(content.len())?;
        Ok(content)
    }

    /// One occurrence of a singular field, its tag read.
    #[inline(always)]
    fn one(
        &mut self,
        (index, field): (u16, &'s Field),
        reader: &mut Reader<'_>,
        seen: &mut Seen,
    ) -> Print<()> {
        if field.wire == WireType::Len {
            let bytes = reader.span()?;
            first(seen, index, field)?;
            if bytes.is_empty() && !field.presence && !self.always(field) {
                return Ok(());
            }
            self.out.piece(&field.member);
            return self.bytes(field.kind, bytes);
        }
        if field.wire == WireType::StartGroup {
            first(seen, index, field)?;
            self.out.piece(&field.member);
            return self.group(field, reader);
        }
        let bits = bits(field.wire, reader)?;
        if field.closed && !self.has_number(field.kind, bits) {
            return Ok(());
        }
        first(seen, index, field)?;
        if bits & field.significant == 0 && !field.presence && !self.always(field) {
            return Ok(());
        }
        self.out.piece(&field.member);
        self.number(field.kind, bits);
        Ok(())
    }

    /// A repeated field or a map whose first tag is read: all occurrences that follow each other.
    #[inline(always)]
    fn run(
        &mut self,
        (index, field): (u16, &'s Field),
        wire: WireType,
        reader: &mut Reader<'_>,
        seen: &mut Seen,
    ) -> Print<()> {
        first(seen, index, field)?;
        let before = self.out.len();
        self.out.piece(&field.member);
        let start = self.open()?;
        let brackets = if field.shape == Shape::Map {
            self.entries(field, wire, reader)?;
            *b"{}"
        } else {
            self.elements(field, wire, reader)?;
            *b"[]"
        };
        if self.out.len() > start || self.always(field) {
            self.close(start, brackets);
        } else {
            self.depth += 1;
            self.out.truncate(before);
        }
        Ok(())
    }

    #[inline]
    fn always(&self, field: &Field) -> bool {
        field.rules.always_present || (self.options.defaults && is_plain(field))
    }

    /// Prints the fields that must be there and were not on the wire.
    fn fill(&mut self, message: &'s Message, seen: &Seen) -> Print<()> {
        if self.filling.is_empty() {
            self.filled = 0;
        }
        self.filling.push(message);
        for (index, field) in (0_u16..).zip(&message.fields) {
            if !seen.has(index) && field.oneof.is_none() && self.always(field) {
                self.out.piece(&field.member);
                self.empty(field)?;
            }
        }
        self.filling.pop();
        Ok(())
    }
}

/// Whether a field of this kind has its default where it is not there. An extension is not among the fields of its
/// message.
fn is_plain(field: &Field) -> bool {
    !field.presence && field.oneof.is_none() && !field.is_extension()
}

/// Marks a field and its oneof.
///
/// # Errors
///
/// One of them was met before: fields come out of order.
#[inline(always)]
fn first(seen: &mut Seen, index: u16, field: &Field) -> Print<()> {
    if seen.first(index, field) { Ok(()) } else { Err(Stop::OutOfOrder) }
}

/// Names the message in a fault that names nothing yet.
#[cold]
fn unnamed(message: &Message, fault: WireFault) -> Stop {
    Stop::Fault(Box::new(ResponseError { field: message.full_name.to_string(), fault }))
}

/// Names the field in a fault that names nothing yet.
#[cold]
fn named(message: &Message, field: &Field, stop: Stop) -> Stop {
    match stop {
        Stop::Unnamed(fault) => Stop::Fault(Box::new(ResponseError {
            field: format!("{}.{}", message.full_name, field.name),
            fault,
        })),
        other => other,
    }
}

/// Appends the JSON form of an `Any` given by its parts.
pub(crate) fn print_any(
    schema: &Schema,
    type_url: &str,
    value: &[u8],
    out: &mut Vec<u8>,
    options: PrintOptions,
) -> Result<(), ResponseError> {
    run(schema, out, options, value.len(), |printer| printer.typed(type_url, value))
        .map_err(|e| named_by(e, "google.protobuf.Any"))
}
