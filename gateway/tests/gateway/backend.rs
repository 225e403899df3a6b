//! Services of the real protos that do nothing but remember who asked what, and answer by the name they are asked for.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use api::google::api::HttpBody;
use api::jobs::v1 as jobs;
use api::logs::v1 as logs;
use jobs::images_server::{Images, ImagesServer};
use jobs::jobs_server::{Jobs, JobsServer};
use jobs::quotas_server::{Quotas, QuotasServer};
use jobs::runs_server::{Runs, RunsServer};
use jobs::status_server::{Status as JobsStatus, StatusServer as JobsStatusServer};
use logs::logs_server::{Logs, LogsServer};
use logs::status_server::{Status as LogsStatus, StatusServer as LogsStatusServer};
use mesh::identity::Principal;
use mesh::serve::Services;
use mesh::status::Problem;
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Feed = mpsc::Receiver<Result<String, Status>>;
type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A call as a backend saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: &'static str,
    pub(crate) caller: Principal,
    pub(crate) request: String,
    pub(crate) headers: http::HeaderMap,
}

/// All services, and what they saw.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// What the next stream of lines tells.
    feed: Arc<Mutex<Option<Feed>>>,
    /// Lets calls for `slow` end; it is noted when one has begun.
    pub(crate) release: Arc<Notify>,
    pub(crate) begun: Arc<Notify>,
}

impl Fake {
    pub(crate) fn services(&self) -> Services {
        Services::new()
            .add(JobsServer::new(self.clone()))
            .add(RunsServer::new(self.clone()))
            .add(ImagesServer::new(self.clone()))
            .add(QuotasServer::new(self.clone()))
            .add(JobsStatusServer::new(self.clone()))
            .add(LogsServer::new(self.clone()))
            .add(LogsStatusServer::new(self.clone()))
    }

    /// What was seen since this was last asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The one call that was seen since this was last asked.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }

    /// Feeds the next stream of lines.
    pub(crate) fn feed(&self) -> mpsc::Sender<Result<String, Status>> {
        let (lines, told) = mpsc::channel(8);
        *self.feed.lock().unwrap() = Some(told);
        lines
    }

    fn saw<T: Debug>(&self, method: &'static str, request: &Request<T>) {
        let seen = Seen {
            method,
            caller: Principal::of(request),
            request: format!("{:?}", request.get_ref()),
            headers: request.metadata().clone().into_headers(),
        };
        self.seen.lock().unwrap().push(seen);
    }

    fn lines(&self) -> Items<String> {
        match self.feed.lock().unwrap().take() {
            Some(told) => Box::pin(ReceiverStream::new(told)),
            None => Box::pin(tokio_stream::iter(["one", "two"].map(|line| Ok(line.to_owned())))),
        }
    }
}

fn named(name: &str) -> jobs::Job {
    jobs::Job { name: Some(name.to_owned()), ..Default::default() }
}

/// What jobs with telling names fail with.
async fn fate(fake: &Fake, name: &str) -> Result<(), Status> {
    match name {
        "missing" => Err(Problem::new(
            Code::NotFound,
            "jobs.toolforge",
            "JOB_NOT_FOUND",
            "Job 'missing' does not exist",
        )
        .violation("name", "there is no such job")
        .help("jobs", "https://example.org/jobs")
        .into()),
        "full" => {
            Err(Problem::new(Code::ResourceExhausted, "jobs.toolforge", "OUT_OF_QUOTA", "Out of quota")
                .http_status(409)
                .into())
        }
        "lines" => Err(Status::invalid_argument("first line\nsecond line")),
        "mute" => Err(Status::internal("")),
        "away" => Err(Status::unavailable("down for now")),
        "panic" => panic!("a handler fails"),
        "slow" => {
            fake.begun.notify_one();
            fake.release.notified().await;
            Ok(())
        }
        "late" => {
            fake.begun.notify_one();
            fake.release.notified().await;
            Err(Status::failed_precondition("too late"))
        }
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl Jobs for Fake {
    async fn list_jobs(&self, request: Request<jobs::ListJobsRequest>) -> Answer<jobs::ListJobsResponse> {
        self.saw("ListJobs", &request);
        Ok(Response::new(jobs::ListJobsResponse::default()))
    }

    async fn create_job(&self, request: Request<jobs::CreateJobRequest>) -> Answer<jobs::CreateJobResponse> {
        self.saw("CreateJob", &request);
        let name = request.into_inner().job.and_then(|job| job.name).unwrap_or_default();
        fate(self, &name).await?;
        Ok(Response::new(jobs::CreateJobResponse { job: Some(named(&name)), ..Default::default() }))
    }

    async fn upsert_job(&self, request: Request<jobs::UpsertJobRequest>) -> Answer<jobs::UpsertJobResponse> {
        self.saw("UpsertJob", &request);
        Ok(Response::new(jobs::UpsertJobResponse { job_changed: true, ..Default::default() }))
    }

    async fn flush_jobs(&self, request: Request<jobs::FlushJobsRequest>) -> Answer<jobs::FlushJobsResponse> {
        self.saw("FlushJobs", &request);
        Ok(Response::new(jobs::FlushJobsResponse::default()))
    }

    async fn get_job(&self, request: Request<jobs::GetJobRequest>) -> Answer<jobs::GetJobResponse> {
        self.saw("GetJob", &request);
        let name = request.into_inner().name;
        fate(self, &name).await?;
        let mut response =
            Response::new(jobs::GetJobResponse { job: Some(named(&name)), ..Default::default() });
        response.metadata_mut().insert("x-answer", "from the backend".parse().unwrap());
        if name == "accepted" {
            response.metadata_mut().insert("x-http-code", "202".parse().unwrap());
        }
        Ok(response)
    }

    async fn delete_job(&self, request: Request<jobs::DeleteJobRequest>) -> Answer<jobs::DeleteJobResponse> {
        self.saw("DeleteJob", &request);
        Ok(Response::new(jobs::DeleteJobResponse::default()))
    }

    async fn restart_job(
        &self,
        request: Request<jobs::RestartJobRequest>,
    ) -> Answer<jobs::RestartJobResponse> {
        self.saw("RestartJob", &request);
        Ok(Response::new(jobs::RestartJobResponse::default()))
    }

    async fn run_job(&self, request: Request<jobs::RunJobRequest>) -> Answer<jobs::RunJobResponse> {
        self.saw("RunJob", &request);
        Ok(Response::new(jobs::RunJobResponse::default()))
    }

    type WatchJobsStream = Items<jobs::WatchJobsResponse>;

    async fn watch_jobs(&self, request: Request<jobs::WatchJobsRequest>) -> Answer<Self::WatchJobsStream> {
        self.saw("WatchJobs", &request);
        if let Some(name) = &request.get_ref().name {
            fate(self, name).await?;
        }
        let change = |name: String| {
            let mut change = jobs::WatchJobsResponse { job: Some(named(&name)), ..Default::default() };
            change.set_type(jobs::ChangeType::Put);
            change
        };
        Ok(Response::new(Box::pin(self.lines().map(move |line| line.map(change)))))
    }

    type StreamJobLogsStream = Items<HttpBody>;

    async fn stream_job_logs(
        &self,
        request: Request<jobs::StreamJobLogsRequest>,
    ) -> Answer<Self::StreamJobLogsStream> {
        self.saw("StreamJobLogs", &request);
        fate(self, &request.get_ref().name).await?;
        let body = |line: String| HttpBody {
            content_type: "text/plain; charset=utf8".to_owned(),
            data: format!("{line}\n").into_bytes(),
            ..Default::default()
        };
        Ok(Response::new(Box::pin(self.lines().map(move |line| line.map(body)))))
    }
}

#[tonic::async_trait]
impl Runs for Fake {
    async fn list_runs(&self, request: Request<jobs::ListRunsRequest>) -> Answer<jobs::ListRunsResponse> {
        self.saw("ListRuns", &request);
        Ok(Response::new(jobs::ListRunsResponse::default()))
    }

    async fn get_run(&self, request: Request<jobs::GetRunRequest>) -> Answer<jobs::GetRunResponse> {
        self.saw("GetRun", &request);
        Ok(Response::new(jobs::GetRunResponse::default()))
    }

    type WatchRunStream = Items<jobs::WatchRunResponse>;

    async fn watch_run(&self, request: Request<jobs::WatchRunRequest>) -> Answer<Self::WatchRunStream> {
        self.saw("WatchRun", &request);
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(jobs::WatchRunResponse::default())))))
    }

    async fn cancel_run(&self, request: Request<jobs::CancelRunRequest>) -> Answer<jobs::CancelRunResponse> {
        self.saw("CancelRun", &request);
        Ok(Response::new(jobs::CancelRunResponse::default()))
    }

    type AttachRunStream = Items<jobs::AttachRunResponse>;

    async fn attach_run(
        &self,
        request: Request<tonic::Streaming<jobs::AttachRunRequest>>,
    ) -> Answer<Self::AttachRunStream> {
        let mut input = request.into_inner();
        // the head of the answer waits for the first message, as that of many servers does
        let mut next = input.message().await?;
        let echoed = async_stream::try_stream! {
            while let Some(message) = next {
                use jobs::attach_run_response::Output;
                yield jobs::AttachRunResponse { output: Some(Output::Stdout(message.input)) };
                next = input.message().await?;
            }
            Err(Status::aborted("the input has ended"))?;
        };
        Ok(Response::new(Box::pin(echoed)))
    }
}

#[tonic::async_trait]
impl Images for Fake {
    async fn list_images(
        &self,
        request: Request<jobs::ListImagesRequest>,
    ) -> Answer<jobs::ListImagesResponse> {
        self.saw("ListImages", &request);
        Ok(Response::new(jobs::ListImagesResponse::default()))
    }
}

#[tonic::async_trait]
impl Quotas for Fake {
    async fn get_quota(&self, request: Request<jobs::GetQuotaRequest>) -> Answer<jobs::GetQuotaResponse> {
        self.saw("GetQuota", &request);
        Ok(Response::new(jobs::GetQuotaResponse::default()))
    }
}

#[tonic::async_trait]
impl JobsStatus for Fake {
    async fn get_health(&self, request: Request<jobs::GetHealthRequest>) -> Answer<jobs::GetHealthResponse> {
        self.saw("jobs GetHealth", &request);
        let health = jobs::Health { status: "OK".to_owned(), message: "OK".to_owned() };
        Ok(Response::new(jobs::GetHealthResponse { health: Some(health), ..Default::default() }))
    }

    async fn get_metrics(&self, request: Request<jobs::GetMetricsRequest>) -> Answer<HttpBody> {
        self.saw("GetMetrics", &request);
        Ok(Response::new(HttpBody {
            content_type: "text/plain; version=0.0.4".to_owned(),
            data: b"up 1\n".to_vec(),
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl Logs for Fake {
    async fn query_logs(&self, request: Request<logs::QueryLogsRequest>) -> Answer<logs::QueryLogsResponse> {
        self.saw("QueryLogs", &request);
        Ok(Response::new(logs::QueryLogsResponse::default()))
    }

    type StreamLogsStream = Items<logs::LogEntry>;

    async fn stream_logs(&self, request: Request<logs::StreamLogsRequest>) -> Answer<Self::StreamLogsStream> {
        self.saw("StreamLogs", &request);
        fate(self, &request.get_ref().name).await?;
        let entry = |message: String| logs::LogEntry { message, ..Default::default() };
        Ok(Response::new(Box::pin(self.lines().map(move |line| line.map(entry)))))
    }
}

#[tonic::async_trait]
impl LogsStatus for Fake {
    async fn get_health(&self, request: Request<logs::GetHealthRequest>) -> Answer<logs::GetHealthResponse> {
        self.saw("logs GetHealth", &request);
        Ok(Response::new(logs::GetHealthResponse::default()))
    }
}
