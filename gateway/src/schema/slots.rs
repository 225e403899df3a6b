//! Versions of one backend that are told apart, each in a slot. A slot is given to another version as late as may be: a
//! call that waits may not take the one for the other.

use std::sync::Arc;

use super::Methods;
use crate::backend::MOST;
use crate::reflect::Files;

#[derive(Debug)]
struct Version {
    files: Arc<Files>,
    methods: Arc<Methods>,
}

#[derive(Debug, Default)]
struct Slot {
    version: Option<Version>,
    /// When it was last asked for.
    used: u64,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: [Slot; MOST],
    asked: u64,
}

impl Slots {
    /// The same files, shared with others that have them.
    pub(super) fn share(&self, files: Files) -> Arc<Files> {
        let known = self.versions().find(|known| *known.files == files);
        known.map_or_else(|| Arc::new(files), |known| Arc::clone(&known.files))
    }

    /// The methods of these files.
    pub(super) fn methods(&self, files: &Arc<Files>) -> Arc<Methods> {
        let known = self.versions().find(|known| known.files == *files);
        known.map_or_else(|| Arc::new(Methods::of(files)), |known| Arc::clone(&known.methods))
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        self.slots.iter().filter_map(|slot| slot.version.as_ref())
    }

    /// Forgets versions that are not in use.
    pub(super) fn keep(&mut self, in_use: &[Arc<Files>]) {
        for slot in &mut self.slots {
            slot.version = slot.version.take().filter(|version| in_use.contains(&version.files));
        }
    }

    /// Whether a version is not here and could be.
    pub(super) fn is_open_for(&self, files: &Arc<Files>) -> bool {
        self.versions().all(|known| known.files != *files)
            && self.slots.iter().any(|slot| slot.version.is_none())
    }

    /// Gives the slot that nobody has had for the longest time to a version; it gets none where none is free.
    pub(super) fn insert(&mut self, files: &Arc<Files>, methods: Methods) {
        let free = self.slots.iter_mut().filter(|slot| slot.version.is_none());
        if let Some(slot) = free.min_by_key(|slot| slot.used) {
            slot.version = Some(Version { files: Arc::clone(files), methods: Arc::new(methods) });
        }
        self.place(files);
    }

    /// The place of a version that is here.
    pub(super) fn place(&mut self, files: &Arc<Files>) -> Option<usize> {
        let is_it = |slot: &Slot| slot.version.as_ref().is_some_and(|version| version.files == *files);
        let place = self.slots.iter().position(is_it)?;
        self.asked += 1;
        self.slots.get_mut(place)?.used = self.asked;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    //! Which slot is given to whom.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn version(name: usize) -> Arc<Files> {
        Arc::new(Files { services: vec![name.to_string()], ..Files::default() })
    }

    fn place(slots: &mut Slots, name: usize) -> Option<usize> {
        if slots.is_open_for(&version(name)) {
            slots.insert(&version(name), Methods::default());
        }
        slots.place(&version(name))
    }

    #[test]
    fn a_slot_is_given_to_another_version_as_late_as_may_be() {
        let mut slots = Slots::default();
        assert_eq!([0, 1, 0].map(|name| place(&mut slots, name)), [Some(0), Some(1), Some(0)]);
        slots.keep(&[version(0)]);
        let next: Vec<_> = (2..8).map(|name| place(&mut slots, name).unwrap()).collect();
        assert_eq!(next, [2, 3, 4, 5, 6, 1], "the one that was forgotten comes last");
        assert_eq!(place(&mut slots, 8), None, "all are in use");
        assert_eq!(place(&mut slots, 7), Some(1));
    }
}
