//! Output of instances, kept and followed.

use jiff::Timestamp;

use crate::{InstanceId, WorkloadId};

/// Which output a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The instance that wrote it.
    pub instance: InstanceId,
    /// The workload of that instance.
    pub workload: WorkloadId,
    /// When it was read from the process.
    pub time: Timestamp,
    /// Where it was written.
    pub stream: Stream,
    /// The line without its end; bytes that are not UTF-8 are replaced.
    pub message: String,
}

/// Which lines are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// The tool that owns the job.
    pub tool: String,
    /// The job.
    pub name: String,
    /// Only this workload: one run of the job.
    pub workload: Option<WorkloadId>,
    /// Only this output.
    pub stream: Option<Stream>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// At most so many of the **most recent** lines in the window, over all pages.
    pub lines: Option<u64>,
    /// The order of entries and pages.
    pub direction: Direction,
    /// At most so many entries in one page.
    pub page_size: usize,
    /// Where the previous page ended.
    pub cursor: Option<Cursor>,
}

/// The order of entries and pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// As they were written.
    #[default]
    OldestFirst,
    /// The most recent first.
    NewestFirst,
}

/// A place between two entries, opaque to all but the engine that made it; printable ASCII without `&` and `#`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// Some entries, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The entries in the asked order.
    pub entries: Vec<LogEntry>,
    /// Present when there are more; such a page is never empty (contract 4.4).
    pub next: Option<Cursor>,
}
