//! The jobs service: gRPC edge and records. It hosts the log service, which reads the same engine.
//!
//! [`service`] is the edge, [`Records`] the repository over a record store; rules live in `jobs-core`.

mod grpc;
mod records;
mod tenants;

pub use grpc::{Deps, service};
pub use records::Records;
pub use tenants::follow_tools;
