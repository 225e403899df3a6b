//! Wire bytes to JSON in one pass: each field is printed as it comes.
//!
//! JSON wants a field once and a repeated field's elements together, wire order is free. What comes out of order (no
//! real encoder does that) stops the pass and starts one that indexes every message first: twice the work at most.

mod indexed;
mod maps;
pub(crate) mod text;
mod values;
mod wellknown;

use crate::json_to_wire::seen::Seen;
use crate::schema::{Field, Message, MessageId, Schema, Shape};
use crate::wire::{Reader, WireFault, WireType};

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
    let mut printer = Printer {
        schema,
        out,
        depth: options.depth,
        options,
        indexed: false,
        hashes: Vec::new(),
        filling: 0,
    };
    match job(&mut printer) {
        Err(Stop::OutOfOrder) => {
            printer.out.truncate(start);
            printer.depth = options.depth;
            printer.indexed = true;
            job(&mut printer)
        }
        other => other,
    }
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
}

/// A repeated field whose elements are being printed.
struct Run {
    index: u16,
    /// Something has been printed.
    open: bool,
    /// Where its keys begin on the stack of hashes.
    keys: usize,
}

/// How far the pass over one message is.
struct Progress {
    seen: Seen,
    run: Option<Run>,
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
            self.members(id, wire)?;
            self.out.push(b'}');
        }
        self.depth += 1;
        Ok(())
    }

    /// The fields of a message, without braces.
    fn members(&mut self, id: MessageId, wire: &[u8]) -> Print<()> {
        if self.indexed {
            return self.members_indexed(id, wire);
        }
        let message = self.schema.message(id);
        let mut reader = Reader::new(wire);
        let seen = Seen::new(message.fields.len(), message.oneofs.len());
        let mut progress = Progress { seen, run: None };
        while !reader.is_empty() {
            let (number, wire) = reader.tag().map_err(|e| unnamed(message, e))?;
            let Some((index, field)) = message.by_number(number) else {
                reader.skip(number, wire, self.depth).map_err(|e| unnamed(message, e))?;
                continue;
            };
            if progress.run.as_ref().is_some_and(|r| r.index != index) {
                self.close(message, progress.run.take())?;
            }
            self.occurrence((index, field), wire, &mut reader, &mut progress)
                .map_err(|e| named(message, field, e))?;
        }
        self.close(message, progress.run.take())?;
        if message.has_always_present || self.options.defaults {
            self.fill(message, &progress.seen)?;
        }
        Ok(())
    }

    /// One occurrence of a known field, its tag read.
    fn occurrence(
        &mut self,
        (index, field): (u16, &'s Field),
        wire: WireType,
        reader: &mut Reader<'_>,
        Progress { seen, run }: &mut Progress,
    ) -> Print<()> {
        if field.shape == Shape::Single {
            let Some(raw) = self.raw(field, wire, reader)? else { return Ok(()) };
            if !seen.field(index) || field.oneof.is_some_and(|oneof| !seen.oneof(oneof)) {
                return Err(Stop::OutOfOrder);
            }
            return self.single(field, raw);
        }
        if run.is_none() {
            if !seen.field(index) {
                return Err(Stop::OutOfOrder);
            }
            *run = Some(Run { index, open: false, keys: self.hashes.len() });
        }
        let mut open = run.as_ref().is_some_and(|r| r.open);
        self.elements(field, wire, reader, &mut open)?;
        if let Some(run) = run {
            run.open = open;
        }
        Ok(())
    }

    /// Ends a run of elements.
    fn close(&mut self, message: &Message, run: Option<Run>) -> Print<()> {
        let Some(run) = run else { return Ok(()) };
        let Some(field) = message.field(run.index) else { return Ok(()) };
        let map = field.shape == Shape::Map;
        if map && self.keys_repeat(run.keys) {
            return Err(Stop::OutOfOrder);
        }
        if run.open {
            self.out.push(if map { b'}' } else { b']' });
        } else if self.always(field) {
            self.key(field);
            self.out.extend_from_slice(if map { b"{}" } else { b"[]" });
        }
        Ok(())
    }

    fn always(&self, field: &Field) -> bool {
        let plain = !field.presence && field.oneof.is_none();
        field.rules.always_present || (self.options.defaults && plain)
    }

    /// A field's key, with a comma before it unless it is the first of its object.
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
fn unnamed(message: &Message, fault: WireFault) -> Stop {
    Stop::Fault(Box::new(ResponseError { field: message.full_name.to_string(), fault }))
}

/// Names the field in a fault that names nothing yet.
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
