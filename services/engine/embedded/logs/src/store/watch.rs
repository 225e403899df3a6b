//! Learns from the kernel which directories are written to: one inotify descriptor and one thread for all.

use std::collections::{HashMap, HashSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use tokio::sync::Notify;

/// The same for every watch, because a second watch of a directory replaces the first.
const MASK: WatchFlags =
    WatchFlags::CREATE.union(WatchFlags::MOVED_TO).union(WatchFlags::MODIFY).union(WatchFlags::ONLYDIR);

/// A watched directory.
pub(super) type WatchId = i32;

/// Ends its thread when it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    inner: Arc<Inner>,
    root: WatchId,
}

#[derive(Debug)]
struct Inner {
    descriptor: OwnedFd,
    /// Who wants to know of which directory.
    table: Mutex<HashMap<WatchId, Vec<Arc<Pending>>>>,
    stopped: AtomicBool,
}

/// What one subscriber has not yet taken.
#[derive(Debug, Default)]
struct Pending {
    changes: Mutex<Changes>,
    notify: Notify,
}

/// What has happened.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Directories in which something was written, and whether something was created there.
    pub(super) dirs: HashMap<WatchId, bool>,
    /// The kernel lost count: anything may have happened.
    pub(super) all: bool,
}

impl Watcher {
    /// Starts the thread. The root is always watched: the end of that watch is what ends the thread.
    pub(super) fn start(root: &Path) -> io::Result<Arc<Self>> {
        let descriptor = init(CreateFlags::CLOEXEC)?;
        let root = add_watch(&descriptor, root, MASK)?;
        let inner = Arc::new(Inner { descriptor, table: Mutex::default(), stopped: AtomicBool::new(false) });
        let thread = Arc::clone(&inner);
        thread::Builder::new().name("log-watch".to_owned()).spawn(move || thread.run())?;
        Ok(Arc::new(Self { inner, root }))
    }

    /// A new subscriber, who watches nothing yet.
    pub(super) fn subscribe(self: &Arc<Self>) -> Subscription {
        Subscription { watcher: Arc::clone(self), pending: Arc::default(), watches: HashSet::new() }
    }
}

#[cfg(test)]
impl Watcher {
    /// Nobody is subscribed to anything.
    pub(super) fn is_unused(&self) -> bool {
        self.inner.table().is_empty()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Release);
        // where the directory has been removed the thread has ended already
        let _ = remove_watch(&self.inner.descriptor, self.root);
    }
}

impl Inner {
    fn run(&self) {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = Reader::new(&self.descriptor, &mut buffer);
        loop {
            let (watch, events) = match reader.next() {
                Ok(event) => (event.wd(), event.events()),
                Err(Errno::INTR) => continue,
                Err(_) => return self.lost(),
            };
            if events.contains(ReadFlags::QUEUE_OVERFLOW) {
                self.lost();
            } else if events.contains(ReadFlags::IGNORED) {
                self.table().remove(&watch);
            } else if let Some(interested) = self.table().get(&watch) {
                let created = events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
                for pending in interested {
                    pending.add(watch, created);
                }
            }
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
        }
    }

    fn lost(&self) {
        for pending in self.table().values().flatten() {
            lock(&pending.changes).all = true;
            pending.notify.notify_one();
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<WatchId, Vec<Arc<Pending>>>> {
        lock(&self.table)
    }
}

impl Pending {
    fn add(&self, watch: WatchId, created: bool) {
        *lock(&self.changes).dirs.entry(watch).or_default() |= created;
        self.notify.notify_one();
    }
}

/// One who wants to know of some directories.
#[derive(Debug)]
pub(super) struct Subscription {
    watcher: Arc<Watcher>,
    pending: Arc<Pending>,
    watches: HashSet<WatchId>,
}

impl Subscription {
    /// Watches a directory from now on; none where there is no such directory.
    pub(super) fn watch(&mut self, dir: &Path) -> io::Result<Option<WatchId>> {
        let inner = &self.watcher.inner;
        let mut table = inner.table();
        let watch = match add_watch(&inner.descriptor, dir, MASK) {
            Ok(watch) => watch,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::NOSPC) => {
                return Err(io::Error::other(
                    "too many watched directories: raise fs.inotify.max_user_watches",
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let interested = table.entry(watch).or_default();
        if !interested.iter().any(|pending| Arc::ptr_eq(pending, &self.pending)) {
            interested.push(Arc::clone(&self.pending));
        }
        drop(table);
        self.watches.insert(watch);
        Ok(Some(watch))
    }

    /// Takes what has happened.
    pub(super) fn take(&self) -> Changes {
        std::mem::take(&mut *lock(&self.pending.changes))
    }

    /// Waits until something has happened that was not yet waited for.
    pub(super) async fn changed(&self) {
        self.pending.notify.notified().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let inner = &self.watcher.inner;
        let mut table = inner.table();
        for watch in &self.watches {
            let Some(interested) = table.get_mut(watch) else {
                continue;
            };
            interested.retain(|pending| !Arc::ptr_eq(pending, &self.pending));
            if interested.is_empty() {
                table.remove(watch);
                if *watch != self.watcher.root {
                    // a directory that has been removed took its watch along
                    let _ = remove_watch(&inner.descriptor, *watch);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
