//! What several servers say of themselves: whose a service is, and which of them can share one schema.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

use super::Warning;
use crate::descriptor::{DescriptorError, FileDescriptor, decode_file};
use crate::schema::Pending;

/// What one server says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// Encoded `FileDescriptorProto`s, in any order. A file given twice is taken once.
    pub files: &'s [Bytes],
    /// Full names of the services that it has. Of two sources with one service the first has it. A service that none has
    /// is compiled from the first with a file of it.
    pub services: &'s [String],
}

/// Services to the places of their sources.
pub(super) struct Owners<'s>(HashMap<&'s str, usize>);

impl<'s> Owners<'s> {
    pub(super) fn new(sources: &[Source<'s>]) -> Self {
        let mut owners = HashMap::new();
        for (index, source) in sources.iter().enumerate() {
            for service in source.services {
                owners.entry(service.as_str()).or_insert(index);
            }
        }
        Self(owners)
    }

    pub(super) fn of(&self, service: &str) -> Option<usize> {
        self.0.get(service).copied()
    }
}

/// The files of all sources, each decoded once.
pub(super) struct Decoded {
    files: Vec<FileDescriptor>,
    /// For each source, the places of its files.
    sources: Vec<Vec<usize>>,
}

impl Decoded {
    pub(super) fn new(sources: &[Source<'_>], warnings: &mut Vec<Warning>) -> Result<Self, DescriptorError> {
        let mut places: HashMap<&Bytes, usize> = HashMap::new();
        let mut decoded = Self { files: Vec::new(), sources: Vec::with_capacity(sources.len()) };
        for source in sources {
            let mut own = Vec::with_capacity(source.files.len());
            let mut names: HashMap<String, usize> = HashMap::new();
            for bytes in source.files {
                let place = match places.entry(bytes) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(slot) => {
                        decoded.files.push(decode_file(bytes)?);
                        *slot.insert(decoded.files.len() - 1)
                    }
                };
                let name = decoded.files.get(place).map(|file| file.name.clone()).unwrap_or_default();
                match names.entry(name) {
                    Entry::Vacant(slot) => {
                        slot.insert(place);
                        own.push(place);
                    }
                    Entry::Occupied(slot) if *slot.get() == place => {}
                    Entry::Occupied(slot) => {
                        warnings.push(Warning::DuplicateFile { name: slot.key().clone() });
                    }
                }
            }
            decoded.sources.push(own);
        }
        Ok(decoded)
    }

    pub(super) fn of_source(&self, source: usize) -> impl Iterator<Item = &FileDescriptor> {
        let own = self.sources.get(source).map_or(&[][..], Vec::as_slice);
        own.iter().filter_map(|place| self.files.get(*place))
    }
}

/// Types, shared by all sources that do not contradict each other: nearly always by all.
pub(super) struct Pools<'d> {
    pub(super) all: Vec<Pending<'d>>,
    /// The place of each source's pool.
    pub(super) of_source: Vec<usize>,
    /// Names of types that sources define in different ways.
    pub(super) contradictions: Vec<String>,
}

pub(super) fn pools<'d>(decoded: &'d Decoded, warnings: &mut Vec<Warning>) -> Pools<'d> {
    let mut pools: Vec<Pending<'_>> = Vec::new();
    let mut of_source = Vec::with_capacity(decoded.sources.len());
    let mut contradictions = BTreeSet::new();
    for index in 0..decoded.sources.len() {
        let files: Vec<_> = decoded.of_source(index).collect();
        let own = Pending::new(&files, warnings);
        let mut place = None;
        for (index, pool) in pools.iter().enumerate() {
            let found: Vec<&str> = pool.contradictions(&own).collect();
            if found.is_empty() {
                place = place.or(Some(index));
            }
            contradictions.extend(found.into_iter().map(str::to_owned));
        }
        match place.and_then(|place| pools.get_mut(place)) {
            Some(pool) => pool.join(own),
            None => pools.push(own),
        }
        of_source.push(place.unwrap_or(pools.len() - 1));
    }
    if pools.is_empty() {
        pools.push(Pending::default());
    }
    Pools { all: pools, of_source, contradictions: contradictions.into_iter().collect() }
}
