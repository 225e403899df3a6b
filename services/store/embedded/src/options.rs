//! What can be chosen when a store is opened.

use std::fmt;
use std::sync::Arc;

/// Called with the name of each durable step, by the thread that takes it; for tests that stop the process there.
pub type OnStep = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Called once, with the reason, when the store stops for good.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Choices for [`crate::Sqlite::open`].
#[derive(Clone)]
pub struct Options {
    /// How many deletions are remembered for watches that resume; older ones make a resume answer
    /// [`store::Error::Compacted`]. A few more may be kept.
    pub deletions_kept: usize,
    /// The size of the file that is given up when the disk is full, so that commits that delete or replace records go
    /// on; in bytes, 0 for none.
    pub reserve_bytes: u64,
    /// How many threads read at the same time.
    pub readers: usize,
    /// See [`OnStep`]. The steps are `store.commit.before` and `store.commit.after`, around the moment a group of
    /// commits becomes durable.
    pub on_step: Option<OnStep>,
    /// See [`OnFatal`]. A failed fsync says nothing about what reached the disk, and a later one may claim success for
    /// pages the kernel has dropped; the process should end here and read the file anew.
    pub on_fatal: Option<OnFatal>,
}

impl Options {
    /// The choices of a service: a store that can no longer promise durability ends the process.
    pub fn for_a_service(on_step: Option<OnStep>) -> Self {
        let on_fatal = Arc::new(|reason: &str| {
            tracing::error!(reason, "the store can no longer promise durability: the process ends");
            std::process::abort();
        });
        Self { on_step, on_fatal: Some(on_fatal), ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { deletions_kept: 10_000, reserve_bytes: 64 << 20, readers: 2, on_step: None, on_fatal: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("deletions_kept", &self.deletions_kept)
            .field("reserve_bytes", &self.reserve_bytes)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}
