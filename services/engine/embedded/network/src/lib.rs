//! An address of its own for every instance on this machine, as a pod has (`design/engines.md`, "Embedded").
//!
//! As root, every instance gets a network namespace that is kept by a bind mount, a veth pair that ends in it, and an
//! address. Everything between an instance and the world is routed through the host and passes one nftables table,
//! which keeps tools apart, refuses the machine's own sockets, lets nobody use another's address, balances service
//! addresses over ready replicas, and masquerades what leaves. All of it is kernel state: it goes on working while no
//! server runs, and [`Network::open`] takes it over again.
//!
//! Without root there are no addresses ([`Network::rootless`]), and [`Network::capabilities`] says so.

mod claim;
mod error;
mod hosts;
mod machine;
mod name;
mod namespace;
mod netlink;
mod network;
mod nft;
mod options;
mod resolver;
mod route;
mod rules;
mod state;
mod subnet;

pub use error::Error;
pub use network::{Attached, Attachment, Capabilities, Network};
pub use options::{Allow, Options, Protocol};
pub use subnet::Subnet;
