//! Tables: the three that the former clients print, byte for byte, and our own columns.

mod columns;
mod tabulate;

pub(crate) use columns::columns;
pub(crate) use tabulate::{grid, pretty, simple};
