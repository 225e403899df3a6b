//! Who may call what, at the service itself.

use api::jobs::v1::runs_client::RunsClient;
use api::jobs::v1::{
    AttachRunRequest, CancelRunRequest, CreateJobRequest, DeleteJobRequest, FlushJobsRequest,
    GetHealthRequest, GetJobRequest, GetMetricsRequest, GetQuotaRequest, GetRunRequest, ListImagesRequest,
    ListJobsRequest, ListRunsRequest, RestartJobRequest, RunJobRequest, StreamJobLogsRequest,
    UpsertJobRequest, WatchJobsRequest, WatchRunRequest,
};
use api::logs::v1::logs_client::LogsClient;
use api::logs::v1::{QueryLogsRequest, StreamLogsRequest};
use tonic::Code;

use crate::world::{World, continuous};

/// The code of every call about `alpha` that this caller makes.
async fn codes(world: &World, caller: &str) -> Vec<(&'static str, Code)> {
    let (mut jobs, channel) = (world.jobs_as(caller), world.channel(caller));
    let (mut runs, mut logs) = (RunsClient::new(channel.clone()), LogsClient::new(channel));
    let (tool, name) = (|| "alpha".to_owned(), || "gone".to_owned());
    let mut codes = Vec::new();
    macro_rules! call {
        ($client:ident . $method:ident ( $message:ident { $($field:ident : $value:expr),* } )) => {
            let mut request = $message::default();
            request.tool = tool();
            $(request.$field = $value;)*
            let code = match $client.$method(request).await {
                Ok(_) => Code::Ok,
                Err(status) => status.code(),
            };
            codes.push((stringify!($method), code));
        };
    }
    call!(jobs.list_jobs(ListJobsRequest {}));
    call!(jobs.create_job(CreateJobRequest {}));
    call!(jobs.upsert_job(UpsertJobRequest {}));
    call!(jobs.get_job(GetJobRequest { name: name() }));
    call!(jobs.delete_job(DeleteJobRequest { name: name() }));
    call!(jobs.restart_job(RestartJobRequest { name: name() }));
    call!(jobs.run_job(RunJobRequest { name: name() }));
    call!(jobs.watch_jobs(WatchJobsRequest {}));
    call!(jobs.stream_job_logs(StreamJobLogsRequest { name: name() }));
    call!(runs.list_runs(ListRunsRequest {}));
    call!(runs.get_run(GetRunRequest { name: name() }));
    call!(runs.watch_run(WatchRunRequest { name: name() }));
    call!(runs.cancel_run(CancelRunRequest { name: name() }));
    call!(logs.query_logs(QueryLogsRequest { name: name() }));
    call!(logs.stream_logs(StreamLogsRequest { name: name() }));
    let attach = AttachRunRequest { tool: tool(), name: name(), input: Vec::new() };
    let attached = runs.attach_run(futures_util::stream::iter([attach])).await;
    codes.push(("attach_run", attached.map_or_else(|status| status.code(), |_| Code::Ok)));
    let quota = world.quotas(caller).get_quota(GetQuotaRequest { tool: tool() }).await;
    codes.push(("get_quota", quota.map_or_else(|status| status.code(), |_| Code::Ok)));
    let images = world.images(caller).list_images(ListImagesRequest { tool: tool() }).await;
    codes.push(("list_images", images.map_or_else(|status| status.code(), |_| Code::Ok)));
    call!(jobs.flush_jobs(FlushJobsRequest {}));
    codes
}

#[tokio::test]
async fn other_tools_services_and_strangers_are_refused_every_call() {
    let world = World::new().await;
    world.create(continuous("a")).await.unwrap();
    for (caller, expected) in [
        ("anonymous", Code::Unauthenticated),
        ("tool:beta", Code::PermissionDenied),
        ("deploy:alpha", Code::PermissionDenied),
        ("service:config", Code::PermissionDenied),
        ("service:gateway", Code::PermissionDenied),
    ] {
        for (method, code) in codes(&world, caller).await {
            assert_eq!(code, expected, "{caller} calls {method}");
        }
    }
    assert!(world.get("a").await.is_ok(), "nothing was done");
}

#[tokio::test]
async fn the_tool_and_administrators_reach_every_handler() {
    let world = World::new().await;
    for caller in ["tool:alpha", "admin:root"] {
        for (method, code) in codes(&world, caller).await {
            let refused = [Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented];
            assert!(!refused.contains(&code), "{caller} calls {method}: {code:?}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_is_not_named_is_not_its_own() {
    let world = World::new().await;
    let request = ListJobsRequest::default();
    let status = world.jobs().list_jobs(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn health_and_metrics_are_for_everybody() {
    let world = World::new().await;
    let health = world.status().get_health(GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.health.unwrap().status, "OK");
    let metrics = world.status().get_metrics(GetMetricsRequest {}).await.unwrap().into_inner();
    assert_eq!(metrics.content_type, "text/plain; version=0.0.4");
    assert_eq!(metrics.data, b"jobs_total 1\n".as_slice());
    let mut logs = api::logs::v1::status_client::StatusClient::new(world.channel("anonymous"));
    let health = logs.get_health(api::logs::v1::GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.data.unwrap().status, "OK");
}
