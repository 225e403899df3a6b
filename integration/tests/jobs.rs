//! Jobs as their users meet them: through Toolforge's own client, through ours, over REST and over gRPC.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use integration::Client;

#[path = "jobs/change.rs"]
mod change;
#[path = "jobs/grpc.rs"]
mod grpc;
#[path = "jobs/idempotency.rs"]
mod idempotency;
#[path = "jobs/logs.rs"]
mod logs;
#[path = "jobs/oneoff.rs"]
mod oneoff;
#[path = "jobs/rest.rs"]
mod rest;
#[path = "jobs/schedule.rs"]
mod schedule;
#[path = "jobs/tables.rs"]
mod tables;

/// Every scenario runs with each of them.
const CLIENTS: [(Client, &str); 2] = [(Client::Python, "by-python"), (Client::Ours, "by-ours")];

/// The image of the machine's own programs.
const SHELL: &str = "bookworm";
/// The image with Python.
const PYTHON: &str = "python3.11";
