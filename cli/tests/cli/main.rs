//! The binary against a platform of this process: the generated services over the mesh's server, with TLS and the
//! authorization of the protos, and replies that each test writes. Tables and dumps are compared with files that the
//! former client has written (`tests/golden`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::wildcard_imports, reason = "tests")]

mod formats;
mod help;
mod jobs;
mod load;
mod logs;
mod platform;
mod plugins;
mod runs;
mod samples;
mod services;
mod trust;
mod wait;
