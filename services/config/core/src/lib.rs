//! What a tool is: its name, its unix id, its home, its certificate; and how it comes and goes.
//!
//! Rules and use cases alone. Where records are kept, how a home is made and who signs a certificate are ports:
//! [`Repository`], [`Tenancy`] and [`Issuer`], with an implementation for one machine and one for Kubernetes each.

mod error;
mod name;
mod ports;
mod tool;
mod tools;

#[cfg(feature = "memory")]
pub mod memory;

pub use error::{Error, PortError};
pub use name::{InvalidName, ToolName};
pub use ports::{Answer, Clock, Ids, Issuer, Repository, Saved, Stale, Tenancy};
pub use tool::{Certificate, Change, Credentials, Located, Removal, Tool, UNIX_IDS};
pub use tools::Tools;
