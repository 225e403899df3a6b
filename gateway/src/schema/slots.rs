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

    /// The place of a version; none where others have taken all of them.
    pub(super) fn place(&mut self, files: &Arc<Files>) -> Option<usize> {
        self.asked += 1;
        let is_it = |slot: &Slot| slot.version.as_ref().is_some_and(|version| version.files == *files);
        let known = self.slots.iter().position(is_it);
        let free = || {
            let free = self.slots.iter().enumerate().filter(|(_, slot)| slot.version.is_none());
            free.min_by_key(|(_, slot)| slot.used).map(|(place, _)| place)
        };
        let place = known.or_else(free)?;
        let slot = self.slots.get_mut(place)?;
        slot.used = self.asked;
        if slot.version.is_none() {
            let methods = Arc::new(Methods::of(files));
            slot.version = Some(Version { files: Arc::clone(files), methods });
        }
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

    #[test]
    fn a_slot_is_given_to_another_version_as_late_as_may_be() {
        let mut slots = Slots::default();
        assert_eq!(slots.place(&version(0)), Some(0));
        assert_eq!(slots.place(&version(1)), Some(1));
        assert_eq!(slots.place(&version(0)), Some(0));
        slots.keep(&[version(0)]);
        let next: Vec<_> = (2..8).map(|name| slots.place(&version(name)).unwrap()).collect();
        assert_eq!(next, [2, 3, 4, 5, 6, 1], "the one that was forgotten comes last");
        assert_eq!(slots.place(&version(8)), None, "all are in use");
        assert_eq!(slots.place(&version(7)), Some(1));
    }
}
