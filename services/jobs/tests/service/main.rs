//! The service from outside: every call over a mesh server in memory, on a store and an engine in memory whose clock
//! only the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod attach;
mod changes;
mod faults;
mod jobs;
mod logs;
mod pages;
mod refusals;
mod repetition;
mod runs;
mod site;
mod time;
mod world;
