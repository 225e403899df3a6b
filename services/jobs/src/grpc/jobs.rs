//! `toolforge.jobs.v1.Jobs`.

use std::collections::BTreeMap;

use api::google::api::HttpBody;
use api::jobs::v1::jobs_server::Jobs as JobsApi;
use api::jobs::v1::{
    ChangeType, CreateJobRequest, CreateJobResponse, DeleteJobRequest, DeleteJobResponse, FlushJobsRequest,
    FlushJobsResponse, GetJobRequest, GetJobResponse, Job, ListJobsRequest, ListJobsResponse, Messages,
    RestartJobRequest, RestartJobResponse, RunJobRequest, RunJobResponse, StreamJobLogsRequest,
    UpsertJobRequest, UpsertJobResponse, WatchJobsRequest, WatchJobsResponse,
};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use jobs_core::cases::{JobEvent, RunOverrides};
use jobs_core::{JobView, Options};
use mesh::page::Query;
use tonic::{Request, Response, Status};

use super::from_proto::{definition, job_name, options, tool};
use super::status::status;
use super::{Edge, Reply, log_stream, messages, pages, to_proto};

/// Most jobs of one page.
const PAGE: usize = 1000;

#[tonic::async_trait]
impl JobsApi for Edge {
    async fn list_jobs(&self, request: Request<ListJobsRequest>) -> Reply<ListJobsResponse> {
        let ListJobsRequest { tool: owner, include_unset, page_size, page_token } = request.into_inner();
        let (query, size) = (Query::of(["jobs", &owner]), pages::size(page_size, PAGE)?);
        let all = self.jobs().list(&tool(&owner)?).await.map_err(status)?;
        let (views, next_page_token) = pages::jobs(query, all, size, page_token.as_deref())?;
        let jobs = views.iter().map(|view| to_proto::job(view, include_unset.unwrap_or(true))).collect();
        Ok(Response::new(ListJobsResponse { jobs, messages: warnings(&views), next_page_token }))
    }

    async fn create_job(&self, request: Request<CreateJobRequest>) -> Reply<CreateJobResponse> {
        let CreateJobRequest { tool: owner, job, request_id, validate_only } = request.into_inner();
        let options = options(request_id, None, validate_only)?;
        let (tool, job) = (tool(&owner)?, definition(job));
        let view = self.change(async move |jobs| jobs.create(&tool, &job, &options).await).await?;
        Ok(Response::new(CreateJobResponse { job: Some(to_proto::job(&view, true)), messages: messages() }))
    }

    async fn upsert_job(&self, request: Request<UpsertJobRequest>) -> Reply<UpsertJobResponse> {
        let UpsertJobRequest { tool: owner, job, request_id, etag, validate_only } = request.into_inner();
        let options = options(request_id, etag, validate_only)?;
        let (tool, job) = (tool(&owner)?, definition(job));
        let done = self.change(async move |jobs| jobs.upsert(&tool, &job, &options).await).await?;
        let messages = Messages { info: vec![done.text], ..Messages::default() };
        Ok(Response::new(UpsertJobResponse { job_changed: done.changed, messages: Some(messages) }))
    }

    async fn flush_jobs(&self, request: Request<FlushJobsRequest>) -> Reply<FlushJobsResponse> {
        let tool = tool(&request.get_ref().tool)?;
        self.change(async move |jobs| jobs.flush(&tool, &Options::default()).await).await?;
        Ok(Response::new(FlushJobsResponse { messages: messages() }))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Reply<GetJobResponse> {
        let GetJobRequest { tool: owner, name, include_unset } = request.into_inner();
        let view = self.jobs().get(&tool(&owner)?, &job_name("name", &name)?).await.map_err(status)?;
        let job = Some(to_proto::job(&view, include_unset.unwrap_or(true)));
        Ok(Response::new(GetJobResponse { job, messages: warnings(std::slice::from_ref(&view)) }))
    }

    async fn delete_job(&self, request: Request<DeleteJobRequest>) -> Reply<DeleteJobResponse> {
        let DeleteJobRequest { tool: owner, name, request_id, etag } = request.into_inner();
        let options = options(request_id, etag, None)?;
        let (tool, name) = (tool(&owner)?, job_name("name", &name)?);
        self.change(async move |jobs| jobs.delete(&tool, &name, &options).await).await?;
        Ok(Response::new(DeleteJobResponse { messages: messages() }))
    }

    async fn restart_job(&self, request: Request<RestartJobRequest>) -> Reply<RestartJobResponse> {
        let RestartJobRequest { tool: owner, name, request_id } = request.into_inner();
        let options = options(request_id, None, None)?;
        let (tool, name) = (tool(&owner)?, job_name("name", &name)?);
        self.change(async move |jobs| jobs.restart(&tool, &name, &options).await).await?;
        Ok(Response::new(RestartJobResponse { messages: messages() }))
    }

    async fn run_job(&self, request: Request<RunJobRequest>) -> Reply<RunJobResponse> {
        let RunJobRequest { tool: owner, name, cmd, env, request_id, args, stdin } = request.into_inner();
        let env = env.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
        let overrides = RunOverrides { command: cmd, args, env, stdin: stdin.unwrap_or_default() };
        let options = options(request_id, None, None)?;
        let (tool, name) = (tool(&owner)?, job_name("name", &name)?);
        let run =
            self.change(async move |jobs| jobs.run_now(&tool, &name, &overrides, &options).await).await?;
        Ok(Response::new(RunJobResponse { run: Some(to_proto::run(&run)), messages: messages() }))
    }

    type WatchJobsStream = BoxStream<'static, Result<WatchJobsResponse, Status>>;

    async fn watch_jobs(&self, request: Request<WatchJobsRequest>) -> Reply<Self::WatchJobsStream> {
        let WatchJobsRequest { tool: owner, name } = request.into_inner();
        let name = name.as_deref().map(|name| job_name("name", name)).transpose()?;
        let events = self.jobs().watch(&tool(&owner)?);
        let replies = events.filter_map(move |event| {
            let wanted = |found: &jobs_core::JobName| name.as_ref().is_none_or(|name| name == found);
            let reply = match event {
                Ok(JobEvent::Put(view)) => wanted(view.job.name())
                    .then(|| Ok(change(ChangeType::Put, Some(to_proto::job(&view, true))))),
                Ok(JobEvent::Gone(gone)) => wanted(&gone).then(|| {
                    let job = Job { name: Some(gone.to_string()), ..Job::default() };
                    Ok(change(ChangeType::Deleted, Some(job)))
                }),
                Ok(JobEvent::Synced) => Some(Ok(change(ChangeType::Synced, None))),
                Err(error) => Some(Err(status(error))),
            };
            std::future::ready(reply)
        });
        Ok(Response::new(replies.boxed()))
    }

    type StreamJobLogsStream = BoxStream<'static, Result<HttpBody, Status>>;

    async fn stream_job_logs(
        &self,
        request: Request<StreamJobLogsRequest>,
    ) -> Reply<Self::StreamJobLogsStream> {
        let stream = log_stream::open(self.jobs(), request.into_inner()).await?;
        Ok(Response::new(stream))
    }
}

fn change(kind: ChangeType, job: Option<Job>) -> WatchJobsResponse {
    WatchJobsResponse { r#type: kind.into(), job }
}

/// One line for each job whose running version is not what was configured (contract 3.3).
#[expect(clippy::unnecessary_wraps, reason = "the field of every reply is an option")]
fn warnings(views: &[JobView]) -> Option<Messages> {
    let warning = views.iter().filter_map(JobView::warning).collect();
    Some(Messages { warning, ..Messages::default() })
}
