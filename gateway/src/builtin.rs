//! What the gateway answers itself: merged reflection, and health. Every backend has services of these names, so they
//! cannot be passed through.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use http::{Request, Response};
use hyper::body::Incoming;
use mesh::identity::Principal;
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower_service::Service;

use crate::schema::{Schema, Schemas, service_of};

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: &[&str] =
    &["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Whether a gRPC path is answered here.
pub(crate) fn is_builtin(path: &str) -> bool {
    let service = service_of(path);
    service == HEALTH || REFLECTION.contains(&service)
}

/// The services that the gateway has itself.
#[derive(Debug)]
pub(crate) struct Builtin {
    schemas: Arc<Schemas>,
    public_reflection: bool,
    /// Reflection of one schema, made when it is first asked for.
    reflection: Mutex<Option<Made>>,
}

#[derive(Debug)]
struct Made {
    schema: Weak<Option<Schema>>,
    set: Arc<[u8]>,
}

impl Builtin {
    pub(crate) fn new(schemas: Arc<Schemas>, public_reflection: bool) -> Self {
        Self { schemas, public_reflection, reflection: Mutex::new(None) }
    }

    pub(crate) async fn serve(
        &self,
        principal: &Principal,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Status> {
        let request = request.map(Body::new);
        match service_of(request.uri().path()) {
            HEALTH => {
                let health = Health { schemas: Arc::clone(&self.schemas) };
                call(tonic_health::pb::health_server::HealthServer::new(health), request).await
            }
            _ if !self.public_reflection && *principal == Principal::Anonymous => {
                Err(Status::unauthenticated("reflection needs a client certificate"))
            }
            service => self.reflect(service == REFLECTION[0], request).await,
        }
    }

    async fn reflect(&self, v1: bool, request: Request<Body>) -> Result<Response<Body>, Status> {
        let set = self.descriptor_set();
        let failed = |error: tonic_reflection::server::Error| {
            tracing::error!(%error, "reflection of the merged schema");
            Status::internal("the schemas of the services do not fit together")
        };
        let builder =
            tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(&set);
        if v1 {
            call(builder.build_v1().map_err(failed)?, request).await
        } else {
            call(builder.build_v1alpha().map_err(failed)?, request).await
        }
    }

    /// The merged descriptors of the current schema.
    fn descriptor_set(&self) -> Arc<[u8]> {
        let schema = self.schemas.current();
        let mut made = self.reflection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.schema.as_ptr() == Arc::as_ptr(&schema)) {
            return Arc::clone(&made.set);
        }
        let set: Arc<[u8]> = Option::as_ref(&*schema)
            .map(|schema| schema.descriptor_set.as_slice())
            .unwrap_or_default()
            .into();
        *made = Some(Made { schema: Arc::downgrade(&schema), set: Arc::clone(&set) });
        set
    }
}

async fn call<S>(mut service: S, request: Request<Body>) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    match service.call(request).await {
        Ok(response) => Ok(response),
    }
}

/// Health by service: what a backend serves is healthy while the gateway knows it.
#[derive(Debug)]
struct Health {
    schemas: Arc<Schemas>,
}

impl Health {
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let schema = self.schemas.current();
        let known = Option::as_ref(&*schema);
        if service.is_empty() {
            return Some(if known.is_some() { ServingStatus::Serving } else { ServingStatus::NotServing });
        }
        known?.services().any(|name| name == service).then_some(ServingStatus::Serving)
    }
}

#[tonic::async_trait]
impl tonic_health::pb::health_server::Health for Health {
    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let status =
            self.status(&request.get_ref().service).ok_or_else(|| Status::not_found("unknown service"))?;
        Ok(tonic::Response::new(HealthCheckResponse { status: status.into() }))
    }

    type WatchStream = futures_util::stream::BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let changes = self.schemas.changes();
        let schemas = Arc::clone(&self.schemas);
        let start = (changes, None::<ServingStatus>);
        let stream = futures_util::stream::unfold(start, move |(mut changes, last)| {
            let health = Health { schemas: Arc::clone(&schemas) };
            let service = service.clone();
            async move {
                loop {
                    changes.borrow_and_update();
                    let status = health.status(&service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(status) {
                        return Some((
                            Ok(HealthCheckResponse { status: status.into() }),
                            (changes, Some(status)),
                        ));
                    }
                    changes.changed().await.ok()?;
                }
            }
        });
        Ok(tonic::Response::new(Box::pin(stream)))
    }
}
