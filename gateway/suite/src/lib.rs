//! What the gateway is held against: backends, clients and programs that are not its own.
//!
//! [`Backend`] serves the test services of `proto/` with tonic, reflection and health, as anybody's server would;
//! [`RawBackend`] answers any gRPC path with bytes given before, hostile ones too. [`Gateway`] starts the real program
//! and [`Client`] talks HTTP/1.1 to it byte by byte. The suites are in `tests/`; `./setup` installs what they need.

mod backend;
mod client;
mod contract;
mod envoy;
mod library;
mod process;
pub mod proto;
mod raw;
mod server;
mod shapes;
mod tools;

pub use backend::{Backend, Version};
pub use client::{Answer, Client, Part, Streamed};
pub use contract::{Contract, Except, Outcome};
pub use envoy::Envoy;
pub use library::{Library, book};
pub use process::{Gateway, Ready};
pub use raw::{RawAnswer, RawBackend, RawRequest, frame};
pub use shapes::Shapes;
pub use tools::{conformance_runner, npm_package, program, python, tell};
