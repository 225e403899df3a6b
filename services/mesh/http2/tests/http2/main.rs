//! The client's side of HTTP/2 against another implementation of the server's side, and against servers that break rules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod hostile;
mod interop;
mod noise;
mod wire;
mod world;
