//! The edge: parse, call, convert.

mod from_proto;
mod jobs;
mod log_stream;
mod logs;
mod pages;
mod runs;
mod status;
mod to_proto;

use std::fmt;
use std::sync::Arc;

use api::google::api::HttpBody;
use api::jobs::v1::images_server::{Images, ImagesServer};
use api::jobs::v1::jobs_server::JobsServer;
use api::jobs::v1::quotas_server::{Quotas, QuotasServer};
use api::jobs::v1::runs_server::RunsServer;
use api::jobs::v1::status_server::{Status as StatusApi, StatusServer};
use api::jobs::v1::{
    GetHealthRequest, GetHealthResponse, GetMetricsRequest, GetQuotaRequest, GetQuotaResponse, Health, Image,
    ListImagesRequest, ListImagesResponse, Messages,
};
use api::logs::v1::logs_server::LogsServer;
use api::logs::v1::status_server::StatusServer as LogsStatusServer;
use jobs_core::{Clock, Jobs};
use mesh::serve::Services;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use from_proto::tool;
use status::status;

/// What the service is made of.
#[derive(Clone)]
pub struct Deps {
    /// The use cases of jobs.
    pub jobs: Jobs,
    /// The time, for windows of output.
    pub clock: Arc<dyn Clock>,
    /// This process's metrics as Prometheus text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// The jobs service, and the log service beside it.
pub fn service(deps: Deps) -> Services {
    let edge = Edge { deps };
    Services::new()
        .add(JobsServer::new(edge.clone()))
        .add(RunsServer::new(edge.clone()))
        .add(ImagesServer::new(edge.clone()))
        .add(QuotasServer::new(edge.clone()))
        .add(StatusServer::new(edge.clone()))
        .add(LogsServer::new(edge.clone()))
        .add(LogsStatusServer::new(edge))
}

#[derive(Clone)]
struct Edge {
    deps: Deps,
}

impl Edge {
    const fn jobs(&self) -> &Jobs {
        &self.deps.jobs
    }

    /// Carries a change to its end also when its caller leaves in the middle: what was begun is finished or taken back.
    async fn change<T, C>(&self, change: impl FnOnce(Jobs) -> C) -> Result<T, Status>
    where
        T: Send + 'static,
        C: Future<Output = Result<T, jobs_core::Error>> + Send + 'static,
    {
        match tokio::spawn(change(self.deps.jobs.clone()).in_current_span()).await {
            Ok(result) => result.map_err(status),
            Err(error) => {
                tracing::error!(%error, "a change panicked");
                Err(Status::internal(
                    "Something went wrong on the server, please try again or tell its operators",
                ))
            }
        }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Images for Edge {
    async fn list_images(&self, _: Request<ListImagesRequest>) -> Reply<ListImagesResponse> {
        let images = self.jobs().images().await.map_err(status)?;
        let images =
            images.into_iter().map(|image| Image { shortname: image.shortname, image: image.url }).collect();
        Ok(Response::new(ListImagesResponse { images, messages: messages() }))
    }
}

#[tonic::async_trait]
impl Quotas for Edge {
    async fn get_quota(&self, request: Request<GetQuotaRequest>) -> Reply<GetQuotaResponse> {
        let document = self.jobs().quota(&tool(&request.get_ref().tool)?).await.map_err(status)?;
        Ok(Response::new(GetQuotaResponse { quota: Some(to_proto::quota(document)), messages: messages() }))
    }
}

#[tonic::async_trait]
impl StatusApi for Edge {
    async fn get_health(&self, _: Request<GetHealthRequest>) -> Reply<GetHealthResponse> {
        self.jobs().images().await.map_err(status)?;
        let health = Health { status: "OK".to_owned(), message: "OK".to_owned() };
        Ok(Response::new(GetHealthResponse { health: Some(health), messages: messages() }))
    }

    async fn get_metrics(&self, _: Request<GetMetricsRequest>) -> Reply<HttpBody> {
        let content_type = "text/plain; version=0.0.4".to_owned();
        let data = (self.deps.metrics)().into_bytes();
        Ok(Response::new(HttpBody { content_type, data, extensions: Vec::new() }))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the field of every reply is an option")]
fn messages() -> Option<Messages> {
    Some(Messages::default())
}
