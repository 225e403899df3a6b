//! A read-only hash table from names to indexes: open addressing, a cheap hash, no allocation on look-up.

/// Maps names to `u16`; the first of two equal names stays.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    /// Hash, start of the name in `text`, its length, and the index; length `u32::MAX` marks a free slot.
    slots: Vec<Slot>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    start: u32,
    len: u32,
    index: u16,
}

const FREE: u32 = u32::MAX;

impl NameTable {
    /// A table of these names.
    pub(crate) fn new<'n>(entries: impl Iterator<Item = (&'n str, u16)> + Clone) -> Self {
        let size = (entries.clone().count() * 2).next_power_of_two().max(2);
        let free = Slot { hash: 0, start: 0, len: FREE, index: 0 };
        let mut table = Self { slots: vec![free; size], text: String::new() };
        for (name, index) in entries {
            table.insert(name, index);
        }
        table
    }

    fn insert(&mut self, name: &str, index: u16) {
        let (Ok(start), Ok(len)) = (u32::try_from(self.text.len()), u32::try_from(name.len())) else {
            return;
        };
        let hash = hash(name.as_bytes());
        let Some(at) = self.probe(name, hash) else { return };
        if let Some(slot) = self.slots.get_mut(at)
            && slot.len == FREE
        {
            *slot = Slot { hash, start, len, index };
            self.text.push_str(name);
        }
    }

    /// The slot that holds `name`, or the free one where it would go.
    fn probe(&self, name: &str, hash: u32) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        for _ in 0..=mask {
            let slot = self.slots.get(at)?;
            if slot.len == FREE || (slot.hash == hash && self.name_of(slot) == Some(name)) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn name_of(&self, slot: &Slot) -> Option<&str> {
        self.text.get(slot.start as usize..slot.start as usize + slot.len as usize)
    }

    /// The index of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<u16> {
        let slot = self.slots.get(self.probe(name, hash(name.as_bytes()))?)?;
        (slot.len != FREE).then_some(slot.index)
    }
}

/// Multiply-rotate over eight bytes at a time. The table is fixed by the schema, so nobody outside can fill a slot.
fn hash(bytes: &[u8]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state = bytes.len() as u64;
    for word in words {
        state = (state.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(K);
    }
    let mut tail = [0_u8; 8];
    for (to, from) in tail.iter_mut().zip(rest) {
        *to = *from;
    }
    state = (state.rotate_left(5) ^ u64::from_le_bytes(tail)).wrapping_mul(K);
    (state >> 32) as u32
}
