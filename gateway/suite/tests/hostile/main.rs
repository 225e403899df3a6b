//! Hostile input: every line has its required answer, and nothing that is refused reaches the backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod bodies;
mod frames;
mod headers;
mod json;
mod methods;
mod paths;
mod query;
mod replies;
mod world;
