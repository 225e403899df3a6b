//! Fixtures for tests, and the use cases over engine and records in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
