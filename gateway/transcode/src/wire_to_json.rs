//! Wire bytes to JSON in one pass: each field is printed as it comes.
//!
//! JSON wants a field once and a repeated field's elements together, wire order is free. What comes out of order (no
//! real encoder does that) stops the pass and starts one that indexes every message first: twice the work at most.

#![allow(
    clippy::inline_always,
    reason = "measured: a tenth less time where a field costs one call, not five"
)]

mod indexed;
mod maps;
pub(crate) mod text;
mod values;
mod wellknown;

use crate::json_to_wire::seen::Seen;
use crate::program::InvalidUtf8;
use crate::schema::{Field, Message, MessageId, Schema, Shape};
use crate::wire::{Reader, WireFault, WireType, message_set};
use values::{bits, is_zero};

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
    run(schema, out, options, |printer| printer.message(id, wire))
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
    run(schema, out, options, |printer| printer.only(id, index, wire))
        .map_err(|e| named_by(e, &schema.message(id).full_name))
}

fn run(
    schema: &Schema,
    out: &mut Vec<u8>,
    options: PrintOptions,
    mut job: impl FnMut(&mut Printer<'_, '_>) -> Print<()>,
) -> Print<()> {
    let start = out.len();
    let mut printer = Printer::new(schema, out, options);
    let mut printed = job(&mut printer);
    if matches!(printed, Err(Stop::OutOfOrder)) {
        printer.restart(start);
        printer.indexed = true;
        printed = job(&mut printer);
    }
    if printer.beyond_ascii && (printed.is_err() || !is_utf8(printer.out.get(start..))) {
        // once more, to find the string, or to print it as it can be
        printer.restart(start);
        printer.each_string = true;
        printed = job(&mut printer);
    }
    printed
}

fn is_utf8(printed: Option<&[u8]>) -> bool {
    printed.is_none_or(|bytes| simdutf8::basic::from_utf8(bytes).is_ok())
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
    out: &'o mut Vec<u8>,
    /// Levels that may still be entered.
    depth: u32,
    options: PrintOptions,
    indexed: bool,
    /// Hashes of the keys of the maps being printed, as a stack.
    hashes: Vec<u64>,
    /// How many levels of empty messages are being filled.
    filling: u32,
    /// A string was printed that is not ASCII and still to be checked.
    beyond_ascii: bool,
    /// Every string is checked before it is printed.
    each_string: bool,
}

impl<'s, 'o> Printer<'s, 'o> {
    fn new(schema: &'s Schema, out: &'o mut Vec<u8>, options: PrintOptions) -> Self {
        Self {
            schema,
            out,
            depth: options.depth,
            options,
            indexed: false,
            hashes: Vec::new(),
            filling: 0,
            beyond_ascii: false,
            each_string: false,
        }
    }

    /// Forgets what was printed from `start` on.
    #[cold]
    fn restart(&mut self, start: usize) {
        self.out.truncate(start);
        self.hashes.clear();
        (self.depth, self.filling, self.beyond_ascii) = (self.options.depth, 0, false);
    }
}

impl<'s> Printer<'s, '_> {
    /// A message by its own JSON form.
    pub(crate) fn message(&mut self, id: MessageId, wire: &[u8]) -> Print<()> {
        self.depth = self.depth.checked_sub(1).ok_or(WireFault::Depth)?;
        let message = self.schema.message(id);
        if message.well_known.is_special() {
            self.well_known(id, wire)?;
        } else {
            self.out.push(b'{');
            self.members(message, wire)?;
            self.out.push(b'}');
        }
        self.depth += 1;
        Ok(())
    }

    /// The fields of a message, without braces.
    #[inline]
    fn members(&mut self, message: &'s Message, wire: &[u8]) -> Print<()> {
        if message.is_message_set {
            let fields = message_set::to_fields(wire, self.depth).map_err(|e| unnamed(message, e))?;
            return self.fields(message, &fields);
        }
        self.fields(message, wire)
    }

    fn fields(&mut self, message: &'s Message, wire: &[u8]) -> Print<()> {
        if self.indexed {
            return self.members_indexed(message, wire);
        }
        let mut reader = Reader::new(wire);
        let mut seen = Seen::new(message.fields.len(), message.oneofs.len());
        while !reader.is_empty() {
            let (number, wire) = reader.tag().map_err(|e| unnamed(message, e))?;
            let Some((index, field)) = message.by_number(number) else {
                reader.skip(number, wire, self.depth).map_err(|e| unnamed(message, e))?;
                continue;
            };
            let printed = if field.shape != Shape::Single {
                self.run((index, field), wire, &mut reader, &mut seen)
            } else if wire == field.wire {
                self.one((index, field), &mut reader, &mut seen)
            } else {
                reader.skip(number, wire, self.depth).map_err(Stop::from)
            };
            printed.map_err(|e| named(message, field, e))?;
        }
        if message.has_always_present || self.options.defaults {
            self.fill(message, &seen)?;
        }
        Ok(())
    }

    /// One occurrence of a singular field, its tag read.
    #[inline(always)]
    fn one(
        &mut self,
        (index, field): (u16, &'s Field),
        reader: &mut Reader<'_>,
        seen: &mut Seen,
    ) -> Print<()> {
        let mut mark = || {
            let first = seen.field(index) && field.oneof.is_none_or(|oneof| seen.oneof(oneof));
            if first { Ok(()) } else { Err(Stop::OutOfOrder) }
        };
        if matches!(field.wire, WireType::Len | WireType::StartGroup) {
            let bytes = match field.wire {
                WireType::Len => reader.len_slice()?,
                _ => reader.group(field.number, self.depth)?,
            };
            mark()?;
            if bytes.is_empty() && !field.presence && !self.always(field) {
                return Ok(());
            }
            self.key(field);
            return self.bytes(field.kind, bytes);
        }
        let bits = bits(field.wire, reader)?;
        if !self.has_number(field.kind, bits) {
            return Ok(());
        }
        mark()?;
        if !field.presence && is_zero(field.kind, bits) && !self.always(field) {
            return Ok(());
        }
        self.key(field);
        self.number(field.kind, bits);
        Ok(())
    }

    /// A repeated field or a map whose first tag is read: all occurrences that follow each other.
    #[inline(always)]
    fn run(
        &mut self,
        (index, field): (u16, &'s Field),
        mut wire: WireType,
        reader: &mut Reader<'_>,
        seen: &mut Seen,
    ) -> Print<()> {
        if !seen.field(index) {
            return Err(Stop::OutOfOrder);
        }
        let keys = self.hashes.len();
        let mut open = false;
        loop {
            self.elements(field, wire, reader, &mut open)?;
            if !reader.eat(field.tag) {
                break;
            }
            wire = if field.packed { WireType::Len } else { field.wire };
        }
        let map = field.shape == Shape::Map;
        if map && self.keys_repeat(keys) {
            return Err(Stop::OutOfOrder);
        }
        if open {
            self.out.push(if map { b'}' } else { b']' });
        } else if self.always(field) {
            self.key(field);
            self.out.extend_from_slice(if map { b"{}" } else { b"[]" });
        }
        Ok(())
    }

    #[inline]
    fn always(&self, field: &Field) -> bool {
        let plain = !field.presence && field.oneof.is_none();
        field.rules.always_present || (self.options.defaults && plain)
    }

    /// A field's key, with a comma before it unless it is the first of its object.
    #[inline]
    fn key(&mut self, field: &Field) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        field.output_key.append(self.out);
    }

    /// Prints the fields that must be there and were not on the wire.
    fn fill(&mut self, message: &'s Message, seen: &Seen) -> Print<()> {
        for (index, field) in (0_u16..).zip(&message.fields) {
            if !seen.has(index) && field.oneof.is_none() && self.always(field) {
                self.key(field);
                self.empty(field)?;
            }
        }
        Ok(())
    }
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
    run(schema, out, options, |printer| printer.typed(type_url, value))
        .map_err(|e| named_by(e, "google.protobuf.Any"))
}
