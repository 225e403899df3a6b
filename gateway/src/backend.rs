//! A gRPC server behind the gateway, at one or more endpoints.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use mesh::client::Channel;
use tonic::{Code, Status};

use crate::descriptors::Descriptors;
use crate::reflect::Files;

/// An endpoint with this bit is there, says that it serves, and its schema is known.
pub(crate) const READY: u8 = 1;

/// An endpoint with this bit serves the schema in force.
pub(crate) const SAME: u8 = 2;

/// A gRPC server behind the gateway, with its name for logs and errors.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name, for example `jobs`.
    pub name: String,
    channel: Channel,
    /// What it serves, where that is not asked of it.
    described: Arc<ArcSwapOption<Files>>,
    /// Paths of methods that are not the same at every endpoint: they are called only where the schema in force is.
    differing: Arc<ArcSwap<HashSet<String>>>,
}

impl Backend {
    /// A backend at the endpoints of this channel, which serve the same. The gateway decides which of them is called for
    /// what, over connections of its own.
    pub fn new(name: impl Into<String>, channel: &Channel) -> Self {
        Self {
            name: name.into(),
            channel: channel.gated(),
            described: Arc::default(),
            differing: Arc::default(),
        }
    }

    /// A backend whose schema is given: it needs no reflection.
    #[must_use]
    pub fn with_descriptors(self, descriptors: Descriptors) -> Self {
        self.describe(descriptors.0);
        self
    }

    /// What it serves, where that is given.
    pub(crate) fn described(&self) -> Option<Arc<Files>> {
        self.described.load_full()
    }

    pub(crate) fn describe(&self, files: Files) {
        self.described.store(Some(Arc::new(files)));
    }

    /// The same backend over connections of its own.
    pub(crate) fn apart(&self) -> Self {
        Self { channel: self.channel.apart(), ..self.clone() }
    }

    /// What a method is called over: the endpoints that are ready and have it as the schema in force has it.
    pub(crate) fn channel(&self, path: &str) -> Channel {
        let differing = self.differing.load();
        let differs = !differing.is_empty() && differing.contains(path);
        self.channel.needing(if differs { READY | SAME } else { READY })
    }

    /// All endpoints, to follow them one by one.
    pub(crate) fn endpoints(&self) -> &Channel {
        &self.channel
    }

    /// Says which methods are not the same at every endpoint.
    pub(crate) fn differ(&self, paths: HashSet<String>) {
        self.differing.store(Arc::new(paths));
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
