//! A router between real clients and real servers over loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod drain;
mod message;
mod refuse;
mod stage;
mod stream;
