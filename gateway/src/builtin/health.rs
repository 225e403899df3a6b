//! Health by service: what a backend serves is as healthy as the backend says, and not while it is away.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as Protocol;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{HEALTH, REFLECTION};
use crate::schema::Schemas;

/// The health of the gateway and of what it knows.
#[derive(Debug)]
pub(super) struct Health {
    schemas: Arc<Schemas>,
    stopping: CancellationToken,
}

impl Health {
    pub(super) fn new(schemas: Arc<Schemas>, stopping: CancellationToken) -> Self {
        Self { schemas, stopping }
    }
}

/// How a service is; none where nobody has it. The empty name is the gateway itself.
fn status(schemas: &Schemas, stopping: &CancellationToken, service: &str) -> Option<ServingStatus> {
    let schema = schemas.current();
    let schema = Option::as_ref(&*schema);
    let serves = match service {
        "" => schema.is_some(),
        own if own == HEALTH || REFLECTION.contains(&own) => true,
        other => schemas.is_serving(schema?.owner_of(other)?),
    };
    Some(if serves && !stopping.is_cancelled() { ServingStatus::Serving } else { ServingStatus::NotServing })
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Protocol for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = status(&self.schemas, &self.stopping, &request.get_ref().service);
        Ok(Response::new(response(status.ok_or_else(|| Status::not_found("no such service here"))?)))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let (schemas, stopping) = (Arc::clone(&self.schemas), self.stopping.clone());
        let start = (schemas.changes(), None);
        let told = stream::unfold(start, move |(mut changes, last)| {
            let (schemas, stopping, service) = (Arc::clone(&schemas), stopping.clone(), service.clone());
            async move {
                loop {
                    changes.mark_unchanged();
                    let now = status(&schemas, &stopping, &service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(now) {
                        return Some((Ok(response(now)), (changes, Some(now))));
                    }
                    tokio::select! {
                        changed = changes.changed() => changed.ok()?,
                        // told already, when it had stopped before
                        () = stopping.cancelled(), if !stopping.is_cancelled() => {}
                    }
                }
            }
        });
        Ok(Response::new(told.boxed()))
    }
}
