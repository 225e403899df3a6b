//! The service from outside: every call over a mesh server in memory, with homes, certificates and time in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod contended;
mod refusals;
mod tools;
mod world;
