//! Which fields and oneofs of one object have been met: two machine words for most messages.
#![allow(clippy::inline_always, reason = "measured: a mark costs five instructions, or twenty with the call")]

use crate::schema::{Field, Message};

/// A set of field indexes and oneof indexes.
#[derive(Debug)]
pub(crate) struct Seen {
    fields: u16,
    inline: [u64; 2],
    rare: Option<Box<Rare>>,
}

/// What few objects need.
#[derive(Debug, Default)]
struct Rare {
    /// The bits from the 129th on.
    spill: Vec<u64>,
    /// Fields that were met without being set here: null, or bound elsewhere.
    mentioned: Vec<u16>,
}

impl Rare {
    #[cold]
    fn spilling(bits: usize) -> Self {
        Self { spill: vec![0; bits.div_ceil(64)], mentioned: Vec::new() }
    }
}

impl Seen {
    const INLINE: usize = 128;

    /// Nothing of an object of this type.
    #[inline]
    pub(crate) fn of(message: &Message) -> Self {
        let (fields, oneofs) = (message.fields.len(), message.oneofs.len());
        let rare = (fields + oneofs > Self::INLINE)
            .then(|| Box::new(Rare::spilling(fields + oneofs - Self::INLINE)));
        Self { fields: u16::try_from(fields).unwrap_or(u16::MAX), inline: [0; 2], rare }
    }

    #[inline]
    fn word(&mut self, bit: usize) -> Option<&mut u64> {
        match (self.inline.get_mut(bit / 64), &mut self.rare) {
            (Some(word), _) => Some(word),
            (None, Some(rare)) => rare.spill.get_mut((bit - Self::INLINE) / 64),
            (None, None) => None,
        }
    }

    /// Adds a bit; false when it was there.
    #[inline]
    fn add(&mut self, bit: usize) -> bool {
        let mask = 1 << (bit % 64);
        match self.word(bit) {
            Some(word) if *word & mask == 0 => {
                *word |= mask;
                true
            }
            _ => false,
        }
    }

    /// Marks a field and its oneof in one step, where a word has all marks of the message; false, and no mark, when one
    /// of them was met before, or may have been.
    #[inline(always)]
    pub(crate) fn quick(&mut self, field: &Field) -> bool {
        let first = field.mark != 0 && self.rare.is_none() && self.inline[0] & field.mark == 0;
        if first {
            self.inline[0] |= field.mark;
        }
        first
    }

    /// Marks a field and its oneof; false when one of them was met before.
    #[inline(always)]
    pub(crate) fn first(&mut self, index: u16, field: &Field) -> bool {
        self.quick(field) || (field.mark == 0 && self.first_of_many(index, field))
    }

    #[inline(never)]
    fn first_of_many(&mut self, index: u16, field: &Field) -> bool {
        self.field(index) && field.oneof.is_none_or(|oneof| self.oneof(oneof))
    }

    /// Marks a field; false when it was met before.
    #[inline]
    pub(crate) fn field(&mut self, index: u16) -> bool {
        self.add(usize::from(index)) && self.rare.as_ref().is_none_or(|rare| !rare.mentioned.contains(&index))
    }

    /// Takes the mark back, so that the field is written by whoever has bound it; a second mention is still refused.
    #[cold]
    pub(crate) fn unset(&mut self, index: u16) {
        let bit = usize::from(index);
        if let Some(word) = self.word(bit) {
            *word &= !(1 << (bit % 64));
        }
        self.rare.get_or_insert_default().mentioned.push(index);
    }

    /// Marks a oneof; false when a member of it was met before.
    #[inline]
    pub(crate) fn oneof(&mut self, index: u16) -> bool {
        self.add(usize::from(self.fields) + usize::from(index))
    }

    /// Whether the field has a value.
    pub(crate) fn has(&self, index: u16) -> bool {
        let bit = usize::from(index);
        let word = match (self.inline.get(bit / 64), &self.rare) {
            (Some(word), _) => Some(word),
            (None, Some(rare)) => rare.spill.get((bit - Self::INLINE) / 64),
            (None, None) => None,
        };
        word.is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}
