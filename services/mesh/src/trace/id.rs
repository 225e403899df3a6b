//! Random ids for spans and requests. They are unique, not secret.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static SOURCE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// A random number other than zero.
pub(crate) fn random() -> u64 {
    SOURCE.with(|(keys, count)| {
        loop {
            count.set(count.get().wrapping_add(1));
            match keys.hash_one(count.get()) {
                0 => {}
                id => return id,
            }
        }
    })
}
