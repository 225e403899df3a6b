//! The mesh from outside: a service of raw tonic pieces, called through channels, over memory, sockets and TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod calls;
mod connections;
mod deadlines;
mod descriptors;
mod drain;
mod echo;
mod introspection;
mod tls;
mod world;
