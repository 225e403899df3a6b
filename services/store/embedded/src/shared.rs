//! What the threads of a store and its callers share.

use std::fmt;
use std::sync::{Arc, OnceLock};

use store::notices::Notices;
use store::{Error, Result};

use crate::queue::Queue;
use crate::writer::Commit;
use crate::{OnFatal, Work};

/// How many commits, and how many reads, may wait; more callers wait for a place.
const WAITING: usize = 1024;

pub(crate) struct Shared {
    pub(crate) commits: Queue<Commit>,
    pub(crate) reads: Queue<Work>,
    pub(crate) notices: Notices,
    failure: OnceLock<String>,
    on_fatal: Option<OnFatal>,
}

impl Shared {
    pub(crate) fn new(on_fatal: Option<OnFatal>) -> Self {
        Self {
            commits: Queue::new(WAITING),
            reads: Queue::new(WAITING),
            notices: Notices::default(),
            failure: OnceLock::new(),
            on_fatal,
        }
    }

    /// Ends the threads once they have done what waits for them, and the watches.
    pub(crate) fn close(&self) {
        self.commits.close();
        self.reads.close();
        self.notices.close();
    }

    /// Stops the store for good; every call from now on answers with `reason`.
    pub(crate) fn fail(&self, reason: &str) {
        if self.failure.set(reason.to_owned()).is_err() {
            return;
        }
        tracing::error!(reason, "the store stops");
        self.commits.abandon();
        self.reads.abandon();
        self.notices.close();
        if let Some(on_fatal) = &self.on_fatal {
            on_fatal(reason);
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// The answer to a call that comes too late.
    pub(crate) fn closed(&self) -> Error {
        let reason = self.failure.get().map_or("it was shut down", String::as_str);
        Error::Closed { reason: reason.to_owned() }
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.has_failed() { Err(self.closed()) } else { Ok(()) }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("failure", &self.failure).finish_non_exhaustive()
    }
}

/// Held by each thread: if one ends by a panic, nobody shall wait for it.
pub(crate) struct Watchman(pub(crate) Arc<Shared>);

impl Drop for Watchman {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("one of its threads panicked");
        }
    }
}
