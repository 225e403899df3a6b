//! A frame on its way to become a log entry.

use engine::{InstanceId, LogEntry, Stream, WorkloadId};
use jiff::Timestamp;

use super::tree::Leaf;
use crate::STDERR;
use crate::frame::{Frame, LOST};

/// The place of an entry within its instance: time, then number.
pub(super) type Place = (i64, u64);

/// A frame that was read, with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) place: Place,
    kind: u8,
    payload: Vec<u8>,
}

impl Raw {
    pub(super) fn new(frame: &Frame<'_>, ordinal: u64) -> Self {
        Self { place: (frame.micros, ordinal), kind: frame.kind, payload: frame.payload.to_vec() }
    }

    /// The entry that users see; lines that were lost are told of on standard error.
    pub(super) fn entry(self, leaf: &Leaf) -> LogEntry {
        let message = match (self.kind, <[u8; 8]>::try_from(self.payload.as_slice())) {
            (LOST, Ok(count)) => lost(u64::from_le_bytes(count)),
            _ => String::from_utf8(self.payload)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        };
        LogEntry {
            instance: InstanceId(leaf.instance.clone()),
            workload: WorkloadId(leaf.workload.clone()),
            time: Timestamp::from_microsecond(self.place.0).unwrap_or(Timestamp::UNIX_EPOCH),
            stream: stream(self.kind),
            message,
        }
    }
}

/// Whether a frame of this kind is asked for.
pub(super) fn is_wanted(kind: u8, wanted: Option<Stream>) -> bool {
    wanted.is_none_or(|wanted| wanted == stream(kind))
}

const fn stream(kind: u8) -> Stream {
    match kind {
        STDERR | LOST => Stream::Stderr,
        _ => Stream::Stdout,
    }
}

fn lost(count: u64) -> String {
    match count {
        1 => "(1 line was lost: disk full)".to_owned(),
        count => format!("({count} lines were lost: disk full)"),
    }
}
