//! The services: they answer what the test has written and remember what they were asked.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use api::jobs::v1::*;
use api::logs::v1::{LogEntry, LogPage, QueryLogsRequest, QueryLogsResponse, StreamLogsRequest, logs_server};
use mesh::status::Problem;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming, async_trait};

type Answer<T> = Result<Response<T>, Status>;
type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What they answer, and have been asked.
#[derive(Default)]
pub(crate) struct State {
    /// Every call is refused so.
    pub(crate) refusal: Option<Problem>,
    /// In every reply.
    pub(crate) messages: Messages,
    /// Jobs with their defaults.
    pub(crate) jobs: Vec<Job>,
    /// Jobs as they were set.
    pub(crate) dump: Vec<Job>,
    pub(crate) images: Vec<Image>,
    pub(crate) quota: Quota,
    pub(crate) runs: Vec<Run>,
    /// What each watch of jobs tells, and whether it stays open then.
    pub(crate) watches: VecDeque<(Vec<WatchJobsResponse>, bool)>,
    pub(crate) pages: VecDeque<LogPage>,
    pub(crate) entries: Vec<LogEntry>,
    /// What a run tells to whoever attaches.
    pub(crate) outputs: Vec<attach_run_response::Output>,
    /// Names of calls with what they were about.
    pub(crate) calls: Vec<String>,
    pub(crate) created: Vec<JobSpec>,
    pub(crate) upserted: Vec<JobSpec>,
    pub(crate) run_requests: Vec<RunJobRequest>,
    pub(crate) log_requests: Vec<QueryLogsRequest>,
    /// Whether a run reads its input to the end before it writes.
    pub(crate) takes_input: bool,
    pub(crate) input: Vec<u8>,
}

/// All of them.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub(crate) fn new(state: Arc<Mutex<State>>) -> Self {
        Self(state)
    }

    /// Remembers a call, and answers it or refuses.
    fn answer<T>(&self, call: String, answer: impl FnOnce(&mut State) -> Result<T, Status>) -> Answer<T> {
        let mut state = self.0.lock().unwrap();
        state.calls.push(call);
        match &state.refusal {
            Some(problem) => Err(problem.clone().into_status()),
            None => answer(&mut state).map(Response::new),
        }
    }
}

fn items<T: Send + 'static>(items: Vec<T>, stays_open: bool) -> Items<T> {
    let items = tokio_stream::iter(items).map(Ok);
    if stays_open { Box::pin(items.chain(tokio_stream::pending())) } else { Box::pin(items) }
}

#[async_trait]
impl jobs_server::Jobs for Fake {
    async fn list_jobs(&self, request: Request<ListJobsRequest>) -> Answer<ListJobsResponse> {
        self.answer("list".into(), |state| {
            let jobs = if request.get_ref().include_unset() { &state.jobs } else { &state.dump };
            let jobs = if request.get_ref().include_unset.is_none() { &state.jobs } else { jobs };
            Ok(ListJobsResponse {
                jobs: jobs.clone(),
                messages: Some(state.messages.clone()),
                next_page_token: None,
            })
        })
    }

    async fn create_job(&self, request: Request<CreateJobRequest>) -> Answer<CreateJobResponse> {
        let job = request.into_inner().job.unwrap();
        self.answer(format!("create {}", job.name()), |state| {
            state.created.push(job);
            Ok(CreateJobResponse { job: Some(Job::default()), messages: Some(state.messages.clone()) })
        })
    }

    async fn upsert_job(&self, request: Request<UpsertJobRequest>) -> Answer<UpsertJobResponse> {
        let job = request.into_inner().job.unwrap();
        self.answer(format!("upsert {}", job.name()), |state| {
            state.upserted.push(job);
            Ok(UpsertJobResponse { job_changed: true, messages: Some(state.messages.clone()) })
        })
    }

    async fn flush_jobs(&self, _: Request<FlushJobsRequest>) -> Answer<FlushJobsResponse> {
        self.answer("flush".into(), |state| Ok(FlushJobsResponse { messages: Some(state.messages.clone()) }))
    }

    async fn get_job(&self, request: Request<GetJobRequest>) -> Answer<GetJobResponse> {
        let name = request.into_inner().name;
        self.answer(format!("get {name}"), |state| {
            let job = state.jobs.iter().find(|job| job.name() == name).cloned();
            let job = job.ok_or_else(|| Status::not_found(format!("Job '{name}' does not exist")))?;
            Ok(GetJobResponse { job: Some(job), messages: Some(state.messages.clone()) })
        })
    }

    async fn delete_job(&self, request: Request<DeleteJobRequest>) -> Answer<DeleteJobResponse> {
        self.answer(format!("delete {}", request.get_ref().name), |state| {
            Ok(DeleteJobResponse { messages: Some(state.messages.clone()) })
        })
    }

    async fn restart_job(&self, request: Request<RestartJobRequest>) -> Answer<RestartJobResponse> {
        self.answer(format!("restart {}", request.get_ref().name), |state| {
            Ok(RestartJobResponse { messages: Some(state.messages.clone()) })
        })
    }

    async fn run_job(&self, request: Request<RunJobRequest>) -> Answer<RunJobResponse> {
        self.answer(format!("run {}", request.get_ref().name), |state| {
            state.run_requests.push(request.into_inner());
            Ok(RunJobResponse { run: state.runs.first().cloned(), messages: Some(state.messages.clone()) })
        })
    }

    type WatchJobsStream = Items<WatchJobsResponse>;

    async fn watch_jobs(&self, request: Request<WatchJobsRequest>) -> Answer<Self::WatchJobsStream> {
        self.answer(format!("watch {}", request.get_ref().name()), |state| {
            let (changes, stays_open) = state.watches.pop_front().unwrap_or((vec![], true));
            Ok(items(changes, stays_open))
        })
    }

    type StreamJobLogsStream = Items<api::google::api::HttpBody>;

    async fn stream_job_logs(&self, _: Request<StreamJobLogsRequest>) -> Answer<Self::StreamJobLogsStream> {
        Err(Status::unimplemented("for former clients only"))
    }
}

#[async_trait]
impl images_server::Images for Fake {
    async fn list_images(&self, _: Request<ListImagesRequest>) -> Answer<ListImagesResponse> {
        self.answer("images".into(), |state| {
            Ok(ListImagesResponse { images: state.images.clone(), messages: Some(state.messages.clone()) })
        })
    }
}

#[async_trait]
impl quotas_server::Quotas for Fake {
    async fn get_quota(&self, _: Request<GetQuotaRequest>) -> Answer<GetQuotaResponse> {
        self.answer("quota".into(), |state| {
            Ok(GetQuotaResponse { quota: Some(state.quota.clone()), messages: Some(state.messages.clone()) })
        })
    }
}

#[async_trait]
impl runs_server::Runs for Fake {
    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Answer<ListRunsResponse> {
        self.answer(format!("runs {}", request.get_ref().job()), |state| {
            Ok(ListRunsResponse { runs: state.runs.clone(), messages: None, next_page_token: None })
        })
    }

    async fn get_run(&self, request: Request<GetRunRequest>) -> Answer<GetRunResponse> {
        self.answer(format!("run {}", request.get_ref().name), |state| {
            Ok(GetRunResponse { run: state.runs.first().cloned(), messages: None })
        })
    }

    type WatchRunStream = Items<WatchRunResponse>;

    async fn watch_run(&self, request: Request<WatchRunRequest>) -> Answer<Self::WatchRunStream> {
        self.answer(format!("watch {}", request.get_ref().name), |state| {
            let changes = state.runs.iter().cloned().map(|run| WatchRunResponse { run: Some(run) });
            Ok(items(changes.collect(), false))
        })
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Answer<CancelRunResponse> {
        self.answer(format!("cancel {}", request.get_ref().name), |state| {
            Ok(CancelRunResponse { run: state.runs.first().cloned(), messages: None })
        })
    }

    type AttachRunStream = Items<AttachRunResponse>;

    async fn attach_run(
        &self,
        request: Request<Streaming<AttachRunRequest>>,
    ) -> Answer<Self::AttachRunStream> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.unwrap();
        let takes_input = self.0.lock().unwrap().takes_input;
        while takes_input && let Some(more) = requests.message().await? {
            self.0.lock().unwrap().input.extend(more.input);
        }
        self.answer(format!("attach {}", first.name), |state| {
            let outputs =
                state.outputs.iter().cloned().map(|output| AttachRunResponse { output: Some(output) });
            Ok(items(outputs.collect(), false))
        })
    }
}

#[async_trait]
impl logs_server::Logs for Fake {
    async fn query_logs(&self, request: Request<QueryLogsRequest>) -> Answer<QueryLogsResponse> {
        self.answer(format!("logs {}", request.get_ref().name), |state| {
            state.log_requests.push(request.into_inner());
            let missing = || Status::not_found("Job 'j1' does not have any logs available");
            Ok(QueryLogsResponse { data: Some(state.pages.pop_front().ok_or_else(missing)?), messages: None })
        })
    }

    type StreamLogsStream = Items<LogEntry>;

    async fn stream_logs(&self, request: Request<StreamLogsRequest>) -> Answer<Self::StreamLogsStream> {
        self.answer(format!("follow {}", request.get_ref().name), |state| {
            Ok(items(state.entries.clone(), false))
        })
    }
}
