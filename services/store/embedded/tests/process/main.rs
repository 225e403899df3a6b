//! What only a process of its own can show: kills at any moment, a failing fsync, a full disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod child;
mod crash;
mod fsync;
mod full;
