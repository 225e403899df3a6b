//! Writes one instance's output; never fails and never blocks on anything but the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::disk::{Disk, FileSystem};
use crate::frame::{HEAD, LOST, MAGIC, MAX_LINE, encode};
use crate::scan::{Scanner, has_magic};
use crate::segment::{Segment, list};

mod disk;
#[cfg(test)]
mod tests;

/// The stream number of standard output.
pub const STDOUT: u8 = 1;
/// The stream number of standard error.
pub const STDERR: u8 = 2;

/// How far a clock may go back before the segment's modification time says what the entries say; see
/// [`push`](Core::push).
const JITTER: i64 = 500_000;

/// What is buffered before it is written without being asked.
const BATCH: usize = 32 * 1024;

/// How much of an instance's output is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A segment is closed before it would grow larger (a single entry may be).
    pub segment_bytes: u64,
    /// The oldest segments are dropped before all would be larger; at least two segments.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 1 << 20, total_bytes: 64 << 20 }
    }
}

/// The output of one instance on its way to disk.
///
/// Nothing here fails towards the process that writes: what cannot be kept is counted, and the count is written
/// when there is room again. Entries reach the page cache, not the disk itself: they survive the end of any process,
/// and the loss of power as far as the file system does.
#[derive(Debug)]
pub struct Writer {
    core: Core<FileSystem>,
}

impl Writer {
    /// Opens or creates the directory of an instance's output, made by [`leaf`](crate::leaf), and continues where an
    /// earlier writer ended; a torn entry at the end is cut off. One writer at a time.
    pub fn open(dir: &Path, limits: Limits) -> io::Result<Self> {
        Core::open(FileSystem, dir, limits).map(|core| Self { core })
    }

    /// Keeps a line (without its end) at once. `stream` is [`STDOUT`] or [`STDERR`].
    pub fn append(&mut self, stream: u8, unix_micros: i64, line: &[u8]) {
        self.core.push(stream, unix_micros, line);
        self.core.flush();
    }

    /// Keeps a line with the next [`flush`](Self::flush), or earlier: for many lines that were read at once.
    pub fn push(&mut self, stream: u8, unix_micros: i64, line: &[u8]) {
        self.core.push(stream, unix_micros, line);
    }

    /// Writes what was pushed.
    pub fn flush(&mut self) {
        self.core.flush();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.core.flush();
    }
}

/// A segment that exists, with its size.
#[derive(Debug)]
struct Kept {
    segment: Segment,
    bytes: u64,
}

#[derive(Debug)]
struct Core<D> {
    disk: D,
    dir: PathBuf,
    limits: Limits,
    /// Oldest first; `file` is the last one, where there is a file.
    kept: Vec<Kept>,
    file: Option<File>,
    /// The number of the next entry that reaches the disk.
    ordinal: u64,
    /// Time never goes back behind this.
    micros: i64,
    /// The clock is behind that.
    behind: bool,
    /// Frames on their way to `file`, how many, when the first was, and how many lost lines they tell of.
    buffer: Vec<u8>,
    buffered: u64,
    first: i64,
    telling: u64,
    /// Lines lost and not told of.
    lost: u64,
}

impl<D: Disk> Core<D> {
    fn open(disk: D, dir: &Path, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut kept = Vec::new();
        for segment in list(dir)? {
            kept.push(Kept { segment, bytes: fs::metadata(segment.path(dir))?.len() });
        }
        let mut core = Self {
            disk,
            dir: dir.to_path_buf(),
            limits,
            kept,
            file: None,
            ordinal: 0,
            micros: 0,
            behind: false,
            buffer: Vec::with_capacity(BATCH),
            buffered: 0,
            first: 0,
            telling: 0,
            lost: 0,
        };
        core.resume()?;
        Ok(core)
    }

    /// Continues in the last segment, after its last whole frame.
    fn resume(&mut self) -> io::Result<()> {
        let Some(last) = self.kept.last_mut() else {
            return Ok(());
        };
        self.micros = i64::try_from(last.segment.start).unwrap_or(i64::MAX);
        let file = File::options().read(true).write(true).open(last.segment.path(&self.dir))?;
        if !has_magic(&file)? {
            // torn before its first entry, or of another version: leave it alone and skip the numbers it may have used
            self.ordinal = last.segment.ordinal.saturating_add(last.bytes);
            return Ok(());
        }
        let mut scanner = Scanner::new(std::mem::take(&mut self.buffer));
        self.ordinal = last.segment.ordinal;
        while let Some(frame) = scanner.next(&file)? {
            self.ordinal += 1;
            self.micros = self.micros.max(frame.micros);
        }
        if scanner.offset() != last.bytes {
            file.set_len(scanner.offset())?;
            last.bytes = scanner.offset();
        }
        self.buffer = scanner.into_buffer();
        self.buffer.clear();
        self.buffer.shrink_to(BATCH);
        self.file = Some(file);
        Ok(())
    }

    /// Readers take from a segment's modification time that no entry is much later; so when the clock was set back,
    /// that time is set forward to the last entry's.
    fn push(&mut self, stream: u8, micros: i64, line: &[u8]) {
        self.behind = micros < self.micros.saturating_sub(JITTER);
        self.micros = self.micros.max(micros);
        let kind = if stream == STDERR { STDERR } else { STDOUT };
        let mut rest = line;
        while rest.len() > MAX_LINE {
            let (part, tail) = rest.split_at(boundary(rest));
            self.frame(kind, part);
            rest = tail;
        }
        self.frame(kind, rest);
    }

    /// Buffers one frame, and before it the number of lines that were lost.
    fn frame(&mut self, kind: u8, payload: &[u8]) {
        if self.buffered > 0 && !self.fits(HEAD + payload.len()) {
            self.flush();
        }
        if self.buffered == 0 {
            self.first = self.micros;
            if self.lost > 0 {
                encode(&mut self.buffer, LOST, self.micros, &self.lost.to_le_bytes());
                self.buffered = 1;
                self.telling = self.lost;
            }
        }
        encode(&mut self.buffer, kind, self.micros, payload);
        self.buffered += 1;
        if self.buffer.len() >= BATCH {
            self.flush();
        }
    }

    /// Whether so many bytes more may go where the buffered ones go.
    fn fits(&self, more: usize) -> bool {
        let present = match (&self.file, self.kept.last()) {
            (Some(_), Some(last)) if self.has_room(last, self.buffer.len()) => last.bytes,
            _ => MAGIC.len() as u64,
        };
        present + (self.buffer.len() + more) as u64 <= self.limits.segment_bytes
    }

    /// A segment without entries takes any.
    fn has_room(&self, last: &Kept, more: usize) -> bool {
        last.bytes <= MAGIC.len() as u64 || last.bytes + more as u64 <= self.limits.segment_bytes
    }

    /// Writes the buffer, making room by dropping the oldest segments where the disk is full.
    fn flush(&mut self) {
        if self.buffered == 0 {
            return;
        }
        loop {
            match self.write() {
                Ok(()) => {
                    self.ordinal += self.buffered;
                    self.lost -= self.telling;
                    break;
                }
                Err(error) if is_full(&error) && self.drop_oldest_for_room() => {}
                Err(_) => {
                    self.lost += self.buffered - u64::from(self.telling > 0);
                    break;
                }
            }
        }
        self.buffer.clear();
        self.buffer.shrink_to(BATCH);
        self.buffered = 0;
        self.telling = 0;
    }

    fn write(&mut self) -> io::Result<()> {
        let room = self.kept.last().is_some_and(|last| self.has_room(last, self.buffer.len()));
        if self.file.is_none() || !room {
            self.rotate()?;
        }
        let (Some(file), Some(last)) = (&self.file, self.kept.last_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Err(error) = self.disk.write(file, &self.buffer, last.bytes) {
            // a part of the frames may be there: nobody must take it for kept
            let _ = file.set_len(last.bytes);
            return Err(error);
        }
        last.bytes += self.buffer.len() as u64;
        if self.behind {
            let time = Duration::from_micros(u64::try_from(self.micros).unwrap_or(0));
            // without it, readers may show these entries in another order
            let _ = file.set_modified(SystemTime::UNIX_EPOCH + time);
        }
        Ok(())
    }

    /// Begins a segment, and drops the oldest ones that are over the limit.
    fn rotate(&mut self) -> io::Result<()> {
        let upcoming = self.limits.segment_bytes.max(self.buffer.len() as u64);
        let total = self.limits.total_bytes.max(self.limits.segment_bytes.saturating_mul(2));
        let mut bytes: u64 = self.kept.iter().map(|kept| kept.bytes).sum();
        while !self.kept.is_empty() && bytes + upcoming > total {
            bytes -= self.drop_oldest().bytes;
        }
        let start = u64::try_from(self.first).unwrap_or(0);
        let segment = Segment { ordinal: self.ordinal, start };
        let path = segment.path(&self.dir);
        let file = self.disk.create(&path)?;
        if let Err(error) = self.disk.write(&file, &MAGIC, 0) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.file = Some(file);
        self.kept.push(Kept { segment, bytes: MAGIC.len() as u64 });
        Ok(())
    }

    /// Drops the oldest segment when another one remains, and counts its lines as lost.
    fn drop_oldest_for_room(&mut self) -> bool {
        let [oldest, next, ..] = self.kept.as_slice() else {
            return false;
        };
        self.lost += next.segment.ordinal - oldest.segment.ordinal;
        self.drop_oldest();
        true
    }

    fn drop_oldest(&mut self) -> Kept {
        let oldest = self.kept.remove(0);
        if self.kept.is_empty() {
            self.file = None;
        }
        // one that is gone already is as good
        let _ = self.disk.remove(&oldest.segment.path(&self.dir));
        oldest
    }
}

/// Where to cut an overlong line: not inside a character.
fn boundary(line: &[u8]) -> usize {
    let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (MAX_LINE - 3..=MAX_LINE).rev().find(|at| !is_inside(*at)).unwrap_or(MAX_LINE)
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
