//! Reads the output of a job, and what is added to it, in batches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Direction, LogEntry, LogQuery};

use super::Shared;
use super::forward::Forward;
use super::merge::Merge;
use super::page::most_recent;
use super::tree::{Leaf, children, leaves, segments, workloads};
use super::watch::{Subscription, WatchId};
use super::window::Window;
use crate::segment::escape;

/// A batch ends after so many entries.
const MOST: usize = 500;
/// Or when its messages are as long together, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// So many instances are watched.
const MOST_WATCHED: usize = 1024;

/// A follower's place in the output of all instances of a job.
#[derive(Debug)]
pub(super) struct Tail {
    query: LogQuery,
    root: PathBuf,
    shared: Arc<Shared>,
    window: Window,
    subscription: Subscription,
    /// Watched directories: the number of a leaf, or none for those above.
    watches: HashMap<WatchId, Option<usize>>,
    known: HashSet<PathBuf>,
    leaves: Vec<Leaf>,
    sources: Vec<Forward>,
    /// Leaves that may have something to read.
    dirty: BTreeSet<usize>,
    /// What was there at the beginning is not yet given.
    kept: bool,
}

impl Tail {
    /// Watches first and reads then, so that nothing is missed.
    pub(super) fn start(shared: Arc<Shared>, query: LogQuery) -> io::Result<Self> {
        let mut tail = Self {
            root: shared.root.clone(),
            window: Window::of(&query),
            subscription: shared.watcher.subscribe(),
            watches: HashMap::new(),
            known: HashSet::new(),
            leaves: Vec::new(),
            sources: Vec::new(),
            dirty: BTreeSet::new(),
            kept: true,
            query,
            shared,
        };
        let mut window = tail.window.clone();
        if let Some(lines) = tail.query.lines {
            let there = leaves(&tail.root, &tail.query)?;
            window.from = most_recent(&tail.shared.indexes, &there, &tail.window, &tail.query, lines.max(1))?;
            window.from.ordinal += u64::from(lines == 0);
        }
        tail.discover(&window)?;
        Ok(tail)
    }

    /// Waits until something was written.
    pub(super) async fn changed(&self) {
        self.subscription.changed().await;
    }

    /// Looks at everything with the next batch, whatever was told.
    pub(super) fn look_again(&mut self) -> io::Result<()> {
        self.subscription.take();
        self.all()
    }

    /// Some entries; nothing more to read for now when there are none.
    pub(super) fn batch(&mut self) -> io::Result<Vec<LogEntry>> {
        if self.kept {
            let entries = self.merged()?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.kept = false;
        }
        self.learn()?;
        self.written()
    }

    /// What was there at the beginning, in one order over all instances.
    fn merged(&mut self) -> io::Result<Vec<LogEntry>> {
        let indexes = &self.shared.indexes;
        let mut merge = Merge::new(Direction::OldestFirst, indexes, &self.leaves, &mut self.sources);
        let mut entries = Vec::new();
        let mut bytes = 0;
        while entries.len() < MOST && bytes < MOST_BYTES {
            let Some((leaf, raw)) = merge.next()? else {
                break;
            };
            let entry = raw.entry(leaf);
            bytes += entry.message.len();
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Takes note of what has happened.
    fn learn(&mut self) -> io::Result<()> {
        let changes = self.subscription.take();
        if changes.all {
            return self.all();
        }
        let mut discover = false;
        for (watch, created) in changes.dirs {
            match self.watches.get(&watch) {
                Some(Some(leaf)) => {
                    self.dirty.insert(*leaf);
                    if created {
                        self.sources[*leaf].refresh(&self.leaves[*leaf].dir)?;
                    }
                }
                Some(None) => discover |= created,
                None => {}
            }
        }
        if discover { self.discover(&self.window.clone()) } else { Ok(()) }
    }

    fn all(&mut self) -> io::Result<()> {
        self.discover(&self.window.clone())?;
        for (leaf, source) in self.leaves.iter().zip(&mut self.sources) {
            source.refresh(&leaf.dir)?;
        }
        self.dirty.extend(0..self.leaves.len());
        Ok(())
    }

    /// What was written in the leaves that changed.
    fn written(&mut self) -> io::Result<Vec<LogEntry>> {
        let mut found = Vec::new();
        let mut bytes = 0;
        while let Some(rank) = self.dirty.first().copied() {
            let (leaf, source) = (&self.leaves[rank], &mut self.sources[rank]);
            while found.len() < MOST && bytes < MOST_BYTES {
                let Some(raw) = source.next(&leaf.dir, &self.shared.indexes)? else {
                    self.dirty.remove(&rank);
                    break;
                };
                let place = raw.place;
                let entry = raw.entry(leaf);
                bytes += entry.message.len();
                found.push((place, entry));
            }
            if found.len() >= MOST || bytes >= MOST_BYTES {
                break;
            }
        }
        found.sort_by(|a, b| (a.0.0, &a.1.instance.0, a.0.1).cmp(&(b.0.0, &b.1.instance.0, b.0.1)));
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Watches every directory on the way to the output, and finds leaves that were not known.
    fn discover(&mut self, window: &Window) -> io::Result<()> {
        let root = self.root.clone();
        self.watch(&root, None)?;
        let tool = root.join(escape(&self.query.tool));
        self.watch(&tool, None)?;
        let job = tool.join(escape(&self.query.name));
        self.watch(&job, None)?;
        let mut new = Vec::new();
        for (workload, dir) in workloads(&job, &self.query)? {
            self.watch(&dir, None)?;
            for (instance, dir) in children(&dir)? {
                if !self.known.contains(&dir) {
                    new.push(Leaf { dir, workload: workload.clone(), instance });
                }
            }
        }
        let watched = newest(&new)?;
        // the order of instances, as far as they are found together
        new.sort_unstable_by(|a, b| (&a.instance, &a.workload).cmp(&(&b.instance, &b.workload)));
        for leaf in new {
            let watch = watched.as_ref().is_none_or(|watched| watched.contains(&leaf.dir));
            self.add(leaf, window, watch)?;
        }
        Ok(())
    }

    fn add(&mut self, leaf: Leaf, window: &Window, watch: bool) -> io::Result<()> {
        let rank = self.leaves.len();
        if watch {
            self.watch(&leaf.dir, Some(rank))?;
        }
        let (from, to) = window.within(&leaf.instance);
        self.sources.push(Forward::new(&leaf.dir, from, to, self.query.stream)?);
        self.known.insert(leaf.dir.clone());
        self.leaves.push(leaf);
        if !self.kept {
            self.dirty.insert(rank);
        }
        Ok(())
    }

    fn watch(&mut self, dir: &Path, leaf: Option<usize>) -> io::Result<()> {
        if let Some(watch) = self.subscription.watch(dir)? {
            self.watches.insert(watch, leaf);
        }
        Ok(())
    }
}

/// The directories that were written to last, where there are too many to watch all: watches are few on a machine, and
/// an instance behind so many newer ones has ended.
fn newest(leaves: &[Leaf]) -> io::Result<Option<HashSet<PathBuf>>> {
    if leaves.len() <= MOST_WATCHED {
        return Ok(None);
    }
    let mut dirs = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        dirs.push((segments(&leaf.dir)?.1, &leaf.dir));
    }
    dirs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(Some(dirs.into_iter().take(MOST_WATCHED).map(|(_, dir)| dir.clone()).collect()))
}
