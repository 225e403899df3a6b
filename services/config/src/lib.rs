//! The config service: tools today; envvars, tool configuration and deployments come beside them.
//!
//! [`service`] is the edge. [`Authority`] and [`Homes`] are the ports' implementations for one machine; with the feature
//! `embedded` there is everything that its own binary is made of.

mod authority;
#[cfg(feature = "embedded")]
pub mod embedded;
mod grpc;
mod homes;
mod keep;
mod machine;
mod records;

pub use authority::{Authority, AuthorityError, Identity};
pub use grpc::{Deps, service};
pub use homes::{Addresses, Homes, Ownership};
pub use keep::keep;
pub use machine::Machine;
pub use records::Records;
