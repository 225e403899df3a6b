//! What the gateway answers itself: merged reflection, and health. Every backend has services of these names, so they
//! cannot be passed through.

mod health;
pub(crate) mod reflection;

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use mesh::authorize::Denied;
use mesh::body::EndedBy;
use mesh::drain::resume_elsewhere;
use mesh::identity::Principal;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;
use tower_service::Service;

use crate::schema::{Schemas, service_of};
use health::Health;

pub(crate) const HEALTH: &str = "grpc.health.v1.Health";
pub(crate) const REFLECTION: [&str; 2] =
    ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Whether a gRPC path is answered here.
pub(crate) fn is_builtin(path: &str) -> bool {
    matches!(
        path,
        "/grpc.health.v1.Health/Check"
            | "/grpc.health.v1.Health/Watch"
            | "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
}

/// The services that the gateway has itself.
#[derive(Debug)]
pub(crate) struct Builtin {
    schemas: Arc<Schemas>,
    public_reflection: bool,
    health: HealthServer<Health>,
    /// Cancelled when the gateway takes no new work.
    stopping: CancellationToken,
    /// Cancelled when streams must end.
    ending: CancellationToken,
}

impl Builtin {
    pub(crate) fn new(schemas: Arc<Schemas>, public_reflection: bool, ending: CancellationToken) -> Self {
        let stopping = CancellationToken::new();
        let health = HealthServer::new(Health::new(Arc::clone(&schemas), stopping.clone()));
        Self { schemas, public_reflection, health, stopping, ending }
    }

    /// Says in health answers that the gateway stops.
    pub(crate) fn stopping(&self) {
        self.stopping.cancel();
    }

    /// Answers a call of one of these services.
    pub(crate) async fn serve(
        &self,
        principal: &Principal,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let service = service_of(request.uri().path());
        let response = if service == HEALTH {
            call(&mut self.health.clone(), request).await
        } else {
            if !self.public_reflection && *principal == Principal::Anonymous {
                return Err(Denied::Unauthenticated.into());
            }
            let schema = self.schemas.current();
            let schema = Option::as_ref(&*schema)
                .ok_or_else(|| Status::unavailable("the gateway does not know its services yet"))?;
            schema.reflection.call(request).await
        };
        let ended = self.ending.clone().cancelled_owned();
        Ok(response.map(|body| {
            let ending = Box::pin(async move {
                ended.await;
                resume_elsewhere()
            });
            Body::new(EndedBy::new(body, Some(ending), None))
        }))
    }
}

async fn call<S>(service: &mut S, request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(response) = service.call(request).await;
    response
}
