//! The server: listeners, an accept and serve loop with every limit explicit, the layers, and drain.
//!
//! Layers, outside in: trace, peer identity, shed, deadline, size limit, first frame, authorization, catch-panic.
//! Every transport has the same: sockets with TLS or without, Unix sockets, and memory.

mod accept;
mod connection;
mod limits;
mod listen;
mod pipeline;
mod preface;
mod services;
mod shed;
mod stalled;

use std::sync::Arc;
use std::time::Duration;

use options::Table;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::drain::{Drain, Grace};

pub use limits::Limits;
pub use listen::Listener;
pub use services::Services;

use pipeline::Pipeline;

/// Why a server cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The descriptor set is not one, or names a tool field that does not exist.
    #[error("descriptor set: {0}")]
    Descriptors(#[from] options::Error),
    /// A service is served of which no descriptor set says who may call it.
    #[error("service {0} has no methods in the descriptor sets: nobody could call it")]
    Undescribed(String),
    /// Reflection cannot be made of the descriptor set.
    #[error("reflection: {0}")]
    Reflection(String),
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// Every connection was closed by itself.
    Clean,
    /// The drain deadline passed with this many connections open.
    Cut(usize),
}

/// Collects what a server is made of.
#[derive(Debug, Default)]
pub struct Builder {
    services: Services,
    descriptors: Vec<&'static [u8]>,
    public_reflection: bool,
    limits: Limits,
    grace: Grace,
}

impl Builder {
    /// The encoded descriptor set of the services: who may call what, and what reflection answers.
    pub fn descriptors(mut self, descriptor_set: &'static [u8]) -> Self {
        self.descriptors.push(descriptor_set);
        self
    }

    /// Lets callers without a credential use reflection; otherwise it takes any principal.
    pub fn public_reflection(mut self, public: bool) -> Self {
        self.public_reflection = public;
        self
    }

    /// Other limits than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Other stages of drain than the default ones.
    pub fn grace(mut self, grace: Grace) -> Self {
        self.grace = grace;
        self
    }

    /// Builds the server. Every service must be described: what nobody has a rule for cannot be called.
    pub fn build(self) -> Result<Server, BuildError> {
        let Self { services, descriptors, public_reflection, limits, grace } = self;
        let table = table(&descriptors)?;
        for name in services.names() {
            let prefix = format!("/{name}/");
            if !table.iter().any(|(path, _)| path.starts_with(&prefix)) {
                return Err(BuildError::Undescribed(name.to_owned()));
            }
        }
        #[cfg(feature = "reflection")]
        let services = crate::reflection::add(services, &descriptors)?;
        #[cfg(feature = "health")]
        let (services, health) = crate::health::add(services);
        Ok(Server {
            pipeline: Arc::new(Pipeline::new(services, table, public_reflection, &limits)),
            limits: Arc::new(limits),
            grace,
            #[cfg(feature = "health")]
            health,
        })
    }
}

/// Once a minute, until the drain.
async fn upkeep(closing: CancellationToken) {
    while timeout(Duration::from_mins(1), closing.cancelled()).await.is_err() {
        crate::telemetry::upkeep();
    }
}

fn table(descriptors: &[&[u8]]) -> Result<Table, options::Error> {
    // descriptor sets that follow one another are the encoding of one set with all their files
    Table::read(&descriptors.concat())
}

/// A server that is ready to serve.
#[derive(Debug)]
pub struct Server {
    pipeline: Arc<Pipeline>,
    limits: Arc<Limits>,
    grace: Grace,
    #[cfg(feature = "health")]
    health: crate::health::Health,
}

impl Server {
    /// A server of these services.
    pub fn builder(services: Services) -> Builder {
        Builder { services, ..Builder::default() }
    }

    /// Its health, `NOT_SERVING` until [`crate::health::Health::ready`] is called.
    #[cfg(feature = "health")]
    pub fn health(&self) -> &crate::health::Health {
        &self.health
    }

    /// Serves on all listeners until the drain begins, then drains, and returns when that is over.
    ///
    /// The stages: `NOT_SERVING`, a pause, no more accepting and GOAWAY on every connection, the end of streams, the hard stop.
    pub async fn serve(self, listeners: Vec<Listener>, drain: Drain) -> Drained {
        let Self { pipeline, limits, grace, .. } = &self;
        let drain = drain.child();
        let closing = CancellationToken::new();
        let (loops, tasks) = (TaskTracker::new(), TaskTracker::new());
        let slots = Arc::new(tokio::sync::Semaphore::new(limits.connections));
        for listener in listeners {
            let shared = connection::Shared {
                pipeline: Arc::clone(pipeline),
                limits: Arc::clone(limits),
                drain: drain.clone(),
                closing: closing.clone(),
            };
            loops.spawn(accept::run(listener, shared, Arc::clone(&slots), tasks.clone()));
        }
        loops.spawn(upkeep(closing.clone()));
        loops.close();
        tasks.close();
        drain.begun().await;
        #[cfg(feature = "health")]
        self.health.stopping();
        let stages = async {
            sleep(grace.announce).await;
            closing.cancel();
            loops.wait().await;
            let _ = timeout(grace.streams, tasks.wait()).await;
            drain.end_streams();
            tasks.wait().await;
        };
        let ended = tokio::select! {
            ended = timeout(grace.total, stages) => ended.is_ok(),
            () = drain.stopped() => false,
        };
        let open = tasks.len();
        closing.cancel();
        drain.stop();
        loops.wait().await;
        tasks.wait().await;
        if ended || open == 0 { Drained::Clean } else { Drained::Cut(open) }
    }
}
