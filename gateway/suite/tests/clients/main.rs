//! Clients of others against the real listener, and a server of others behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod browser;
mod commands;
mod grpc_web;
mod unknown_server;
