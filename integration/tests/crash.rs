//! Promises 1 to 8 of the architecture, with real processes: servers killed under load, at every named durable step, and
//! ended in order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

#[path = "crash/api.rs"]
mod api;
#[path = "crash/lifecycle.rs"]
mod lifecycle;
#[path = "crash/machine.rs"]
mod machine;
#[path = "crash/storm.rs"]
mod storm;
#[path = "crash/sweep.rs"]
mod sweep;
