//! `grpc.health.v1` for every service of a server: `NOT_SERVING` until it is ready, and first again when it stops.
//!
//! `Check` of an unknown service is `NOT_FOUND`; `Watch` of one says `SERVICE_UNKNOWN` and stays open, as the protocol wants it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as Protocol, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::serve::Services;

/// The whole server's name.
const ALL: &str = "";

/// The health of a server's services.
#[derive(Clone, Debug)]
pub struct Health {
    states: Arc<BTreeMap<&'static str, watch::Sender<ServingStatus>>>,
}

impl Health {
    fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let state = |name| (name, watch::Sender::new(ServingStatus::NotServing));
        Self { states: Arc::new(names.into_iter().chain([ALL]).map(state).collect()) }
    }

    /// Every service serves from now on.
    pub fn ready(&self) {
        self.all(ServingStatus::Serving);
    }

    /// No service takes new work.
    pub fn stopping(&self) {
        self.all(ServingStatus::NotServing);
    }

    /// Whether one service serves, by its full name; the whole server does while all of them do. Unknown names are left out.
    pub fn set(&self, service: &str, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        if let Some(state) = self.states.get(service) {
            state.send_replace(status);
        }
        let mut others = self.states.iter().filter(|(name, _)| **name != ALL);
        let all = others.all(|(_, state)| *state.borrow() == ServingStatus::Serving);
        if let Some(state) = self.states.get(ALL) {
            state.send_replace(if all { ServingStatus::Serving } else { ServingStatus::NotServing });
        }
    }

    fn all(&self, status: ServingStatus) {
        for state in self.states.values() {
            state.send_replace(status);
        }
    }
}

/// Adds health to the services of a server.
pub(crate) fn add(services: Services) -> (Services, Health) {
    let health = Health::of(services.names());
    (services.add(HealthServer::new(health.clone())), health)
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
        let state = self.states.get(&*request.into_inner().service);
        let state = state.ok_or_else(|| Status::not_found("no such service here"))?;
        Ok(Response::new(response(*state.borrow())))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let Some(state) = self.states.get(&*request.into_inner().service) else {
            let unknown = futures_util::stream::iter([Ok(response(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(Box::pin(unknown.chain(futures_util::stream::pending()))));
        };
        let states = WatchStream::new(state.subscribe());
        Ok(Response::new(Box::pin(states.map(|status| Ok(response(status))))))
    }
}
