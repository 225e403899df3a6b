//! Drops output that is too old or too much.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::tree::{children, is_absent, segments};

/// An empty directory is removed after so long: sooner, somebody may be about to write into it.
const SETTLED: Duration = Duration::from_hours(1);

/// How much output is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Entries older than this are dropped, a segment at a time.
    pub max_age: Duration,
    /// The oldest segments of a tool are dropped while it has more.
    pub tool_bytes: u64,
}

impl Default for Retention {
    /// 14 days (contract 4.4) and 1 GiB.
    fn default() -> Self {
        Self { max_age: Duration::from_hours(14 * 24), tool_bytes: 1 << 30 }
    }
}

/// What was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Number of segments.
    pub segments: u64,
    /// Their size together.
    pub bytes: u64,
}

/// A segment that may be dropped.
#[derive(Debug)]
struct Candidate {
    path: PathBuf,
    /// The time of its last entry, or later.
    end: SystemTime,
    bytes: u64,
}

/// What a tool has.
#[derive(Debug, Default)]
struct Tool {
    candidates: Vec<Candidate>,
    /// All bytes, those that must stay included.
    bytes: u64,
    /// Directories, a parent before its children.
    dirs: Vec<PathBuf>,
}

/// Sweeps every tool, and answers with the first error afterwards.
pub(super) fn sweep(
    root: &Path,
    now: Timestamp,
    retention: &Retention,
    lives: &dyn Fn(&str) -> bool,
) -> io::Result<Swept> {
    let now = SystemTime::from(now);
    let mut swept = Swept::default();
    let mut failed = None;
    for (_, dir) in children(root)? {
        if let Err(error) = sweep_tool(&dir, now, retention, lives, &mut swept) {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Removes a directory with all it holds, where it is.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

fn sweep_tool(
    dir: &Path,
    now: SystemTime,
    retention: &Retention,
    lives: &dyn Fn(&str) -> bool,
    swept: &mut Swept,
) -> io::Result<()> {
    let Tool { mut candidates, mut bytes, dirs } = survey(dir, lives)?;
    candidates.sort_by_key(|candidate| candidate.end);
    for candidate in candidates {
        let age = now.duration_since(candidate.end).unwrap_or_default();
        if age <= retention.max_age && bytes <= retention.tool_bytes {
            break;
        }
        match fs::remove_file(&candidate.path) {
            Err(error) if !is_absent(&error) => return Err(error),
            _ => {}
        }
        bytes -= candidate.bytes;
        swept.segments += 1;
        swept.bytes += candidate.bytes;
    }
    for dir in dirs.iter().rev() {
        if is_settled(dir, now) {
            // one that is not empty stays
            let _ = fs::remove_dir(dir);
        }
    }
    Ok(())
}

fn survey(dir: &Path, lives: &dyn Fn(&str) -> bool) -> io::Result<Tool> {
    let mut tool = Tool { dirs: vec![dir.to_path_buf()], ..Tool::default() };
    for (_, job) in children(dir)? {
        tool.dirs.push(job.clone());
        for (_, workload) in children(&job)? {
            tool.dirs.push(workload.clone());
            for (instance, leaf) in children(&workload)? {
                let lives = lives(&instance);
                tool.survey_leaf(&leaf, lives)?;
                if !lives {
                    tool.dirs.push(leaf);
                }
            }
        }
    }
    Ok(tool)
}

impl Tool {
    fn survey_leaf(&mut self, leaf: &Path, lives: bool) -> io::Result<()> {
        let (segments, _) = segments(leaf)?;
        for (number, segment) in segments.iter().enumerate() {
            let path = segment.path(leaf);
            let metadata = match fs::metadata(&path) {
                Err(error) if is_absent(&error) => continue,
                metadata => metadata?,
            };
            self.bytes += metadata.len();
            let end = match segments.get(number + 1) {
                Some(next) => SystemTime::UNIX_EPOCH + Duration::from_micros(next.start),
                None if lives => continue,
                None => metadata.modified()?,
            };
            self.candidates.push(Candidate { path, end, bytes: metadata.len() });
        }
        Ok(())
    }
}

fn is_settled(dir: &Path, now: SystemTime) -> bool {
    let modified = fs::metadata(dir).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > SETTLED))
}
