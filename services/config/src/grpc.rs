//! The edge: parse, call, convert.

mod convert;
mod status;

use std::fmt;
use std::sync::Arc;

use api::config::v1::status_server::{Status as StatusApi, StatusServer};
use api::config::v1::tools_server::{Tools as ToolsApi, ToolsServer};
use api::config::v1::{
    CreateToolRequest, CreateToolResponse, DeleteToolRequest, DeleteToolResponse, GetHealthRequest,
    GetHealthResponse, GetMetricsRequest, GetToolRequest, GetToolResponse, Health, ListToolsRequest,
    ListToolsResponse, Messages, RenewCredentialsRequest, RenewCredentialsResponse, WatchToolsRequest,
    WatchToolsResponse,
};
use api::google::api::HttpBody;
use config_core::{PortError, ToolName, Tools};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use mesh::serve::Services;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use status::{failed, status};

/// What the service is made of.
#[derive(Clone)]
pub struct Deps {
    /// The use cases of tools.
    pub tools: Tools,
    /// This process's metrics as Prometheus text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").field("tools", &self.tools).finish_non_exhaustive()
    }
}

/// The config service.
pub fn service(deps: Deps) -> Services {
    let edge = Edge { deps };
    Services::new().add(ToolsServer::new(edge.clone())).add(StatusServer::new(edge))
}

#[derive(Clone)]
struct Edge {
    deps: Deps,
}

type Reply<T> = Result<Response<T>, Status>;

impl Edge {
    /// Carries a change to its end also when its caller leaves in the middle: a tool is not left half made.
    async fn change<T, C>(&self, change: impl FnOnce(Tools) -> C) -> Result<T, Status>
    where
        T: Send + 'static,
        C: Future<Output = Result<T, config_core::Error>> + Send + 'static,
    {
        match tokio::spawn(change(self.deps.tools.clone()).in_current_span()).await {
            Ok(result) => result.map_err(status),
            Err(error) => Err(failed(PortError::new("a change panicked", error))),
        }
    }
}

#[tonic::async_trait]
impl ToolsApi for Edge {
    async fn list_tools(&self, request: Request<ListToolsRequest>) -> Reply<ListToolsResponse> {
        let page = convert::page(&request.into_inner())?;
        let (tools, next_page_token) = page.cut(self.deps.tools.list().await.map_err(status)?)?;
        let tools = tools.iter().map(convert::tool).collect();
        Ok(Response::new(ListToolsResponse { tools, messages: messages(), next_page_token }))
    }

    async fn create_tool(&self, request: Request<CreateToolRequest>) -> Reply<CreateToolResponse> {
        let CreateToolRequest { name, request_id } = request.into_inner();
        let (name, id) = (parse(&name)?, convert::request_id(request_id)?);
        let tool = self.change(async move |tools| tools.create(&name, id.as_deref()).await).await?;
        Ok(Response::new(CreateToolResponse { tool: Some(convert::tool(&tool)), messages: messages() }))
    }

    async fn get_tool(&self, request: Request<GetToolRequest>) -> Reply<GetToolResponse> {
        let tool = self.deps.tools.get(&parse(&request.into_inner().name)?).await.map_err(status)?;
        Ok(Response::new(GetToolResponse { tool: Some(convert::tool(&tool)), messages: messages() }))
    }

    async fn delete_tool(&self, request: Request<DeleteToolRequest>) -> Reply<DeleteToolResponse> {
        let DeleteToolRequest { name, delete_home, request_id } = request.into_inner();
        let (name, id) = (parse(&name)?, convert::request_id(request_id)?);
        let home = delete_home.unwrap_or_default();
        self.change(async move |tools| tools.remove(&name, home, id.as_deref()).await).await?;
        Ok(Response::new(DeleteToolResponse { messages: messages() }))
    }

    async fn renew_credentials(
        &self,
        request: Request<RenewCredentialsRequest>,
    ) -> Reply<RenewCredentialsResponse> {
        let name = parse(&request.into_inner().name)?;
        let tool = self.change(async move |tools| tools.renew(&name).await).await?;
        Ok(Response::new(RenewCredentialsResponse { tool: Some(convert::tool(&tool)), messages: messages() }))
    }

    type WatchToolsStream = BoxStream<'static, Result<WatchToolsResponse, Status>>;

    async fn watch_tools(&self, _: Request<WatchToolsRequest>) -> Reply<Self::WatchToolsStream> {
        let tools = self.deps.tools.clone();
        let changes = tools.watch().await.map_err(status)?;
        let replies = changes.map(move |change| Ok(convert::change(change.map_err(failed)?, &tools)));
        Ok(Response::new(replies.boxed()))
    }
}

#[tonic::async_trait]
impl StatusApi for Edge {
    async fn get_health(&self, _: Request<GetHealthRequest>) -> Reply<GetHealthResponse> {
        self.deps.tools.list().await.map_err(status)?;
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

fn parse(name: &str) -> Result<ToolName, Status> {
    name.parse().map_err(|error| status(config_core::Error::InvalidName(error)))
}
