//! The config service: tools today; envvars, tool configuration and deployments come beside them.
//!
//! [`service`] is the edge. [`Authority`] and [`Homes`] are the ports' implementations for one machine.

mod authority;
mod durable;

mod grpc;
mod homes;
mod records;

pub use authority::{Authority, AuthorityError, Identity};

pub use grpc::{Deps, service};
pub use homes::{Addresses, Homes, Ownership};
pub use records::Records;
