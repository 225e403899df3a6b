//! Names of directories and segments.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".seg";

/// The directory of one instance's output below `root`.
pub fn leaf(root: &Path, tool: &str, job: &str, workload: &str, instance: &str) -> PathBuf {
    let mut path = root.to_path_buf();
    for name in [tool, job, workload, instance] {
        path.push(escape(name));
    }
    path
}

/// A file name for any text: bytes other than letters, digits, `-`, `_` and inner dots become `%` and two digits.
pub(crate) fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && index > 0) {
            escaped.push(char::from(byte));
        } else {
            // writing to a string cannot fail
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    if escaped.is_empty() { "%".to_owned() } else { escaped }
}

/// What [`escape`] was given.
#[cfg(feature = "store")]
pub(crate) fn unescape(escaped: &str) -> Option<String> {
    if escaped == "%" {
        return Some(String::new());
    }
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            name.push(byte);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        name.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(name).ok().filter(|name| escape(name) == escaped)
}

/// The name of a segment, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// The number of its first entry.
    pub(crate) ordinal: u64,
    /// The time of its first entry, in microseconds since 1970.
    pub(crate) start: u64,
}

impl Segment {
    /// Reads a file name; anything else in the directory is not ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (ordinal, start) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Self { ordinal: hex(ordinal)?, start: hex(start)? })
    }

    /// The time of its first entry, as entries have it.
    #[cfg(feature = "store")]
    pub(crate) fn micros(&self) -> i64 {
        i64::try_from(self.start).unwrap_or(i64::MAX)
    }

    /// Where it is.
    pub(crate) fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{:016x}-{:016x}{SUFFIX}", self.ordinal, self.start))
    }
}

/// The segments in a directory, oldest first.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        if let Some(segment) = entry?.file_name().to_str().and_then(Segment::parse) {
            segments.push(segment);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

fn hex(digits: &str) -> Option<u64> {
    let canonical = digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn hostile_names_stay_below_the_root() {
        let path = leaf(Path::new("/logs"), "..", "a/b", "", ".x");
        assert_eq!(path, Path::new("/logs/%2e./a%2fb/%/%2ex"));
    }

    #[cfg(feature = "store")]
    #[test]
    fn an_escaped_name_is_read_back_and_no_other() {
        for name in ["", ".", "..", "a.b-c_D9", "a/b", "é", "%", "%41"] {
            assert_eq!(unescape(&escape(name)).as_deref(), Some(name));
        }
        for foreign in [".x", "%4", "%zz", "%41", "%+1", "lost+found", "%ff"] {
            assert_eq!(unescape(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_segment_name_is_read_back() {
        let segment = Segment { ordinal: 255, start: 1_700_000_000_000_000 };
        let path = segment.path(Path::new("d"));
        assert_eq!(Segment::parse(path.file_name().unwrap().to_str().unwrap()), Some(segment));
        for foreign in ["", ".seg", "1-2.seg", "meta", "00000000000000FF-0000000000000000.seg", "-.seg"] {
            assert_eq!(Segment::parse(foreign), None, "{foreign}");
        }
    }
}
