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
use mesh::page::Query;
use tonic::{Request, Response, Status, Streaming};

use super::from_proto::{job_name, run_name, tool};
use super::status::{invalid, status};
use super::{Edge, Reply, messages, pages, to_proto};

/// Runs of one page when nothing is said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

#[tonic::async_trait]
impl RunsApi for Edge {
    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Reply<ListRunsResponse> {
        let ListRunsRequest { tool: owner, job, page_size, page_token } = request.into_inner();
        let query = Query::of(["runs", &owner, job.as_deref().unwrap_or_default()]);
        let after = pages::run_position(query, page_token.as_deref())?;
        let size = pages::size(page_size, PAGE_MAX)?.unwrap_or(PAGE);
        let job = job.filter(|job| !job.is_empty()).map(|job| job_name("job", &job)).transpose()?;
        let found = self.jobs().list_runs(&tool(&owner)?, job.as_ref(), size, after).await.map_err(status)?;
        let next_page_token = found.next.map(|next| pages::after_run(query, &next)).transpose()?;
        let runs = found.runs.iter().map(to_proto::run).collect();
        Ok(Response::new(ListRunsResponse { runs, messages: messages(), next_page_token }))
    }

    async fn get_run(&self, request: Request<GetRunRequest>) -> Reply<GetRunResponse> {
        let GetRunRequest { tool: owner, name } = request.into_inner();
        let run = self.jobs().get_run(&tool(&owner)?, &run_name("name", &name)?).await.map_err(status)?;
        Ok(Response::new(GetRunResponse { run: Some(to_proto::run(&run)), messages: messages() }))
    }

    type WatchRunStream = BoxStream<'static, Result<WatchRunResponse, Status>>;

    async fn watch_run(&self, request: Request<WatchRunRequest>) -> Reply<Self::WatchRunStream> {
        let WatchRunRequest { tool: owner, name } = request.into_inner();
        let events = self.jobs().watch_run(&tool(&owner)?, &run_name("name", &name)?);
        let reply = |run: jobs_core::Run| WatchRunResponse { run: Some(to_proto::run(&run)) };
        Ok(Response::new(events.map(move |run| run.map(reply).map_err(status)).boxed()))
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Reply<CancelRunResponse> {
        let CancelRunRequest { tool: owner, name } = request.into_inner();
        let (tool, name) = (tool(&owner)?, run_name("name", &name)?);
        let run = self.change(async move |jobs| jobs.cancel(&tool, &name).await).await?;
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
        let attachment = self.jobs().attach(&owner, &run_name("name", &first.name)?).await.map_err(status)?;
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
