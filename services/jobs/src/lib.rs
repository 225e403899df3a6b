//! The jobs service: gRPC edge and records. It hosts the log service, which reads the same engine.
//!
//! [`service`] is the edge, [`Records`] the repository over a record store; rules live in `jobs-core`. With the feature
//! `embedded` there is everything that its own binary is made of.

#[cfg(feature = "embedded")]
pub mod embedded;
mod grpc;
mod machine;
mod records;
mod tenants;

pub use grpc::{Deps, service};
pub use machine::Machine;
pub use records::Records;
pub use tenants::follow_tools;
