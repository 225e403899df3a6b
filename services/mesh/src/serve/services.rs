//! Services by their gRPC names, each as the generated code makes it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower_service::Service;

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

trait Handler: Send + Sync {
    fn handle(&self, request: Request<Body>) -> Answer;
}

impl<S> Handler for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn handle(&self, request: Request<Body>) -> Answer {
        let mut service = self.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
            let Ok(response) = service.call(request).await;
            response
        })
    }
}

/// The services of one server.
#[derive(Clone, Default)]
pub struct Services {
    by_name: HashMap<&'static str, Arc<dyn Handler>>,
}

impl Services {
    /// No services yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service, as tonic generates its server; one of the same name is replaced.
    #[allow(clippy::should_implement_trait, reason = "nobody takes a set of services for a number")]
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        self.by_name.insert(S::NAME, Arc::new(service));
        self
    }

    /// Adds all services of another set.
    pub fn merge(mut self, other: Self) -> Self {
        self.by_name.extend(other.by_name);
        self
    }

    /// Full names of the services, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Calls the service that the path names.
    pub(super) async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        match self.by_name.get(name) {
            Some(service) => service.handle(request).await,
            None => Status::unimplemented("no such service here").into_http(),
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Services").field(&self.names()).finish()
    }
}
