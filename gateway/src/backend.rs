//! A gRPC server behind the gateway, at one or more endpoints.

mod versions;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::uri::PathAndQuery;
use mesh::client::Channel;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

use crate::descriptors::Descriptors;
use crate::reflect::Files;
use crate::schema::Methods;
pub(crate) use versions::{MOST, Versions};

/// How long a call waits for an endpoint that it can go to.
const WAIT: Duration = Duration::from_secs(2);

/// A gRPC server behind the gateway, with its name for logs and errors.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name, for example `jobs`.
    pub name: Arc<str>,
    channel: Channel,
    shared: Arc<Shared>,
    /// The methods as its caller knows them; none where that is the schema in force, whichever that is.
    methods: Option<Arc<Methods>>,
}

/// What all connections to a backend go by.
#[derive(Debug, Default)]
struct Shared {
    /// What it serves, where that is not asked of it.
    described: ArcSwapOption<Files>,
    versions: ArcSwap<Versions>,
    /// Marked when versions have changed.
    changed: watch::Sender<()>,
}

impl Backend {
    /// A backend at the endpoints of this channel, which serve the same. The gateway decides which of them is called for
    /// what, over connections of its own.
    pub fn new(name: impl Into<Arc<str>>, channel: &Channel) -> Self {
        Self { name: name.into(), channel: channel.gated(), shared: Arc::default(), methods: None }
    }

    /// A backend whose schema is given: it needs no reflection.
    #[must_use]
    pub fn with_descriptors(self, descriptors: Descriptors) -> Self {
        self.describe(descriptors.0);
        self
    }

    /// What it serves, where that is given.
    pub(crate) fn described(&self) -> Option<Arc<Files>> {
        self.shared.described.load_full()
    }

    pub(crate) fn describe(&self, files: Files) {
        self.shared.described.store(Some(Arc::new(files)));
    }

    /// The same backend over connections of its own.
    pub(crate) fn apart(&self) -> Self {
        Self { channel: self.channel.apart(), ..self.clone() }
    }

    /// The same backend for a caller who knows its methods as they are here.
    pub(crate) fn knowing(&self, methods: Option<Arc<Methods>>) -> Self {
        Self { methods, ..self.clone() }
    }

    /// What a method is called over: the endpoints that are ready and have it as the caller knows it.
    fn channel(&self, path: &PathAndQuery) -> Channel {
        let (shared, methods, path) = (Arc::clone(&self.shared), self.methods.clone(), path.clone());
        self.channel.needing(move || shared.versions.load().needs(methods.as_deref(), path.path()))
    }

    /// The same, once there is such an endpoint, with what is left of the time then. While it is awaited another version
    /// may come: bytes that were made for the former one do not go there.
    pub(crate) async fn reach(
        &self,
        path: &PathAndQuery,
        time: Option<Duration>,
    ) -> Result<(Channel, Option<Duration>), Status> {
        match self.fit(path)? {
            Some(channel) => Ok((channel, time)),
            // boxed, as what few calls need: a timer would make every call's own room larger
            None => Box::pin(self.wait(path, time)).await,
        }
    }

    async fn wait(
        &self,
        path: &PathAndQuery,
        time: Option<Duration>,
    ) -> Result<(Channel, Option<Duration>), Status> {
        let began = Instant::now();
        let until = began + time.map_or(WAIT, |time| time.min(WAIT));
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let fit = self.fit(path)?;
            let left = time.map(|time| time.saturating_sub(began.elapsed()));
            if let Some(channel) = fit {
                return Ok((channel, left));
            }
            // the sender lives as long as this
            if timeout_at(until, changed.changed()).await.is_err() {
                return match time {
                    Some(time) if time <= WAIT => Ok((self.channel(path), Some(Duration::ZERO))),
                    _ => Err(self.lost(Status::unavailable("no endpoint was ready in time"))),
                };
            }
        }
    }

    /// What a method can be called over now; an error where it will not be possible any more.
    fn fit(&self, path: &PathAndQuery) -> Result<Option<Channel>, Status> {
        let versions = self.shared.versions.load();
        let needs = versions.needs(self.methods.as_deref(), path.path());
        if versions.any_fit(needs, &self.channel) {
            return Ok(Some(self.channel(path)));
        }
        match (&self.methods, &versions.in_force) {
            (Some(known), Some(now)) if !known.agree(now, path.path()) => Err(Status::unavailable(format!(
                "the service {} has changed this method just now, please try again",
                self.name
            ))),
            _ => Ok(None),
        }
    }

    /// All endpoints, to follow them one by one.
    pub(crate) fn endpoints(&self) -> &Channel {
        &self.channel
    }

    /// Says which versions there are, and which endpoint has which.
    pub(crate) fn set_versions(&self, versions: Versions) {
        let versions = Arc::new(versions);
        // before the marks: a call that finds an endpoint marked anew must know what that means
        self.shared.versions.store(Arc::clone(&versions));
        for (endpoint, (ended, fitness)) in versions.endpoints.iter().enumerate() {
            self.channel.mark(endpoint, *ended, *fitness);
        }
        self.shared.changed.send_replace(());
    }

    /// What a caller is told of a failure between the gateway and this backend: that it is away, not how it is reached.
    pub(crate) fn lost(&self, status: Status) -> Status {
        if status.code() != Code::Unavailable {
            return status;
        }
        tracing::warn!(backend = &*self.name, error = status.message(), "a call did not get through");
        Status::unavailable(format!("the service {} is not available, please try again later", self.name))
    }
}
