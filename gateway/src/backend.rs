//! A gRPC server behind the gateway.

use mesh::client::Channel;
use tonic::{Code, Status};

/// A gRPC server behind the gateway, with its name for logs and errors.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name, for example `jobs`.
    pub name: String,
    /// How it is reached.
    pub channel: Channel,
}

impl Backend {
    /// The same backend over connections of its own.
    pub(crate) fn apart(&self) -> Self {
        Self { name: self.name.clone(), channel: self.channel.apart() }
    }

    /// What a caller is told of a failure between the gateway and this backend: that it is away, not how it is reached.
    pub(crate) fn lost(&self, status: Status) -> Status {
        if status.code() != Code::Unavailable {
            return status;
        }
        tracing::warn!(backend = self.name, error = status.message(), "a call did not get through");
        Status::unavailable(format!("the service {} is not available, please try again later", self.name))
    }
}
