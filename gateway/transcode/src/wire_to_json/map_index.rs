//! The entries of a map whose order or uniqueness is in doubt: the last of each key counts.
//!
//! A reply may be made of nothing but entries of two bytes, so one takes eight bytes here: where it stands, and a hash of
//! its key by which entries of one key come together.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

use super::maps::{MapTypes, entry_key};
use super::values::{Raw, bare};
use super::{Print, Printer, mended};
use crate::wire::{Reader, Span, WireFault, WireType};

/// Entries of one map.
#[derive(Debug)]
pub(super) struct MapIndex<'w> {
    types: MapTypes,
    /// What the entries stand in.
    wire: &'w [u8],
    /// The hash of the key in the upper half, in the lower one where the entry's length stands.
    found: Vec<u64>,
    /// Not the same for every map, so that nobody can make keys of one hash.
    hasher: RandomState,
}

impl<'w> MapIndex<'w> {
    pub(super) fn new(types: MapTypes, wire: &'w [u8]) -> Self {
        Self { types, wire, found: Vec::new(), hasher: RandomState::default() }
    }

    /// The entry whose length stands at `start`.
    fn entry(&self, start: u32) -> Result<Span<'w>, WireFault> {
        let mut reader = Reader::new(self.wire.get(start as usize..).unwrap_or_default());
        match bare(WireType::Len, &mut reader)? {
            Raw::Bytes(bytes) => Ok(bytes),
            Raw::Bits(_) => Err(WireFault::WireType),
        }
    }

    /// Where the entries stand that are the last of their keys, in wire order.
    /// With `mends`, of the keys as they are printed.
    fn last_of_each_key(mut self, depth: u32, mends: bool) -> Result<(Self, Vec<u32>), WireFault> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable();
        let mut last: Vec<u32> = Vec::new();
        for group in found.chunk_by(|a, b| a >> 32 == b >> 32) {
            let first = last.len();
            for packed in group.iter().rev() {
                let start = place(*packed);
                let key = entry_key(self.types, self.entry(start)?, depth)?;
                let mut known = false;
                for later in last.get(first..).unwrap_or_default() {
                    known = known || is_same(entry_key(self.types, self.entry(*later)?, depth)?, key, mends);
                }
                if !known {
                    last.push(start);
                }
            }
        }
        last.sort_unstable();
        Ok((self, last))
    }
}

/// Whether two keys are one, or with `mends` are printed as one.
fn is_same(one: Raw<'_>, other: Raw<'_>, mends: bool) -> bool {
    match (one, other) {
        (Raw::Bits(one), Raw::Bits(other)) => one == other,
        (Raw::Bytes(one), Raw::Bytes(other)) if mends => mended(one) == mended(other),
        (Raw::Bytes(one), Raw::Bytes(other)) => one.bytes() == other.bytes(),
        _ => false,
    }
}

/// The lower half.
#[allow(clippy::cast_possible_truncation, reason = "it is cut on purpose")]
fn place(packed: u64) -> u32 {
    packed as u32
}

impl Printer<'_, '_> {
    /// Adds the entry whose length stands at `start`; one whose value is a number that its closed enum does not have is
    /// none.
    pub(super) fn index_entry(&mut self, index: &mut MapIndex<'_>, start: usize) -> Print<()> {
        // a message of gRPC has less than 4 GiB
        let start = u32::try_from(start).map_err(|_| WireFault::Range)?;
        let Some(entry) = self.map_entry(index.types, index.entry(start)?)? else { return Ok(()) };
        let hash = match entry.key {
            Raw::Bits(bits) => index.hasher.hash_one(bits),
            Raw::Bytes(bytes) if self.mends() => index.hasher.hash_one(&*mended(bytes)),
            Raw::Bytes(bytes) => index.hasher.hash_one(bytes.bytes()),
        };
        index.found.push(hash & !u64::from(u32::MAX) | u64::from(start));
        Ok(())
    }

    /// Prints the entries that count, each with a comma before it.
    pub(super) fn indexed_entries(&mut self, index: MapIndex<'_>) -> Print<()> {
        let (index, last) = index.last_of_each_key(self.depth, self.mends())?;
        for start in last {
            if let Some(entry) = self.map_entry(index.types, index.entry(start)?)? {
                self.print_entry(index.types, &entry)?;
            }
        }
        Ok(())
    }
}
