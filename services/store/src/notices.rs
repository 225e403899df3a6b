//! Wakes the watches of a kind when something of that kind was committed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{Error, Kind, Result};

/// The watches of a store, by kind. A notice carries nothing: whoever wakes reads the changes from the store, so a slow
/// watch holds one flag and no queue.
#[derive(Debug)]
pub struct Notices {
    /// `None` once closed.
    kinds: Mutex<Option<HashMap<Kind, watch::Sender<()>>>>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { kinds: Mutex::new(Some(HashMap::new())) }
    }
}

impl Notices {
    /// A receiver that sees every announcement of `kind` from now on.
    pub fn subscribe(&self, kind: &Kind) -> Result<watch::Receiver<()>> {
        let mut kinds = self.lock();
        let kinds = kinds.as_mut().ok_or_else(|| Error::Closed { reason: "it was shut down".to_owned() })?;
        kinds.retain(|_, sender| sender.receiver_count() > 0);
        Ok(kinds.entry(kind.clone()).or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    /// Wakes the watches of these kinds; to be called after the commit is durable and readable.
    pub fn announce<'a>(&self, changed: impl IntoIterator<Item = &'a Kind>) {
        if let Some(kinds) = self.lock().as_ref() {
            for sender in changed.into_iter().filter_map(|kind| kinds.get(kind)) {
                sender.send_replace(());
            }
        }
    }

    /// Ends every watch; each reports [`Error::Closed`].
    pub fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<Kind, watch::Sender<()>>>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
