//! The chassis of every service: serving, calling, identity, authorization, deadlines, drain and telemetry.
//!
//! One small module and one Cargo feature per concern. The crate knows gRPC, HTTP and the `options` on methods; it
//! knows no service. The connection layer is our own (hyper serves, `mesh_http2` calls): limits are set explicitly,
//! connection age never cuts a stream, deadlines cover bodies, and a call that a server has not processed is sent again.

#[cfg(feature = "args")]
pub mod args;
pub mod authorize;
pub mod body;
#[cfg(feature = "client")]
pub mod client;
pub mod deadline;
pub mod drain;
pub mod frame;
#[cfg(feature = "transport")]
pub mod gather;
#[cfg(feature = "health")]
pub mod health;
pub mod identity;
#[cfg(feature = "transport")]
pub mod memory;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "args")]
pub mod program;
pub mod redact;
#[cfg(feature = "reflection")]
pub mod reflection;
#[cfg(feature = "transport")]
pub mod rewind;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "status")]
pub mod status;
pub mod telemetry;
pub mod trace;
#[cfg(any(feature = "client", feature = "serve"))]
mod transport;
