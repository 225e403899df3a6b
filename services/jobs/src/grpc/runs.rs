//! `toolforge.jobs.v1.Runs`.

use api::jobs::v1::attach_run_response::Output as Piece;
use api::jobs::v1::runs_server::Runs as RunsApi;
use api::jobs::v1::{
    AttachExit, AttachRunRequest, AttachRunResponse, CancelRunRequest, CancelRunResponse, GetRunRequest,
    GetRunResponse, ListRunsRequest, ListRunsResponse, WatchRunRequest, WatchRunResponse,
};
use engine::{Attachment, Output};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jobs_core::RunName;
use mesh::page::{self, Query};
use tonic::{Request, Response, Status, Streaming};

use super::from_proto::{job_name, page_size, run_name, tool};
use super::status::{invalid, status};
use super::{Edge, Reply, messages, to_proto, to_the_end};

/// Runs of one page when nothing is said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

#[tonic::async_trait]
impl RunsApi for Edge {
    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Reply<ListRunsResponse> {
        let ListRunsRequest { tool: owner, job, page_size: size, page_token } = request.into_inner();
        let query = Query::of([owner.as_str(), job.as_deref().unwrap_or_default()]);
        let after =
            page_token.filter(|token| !token.is_empty()).map(|token| position(query, &token)).transpose()?;
        let job = job.filter(|job| !job.is_empty()).as_deref().map(job_name).transpose()?;
        let size = page_size(size, PAGE_MAX)?.unwrap_or(PAGE);
        let found = self.jobs().list_runs(&tool(&owner)?, job.as_ref(), size, after).await.map_err(status)?;
        let next_page_token = found.next.map(|next| token(query, &next)).transpose()?;
        let runs = found.runs.iter().map(to_proto::run).collect();
        Ok(Response::new(ListRunsResponse { runs, messages: messages(), next_page_token }))
    }

    async fn get_run(&self, request: Request<GetRunRequest>) -> Reply<GetRunResponse> {
        let GetRunRequest { tool: owner, name } = request.into_inner();
        let run = self.jobs().get_run(&tool(&owner)?, &run_name(&name)?).await.map_err(status)?;
        Ok(Response::new(GetRunResponse { run: Some(to_proto::run(&run)), messages: messages() }))
    }

    type WatchRunStream = BoxStream<'static, Result<WatchRunResponse, Status>>;

    async fn watch_run(&self, request: Request<WatchRunRequest>) -> Reply<Self::WatchRunStream> {
        let WatchRunRequest { tool: owner, name } = request.into_inner();
        let events = self.jobs().watch_run(&tool(&owner)?, &run_name(&name)?);
        let reply = |run: jobs_core::Run| WatchRunResponse { run: Some(to_proto::run(&run)) };
        Ok(Response::new(events.map(move |run| run.map(reply).map_err(status)).boxed()))
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Reply<CancelRunResponse> {
        let CancelRunRequest { tool: owner, name } = request.into_inner();
        let (jobs, tool, name) = (self.owned(), tool(&owner)?, run_name(&name)?);
        let run = to_the_end(async move { jobs.cancel(&tool, &name).await }).await?;
        Ok(Response::new(CancelRunResponse { run: Some(to_proto::run(&run)), messages: messages() }))
    }

    type AttachRunStream = BoxStream<'static, Result<AttachRunResponse, Status>>;

    async fn attach_run(
        &self,
        request: Request<Streaming<AttachRunRequest>>,
    ) -> Reply<Self::AttachRunStream> {
        let mut requests = request.into_inner();
        let first =
            requests.message().await?.ok_or_else(|| invalid("name", "is required in a first message"))?;
        let owner = tool(&first.tool)?;
        let attachment = self.jobs().attach(&owner, &run_name(&first.name)?).await.map_err(status)?;
        Ok(Response::new(attached(attachment, first, requests)))
    }
}

/// Output of an attached run. Input is read beside it, and ends with it; a message that names another tool than the
/// first, by which the call was authorized, ends the call.
fn attached(
    attachment: Attachment,
    first: AttachRunRequest,
    mut requests: Streaming<AttachRunRequest>,
) -> BoxStream<'static, Result<AttachRunResponse, Status>> {
    let Attachment { input, mut output } = attachment;
    async_stream::stream! {
        let owner = first.tool;
        let mut input = input;
        let mut reading = input.is_some();
        if let Some(sender) = input.as_ref().filter(|_| !first.input.is_empty()) {
            let _ = sender.send(first.input.into()).await;
        }
        loop {
            tokio::select! {
                piece = output.next() => match piece {
                    Some(piece) => yield Ok(reply(piece)),
                    None => break,
                },
                request = requests.message(), if reading => match request {
                    Ok(Some(request)) if request.tool.is_empty() || request.tool == owner => {
                        let open = match &input {
                            Some(sender) => sender.send(request.input.into()).await.is_ok(),
                            None => false,
                        };
                        reading = open;
                    }
                    Ok(Some(_)) => {
                        yield Err(invalid("tool", "must be the same in every message"));
                        break;
                    }
                    // The client has no more input: so has the process.
                    Ok(None) => {
                        reading = false;
                        input = None;
                    }
                    Err(_) => break,
                },
            }
        }
    }
    .boxed()
}

fn reply(piece: Output) -> AttachRunResponse {
    let output = match piece {
        Output::Stdout(bytes) => Piece::Stdout(bytes.into()),
        Output::Stderr(bytes) => Piece::Stderr(bytes.into()),
        Output::Exited(status) => Piece::Exit(AttachExit { code: status.code() }),
    };
    AttachRunResponse { output: Some(output) }
}

/// The token of a page: the run after which it begins.
fn token(query: Query, (created, name): &(Timestamp, RunName)) -> Result<String, Status> {
    page::encode(query, format!("{} {name}", created.as_nanosecond()).as_bytes())
        .map_err(|error| Status::internal(error.to_string()))
}

fn position(query: Query, token: &str) -> Result<(Timestamp, RunName), Status> {
    let bad = || invalid("page_token", "is not one of this list");
    let bytes = page::decode(query, token).map_err(|_| bad())?.ok_or_else(bad)?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let (created, name) = text.split_once(' ').ok_or_else(bad)?;
    let created = Timestamp::from_nanosecond(created.parse().map_err(|_| bad())?).map_err(|_| bad())?;
    Ok((created, RunName::parse(name).map_err(|_| bad())?))
}
