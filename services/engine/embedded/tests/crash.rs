//! A server that is killed at any moment: what runs goes on and is taken over, exit codes stay true, nothing is left over.
//!
//! This binary is the test, the server that is killed, and the holder of its runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

fn main() {
    engine_shim::dispatch();
}
