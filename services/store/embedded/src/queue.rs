//! Work from async callers for threads: bounded, first in first out, and it can be closed from either side.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// The queue is closed.
#[derive(Debug)]
pub(crate) struct Closed;

#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Semaphore,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room: Semaphore::new(room),
            waiting: Mutex::new(Waiting { items: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        }
    }

    /// Waits for room, then puts `item` at the end.
    pub(crate) async fn push(&self, item: T) -> Result<(), Closed> {
        let place = self.room.acquire().await.map_err(|_| Closed)?;
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Closed);
        }
        waiting.items.push_back(item);
        place.forget();
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Blocks for the next item; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut waiting = self.lock();
        loop {
            if let Some(item) = waiting.items.pop_front() {
                self.room.add_permits(1);
                return Some(item);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next item, if there is one.
    pub(crate) fn try_pop(&self) -> Option<T> {
        let item = self.lock().items.pop_front()?;
        self.room.add_permits(1);
        Some(item)
    }

    /// Refuses new items; those in the queue can still be taken.
    pub(crate) fn close(&self) {
        self.room.close();
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes the queue and drops what is in it.
    pub(crate) fn abandon(&self) {
        self.close();
        let items = std::mem::take(&mut self.lock().items);
        drop(items);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
