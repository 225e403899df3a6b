//! Which fields and oneofs of one object have been met: two machine words for most messages.

/// A set of field indexes and oneof indexes.
#[derive(Debug)]
pub(crate) struct Seen {
    fields: u16,
    inline: [u64; 2],
    spill: Vec<u64>,
    /// Fields that were met without being set here: null, or bound elsewhere.
    mentioned: Vec<u16>,
}

impl Seen {
    pub(crate) fn new(fields: usize, oneofs: usize) -> Self {
        let words = (fields + oneofs).div_ceil(64);
        let spill = if words > 2 { vec![0; words] } else { Vec::new() };
        let fields = u16::try_from(fields).unwrap_or(u16::MAX);
        Self { fields, inline: [0; 2], spill, mentioned: Vec::new() }
    }

    fn word(&mut self, bit: usize) -> Option<&mut u64> {
        let words = if self.spill.is_empty() { &mut self.inline[..] } else { &mut self.spill[..] };
        words.get_mut(bit / 64)
    }

    /// Adds a bit; false when it was there.
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

    /// Marks a field; false when it was met before.
    pub(crate) fn field(&mut self, index: u16) -> bool {
        self.add(usize::from(index)) && !self.mentioned.contains(&index)
    }

    /// Takes the mark back, so that the field is written by whoever has bound it; a second mention is still refused.
    pub(crate) fn unset(&mut self, index: u16) {
        let bit = usize::from(index);
        if let Some(word) = self.word(bit) {
            *word &= !(1 << (bit % 64));
        }
        self.mentioned.push(index);
    }

    /// Marks a oneof; false when a member of it was met before.
    pub(crate) fn oneof(&mut self, index: u16) -> bool {
        self.add(usize::from(self.fields) + usize::from(index))
    }

    /// Whether the field has a value.
    pub(crate) fn has(&self, index: u16) -> bool {
        let bit = usize::from(index);
        let words = if self.spill.is_empty() { &self.inline[..] } else { &self.spill[..] };
        words.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}
