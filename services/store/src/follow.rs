//! The loop of a watch, for stores that can page through their changes by revision.
//!
//! Such a store keeps the revision of each record's last write and of each key's last deletion. A watch pages through
//! both in the order of (revision, tool, name) until it has caught up, then sleeps until the next notice. The store
//! holds nothing on behalf of a watch, however slow it is.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::{Changes, Error, Event, Kind, Result, Revision, WatchFrom};

/// The most changes in one page.
pub const PAGE: usize = 128;

/// A store's changes, read page by page.
#[async_trait]
pub trait Pages: Send + Sync + 'static {
    /// Up to [`PAGE`] changes of `kind` behind `cursor`, in the order of (revision, tool, name), read at one moment.
    async fn page(&self, kind: &Kind, cursor: &Cursor) -> Result<Page>;
}

/// How far a watch has read: every change before (`revision`, `tool`, `name`) and this one itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// All revisions below this one are behind.
    pub revision: Revision,
    /// Within `revision`, changes up to this tool and name are behind; empty if none is.
    pub tool: String,
    /// See `tool`.
    pub name: String,
    /// Deletions up to this revision are not reported: they were before the watch began.
    pub silent_through: Revision,
}

impl Cursor {
    /// Where a watch begins.
    pub fn new(from: WatchFrom) -> Self {
        match from {
            WatchFrom::Start => Self::at(Revision::ZERO, Revision::from_number(u64::MAX)),
            WatchFrom::After(revision) => Self::at(revision.next(), Revision::ZERO),
        }
    }

    const fn at(revision: Revision, silent_through: Revision) -> Self {
        Self { revision, tool: String::new(), name: String::new(), silent_through }
    }

    /// Refuses a cursor that cannot be served by a store at `head` which trimmed deletions of the kind up to `horizon`.
    pub fn check(&self, head: Revision, horizon: Revision) -> Result<()> {
        let due = self.revision.max(self.silent_through.next());
        let from_the_future = self.revision > head.next();
        if due <= horizon || from_the_future { Err(Error::Compacted { oldest: horizon }) } else { Ok(()) }
    }
}

/// A part of the changes.
#[derive(Debug)]
pub struct Page {
    /// [`Event::Put`] and [`Event::Deleted`], in order.
    pub changes: Vec<Event>,
    /// The revision of the store at the moment of reading.
    pub head: Revision,
    /// Whether there was nothing more at that moment.
    pub last: bool,
}

/// Starts a watch over `pages`; `notice` must have been subscribed before. The first page is read here, so that a
/// revision that cannot be served is refused at once.
pub async fn follow(
    pages: impl Pages,
    kind: Kind,
    from: WatchFrom,
    notice: watch::Receiver<()>,
) -> Result<Changes> {
    let mut follower = Follower {
        pages,
        kind,
        cursor: Cursor::new(from),
        notice,
        ready: VecDeque::new(),
        unsynced: true,
        caught_up: false,
    };
    follower.read().await?;
    let events = stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(events.boxed())
}

struct Follower<P> {
    pages: P,
    kind: Kind,
    cursor: Cursor,
    notice: watch::Receiver<()>,
    ready: VecDeque<Event>,
    /// Something was reported since the last [`Event::Synced`], or there was none yet.
    unsynced: bool,
    caught_up: bool,
}

impl<P: Pages> Follower<P> {
    async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if self.caught_up && self.notice.changed().await.is_err() {
                return Err(Error::Closed { reason: "it was shut down".to_owned() });
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<()> {
        let page = self.pages.page(&self.kind, &self.cursor).await?;
        self.cursor.silent_through = self.cursor.silent_through.min(page.head);
        self.unsynced |= !page.changes.is_empty();
        self.caught_up = page.last;
        if page.last {
            self.cursor = Cursor::at(page.head.next(), self.cursor.silent_through);
        } else if let Some((key, revision)) = page.changes.last().and_then(place) {
            self.cursor.revision = revision;
            self.cursor.tool.clone_from(&key.tool);
            self.cursor.name.clone_from(&key.name);
        }
        self.ready.extend(page.changes);
        if page.last && std::mem::take(&mut self.unsynced) {
            self.ready.push_back(Event::Synced(page.head));
        }
        Ok(())
    }
}

fn place(change: &Event) -> Option<(&crate::Key, Revision)> {
    match change {
        Event::Put(record) => Some((&record.key, record.revision)),
        Event::Deleted { key, revision } => Some((key, *revision)),
        Event::Synced(_) => None,
    }
}
