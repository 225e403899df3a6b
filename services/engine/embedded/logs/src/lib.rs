//! Log segments: framed, size-capped files of a workload's output.
//!
//! # Layout
//!
//! ```text
//! <root>/<tool>/<job>/<workload>/<instance>/<ordinal>-<start>.seg
//! ```
//!
//! The names of tool, job, workload and instance are escaped by [`leaf`], reversibly, so a directory says by itself
//! whose output it holds. `ordinal` is the number of the first entry of the segment among all entries of the
//! instance, and `start` the Unix time of that entry in microseconds; both are 16 hexadecimal digits, so that the
//! order of names is the order of entries and a window in time is found without opening a file.
//!
//! # Format of a segment
//!
//! Eight bytes of magic, then frames. All numbers are little-endian.
//!
//! ```text
//! crc32 (4) of all that follows in the frame | payload length (4) | Unix microseconds (8) | kind (1) | payload
//! ```
//!
//! Kinds are 1 standard output and 2 standard error, with the line (without its end) as payload, and 0 for lines
//! that were lost, with their number (8 bytes). The first frame that is not whole ends a segment. Times never go
//! backwards within an instance, and the modification time of the last segment is not (by more than a second) before
//! that of its last entry.
//!
//! Retention drops whole segments, so a place in the output is (time, instance, ordinal), never an offset.
//!
//! [`Writer`] is the whole of what the holder of an instance needs: it has no thread, no runtime, and one buffer.

mod frame;
mod scan;
mod segment;
#[cfg(feature = "store")]
mod store;
mod writer;

pub use frame::MAX_LINE;
pub use segment::leaf;
#[cfg(feature = "store")]
pub use store::{Logs, Retention, Swept};
pub use writer::{Limits, STDERR, STDOUT, Writer};
