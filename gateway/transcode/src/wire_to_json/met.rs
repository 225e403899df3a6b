//! Which fields and oneofs of a message have been printed.

#![allow(clippy::inline_always, reason = "measured: five instructions, or twenty with the call")]

use super::{Print, Stop};
use crate::json_to_wire::seen::Seen;
use crate::schema::{Field, Message};

/// A word of marks for most messages.
#[derive(Debug)]
pub(super) struct Met {
    marks: u64,
    /// For a message with more fields than a word has bits.
    wide: Option<Seen>,
}

impl Met {
    #[inline]
    pub(super) fn new(message: &Message) -> Self {
        let wide = (!message.is_narrow).then(|| Seen::new(message.fields.len(), message.oneofs.len()));
        Self { marks: 0, wide }
    }

    /// Marks a field and its oneof.
    ///
    /// # Errors
    ///
    /// One of them was met before: fields come out of order.
    #[inline(always)]
    pub(super) fn first(&mut self, index: u16, field: &Field) -> Print<()> {
        let first = match &mut self.wide {
            None => self.marks & field.mark == 0,
            Some(seen) => seen.field(index) && field.oneof.is_none_or(|oneof| seen.oneof(oneof)),
        };
        self.marks |= field.mark;
        if first { Ok(()) } else { Err(Stop::OutOfOrder) }
    }

    /// Whether the field was met.
    pub(super) fn has(&self, index: u16) -> bool {
        match &self.wide {
            None => self.marks & (1 << index) != 0,
            Some(seen) => seen.has(index),
        }
    }
}
