//! Finds the directories that hold the output a query asks for.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine::LogQuery;

use crate::segment::{Segment, escape, list, unescape};

/// By how much a file's modification time may be before its last entry's: the writer's tolerance, and the coarse clock
/// of file systems.
const SLACK: Duration = Duration::from_secs(1);

/// The directory of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) dir: PathBuf,
    pub(super) workload: String,
    pub(super) instance: String,
}

/// The leaves that a query asks for, in the order of instances.
pub(super) fn leaves(root: &Path, query: &LogQuery) -> io::Result<Vec<Leaf>> {
    let job = root.join(escape(&query.tool)).join(escape(&query.name));
    let mut leaves = Vec::new();
    for (workload, dir) in workloads(&job, query)? {
        for (instance, dir) in children(&dir)? {
            leaves.push(Leaf { dir, workload: workload.clone(), instance });
        }
    }
    leaves.sort_unstable_by(|a, b| (&a.instance, &a.workload).cmp(&(&b.instance, &b.workload)));
    Ok(leaves)
}

/// The workloads of a job that a query asks for.
pub(super) fn workloads(job: &Path, query: &LogQuery) -> io::Result<Vec<(String, PathBuf)>> {
    match &query.workload {
        Some(id) => Ok(vec![(id.0.clone(), job.join(escape(&id.0)))]),
        None => children(job),
    }
}

/// The directories in a directory with the names that they stand for; none where there is no such directory.
pub(super) fn children(dir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(unescape);
        if let Some(name) = name.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            children.push((name, entry.path()));
        }
    }
    Ok(children)
}

/// The segments of a leaf, and the latest time that any entry in them can have; none where retention has just
/// removed it.
pub(super) fn segments(dir: &Path) -> io::Result<(Vec<Segment>, i64)> {
    let segments = match list(dir) {
        Err(error) if is_absent(&error) => Vec::new(),
        segments => segments?,
    };
    let latest = match segments.last().map(|last| fs::metadata(last.path(dir))) {
        None => i64::MIN,
        Some(Err(error)) if is_absent(&error) => i64::MAX,
        Some(metadata) => {
            let since = metadata?.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            i64::try_from((since + SLACK).as_micros()).unwrap_or(i64::MAX)
        }
    };
    Ok((segments, latest))
}

/// Opens a segment; none where retention has removed it.
pub(super) fn open_file(dir: &Path, segment: &Segment) -> io::Result<Option<File>> {
    match File::open(segment.path(dir)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error means that there is nothing: a name that no file can have is never there.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}
