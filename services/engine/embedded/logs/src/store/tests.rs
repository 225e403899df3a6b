//! Tests of pages, following and retention, against a plain model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod following;
mod pages;
mod retention;

use engine::{Direction, InstanceId, LogEntry, LogPage, LogQuery, Stream, WorkloadId};
use jiff::Timestamp;

use super::*;
use crate::{Limits, STDERR, STDOUT, Writer};

const SMALL: Limits = Limits { segment_bytes: 600, total_bytes: u64::MAX };

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
}

/// A directory with output, and what should be in it.
struct Place {
    dir: tempfile::TempDir,
    logs: Logs,
    limits: Limits,
    writers: Vec<(InstanceId, Writer)>,
    /// With the number of each entry.
    model: Vec<(LogEntry, u64)>,
}

impl Place {
    fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::open(dir.path()).unwrap();
        Self { dir, logs, limits, writers: Vec::new(), model: Vec::new() }
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a line of an instance of the job; instance `i` belongs to workload `i / 2`.
    fn write(&mut self, instance: usize, micros: i64, stream: Stream, text: &str) {
        let id = InstanceId(format!("job-{instance}"));
        let workload = WorkloadId(format!("w{}", instance / 2));
        if !self.writers.iter().any(|(known, _)| *known == id) {
            let leaf = self.logs.leaf("alpha", "job", &workload.0, &id.0);
            self.writers.push((id.clone(), Writer::open(&leaf, self.limits).unwrap()));
        }
        let number = if stream == Stream::Stdout { STDOUT } else { STDERR };
        let writer = self.writers.iter_mut().find(|(known, _)| *known == id).unwrap();
        writer.1.append(number, micros, text.as_bytes());
        let earlier = self.model.iter().filter(|(entry, _)| entry.instance == id);
        let (ordinal, last) = earlier.fold((0, 0), |(n, _), (entry, _)| (n + 1, entry.time.as_microsecond()));
        let entry = LogEntry {
            instance: id,
            workload,
            time: time(micros.max(last)),
            stream,
            message: text.to_owned(),
        };
        self.model.push((entry, ordinal));
    }

    /// What a query should give over all pages.
    fn expected(&self, query: &LogQuery) -> Vec<LogEntry> {
        let mut found: Vec<_> = self.model.iter().filter(|(entry, _)| matches(entry, query)).collect();
        found.sort_by_key(|(entry, ordinal)| (entry.time, entry.instance.clone(), *ordinal));
        if let Some(lines) = query.lines {
            let skip = found.len().saturating_sub(usize::try_from(lines).unwrap());
            found.drain(..skip);
        }
        if query.direction == Direction::NewestFirst {
            found.reverse();
        }
        found.into_iter().map(|(entry, _)| entry.clone()).collect()
    }
}

fn matches(entry: &LogEntry, query: &LogQuery) -> bool {
    query.workload.as_ref().is_none_or(|id| *id == entry.workload)
        && query.stream.is_none_or(|stream| stream == entry.stream)
        && query.since.is_none_or(|since| entry.time >= since)
        && query.until.is_none_or(|until| entry.time <= until)
}

fn all() -> LogQuery {
    LogQuery {
        tool: "alpha".to_owned(),
        name: "job".to_owned(),
        workload: None,
        stream: None,
        since: None,
        until: None,
        lines: None,
        direction: Direction::OldestFirst,
        page_size: 500,
        cursor: None,
    }
}

/// All pages of a query; `between` is called after each.
fn pages(logs: &Logs, query: &LogQuery, mut between: impl FnMut()) -> Vec<LogPage> {
    let mut query = query.clone();
    let mut pages = Vec::new();
    loop {
        let page = logs.query(&query).unwrap();
        assert!(page.entries.len() <= query.page_size);
        assert!(page.next.is_none() || !page.entries.is_empty(), "a page with a next one is not empty");
        query.cursor.clone_from(&page.next);
        pages.push(page);
        if query.cursor.is_none() {
            return pages;
        }
        between();
    }
}

fn read(logs: &Logs, query: &LogQuery) -> Vec<LogEntry> {
    pages(logs, query, || {}).into_iter().flat_map(|page| page.entries).collect()
}

fn texts(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}
