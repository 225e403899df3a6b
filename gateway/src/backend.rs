//! A gRPC server behind the gateway.

use mesh::client::Channel;

/// A gRPC server behind the gateway, with its name for logs and health.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name, for example `jobs`.
    pub name: String,
    /// How it is reached.
    pub channel: Channel,
}
