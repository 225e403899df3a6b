//! gRPC through the gateway, with generated clients.

use std::time::Duration;

use api::jobs::v1::attach_run_response::Output;
use api::jobs::v1::jobs_client::JobsClient;
use api::jobs::v1::runs_client::RunsClient;
use api::jobs::v1::status_client::StatusClient;
use api::jobs::v1::{AttachRunRequest, GetHealthRequest, GetJobRequest, ListJobsRequest, WatchJobsRequest};
use mesh::client::Channel;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::pki::Identity;
use crate::world::{World, start, within};

fn jobs(world: &World) -> JobsClient<Channel> {
    JobsClient::new(world.channel(&world.alpha))
}

fn get(tool: &str, name: &str) -> GetJobRequest {
    GetJobRequest { tool: tool.to_owned(), name: name.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_call_and_its_metadata_pass_through() {
    let world = start().await;
    let mut request = Request::new(get("alpha", "x"));
    request.metadata_mut().insert("x-own", "kept".parse().unwrap());
    request.metadata_mut().insert_bin("x-own-bin", MetadataValue::from_bytes(b"\0\xff"));
    request.metadata_mut().insert("x-toolforge-principal", "admin:root".parse().unwrap());
    request.metadata_mut().insert("x-toolforge-tool", "beta".parse().unwrap());
    request.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    let response = jobs(&world).get_job(request).await.unwrap();
    assert_eq!(response.metadata().get("x-answer").unwrap(), "from the backend");
    assert!(response.metadata().get("x-request-id").is_some());
    assert_eq!(response.into_inner().job.unwrap().name.as_deref(), Some("x"));
    let seen = world.fake.only();
    assert_eq!((seen.method, seen.caller.to_string().as_str()), ("GetJob", "tool:alpha"));
    assert_eq!(seen.headers.get("x-own").unwrap(), "kept");
    assert_eq!(seen.headers.get("x-own-bin").unwrap(), "AP8");
    for gone in ["x-toolforge-principal", "x-toolforge-tool", "authorization"] {
        assert!(!seen.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_rich_status_passes_through_untouched() {
    let world = start().await;
    let status = jobs(&world).get_job(get("alpha", "missing")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "Job 'missing' does not exist"));
    let problem = mesh::status::Problem::read(&status);
    assert_eq!((&*problem.reason, problem.violations.len()), ("JOB_NOT_FOUND", 1));
}

#[tokio::test]
async fn streams_pass_through_message_by_message() {
    let world = start().await;
    let feed = world.fake.feed();
    let request = WatchJobsRequest { tool: "alpha".to_owned(), name: None };
    let mut stream = within(jobs(&world).watch_jobs(request)).await.unwrap().into_inner();
    for name in ["a", "b"] {
        feed.send(Ok(name.to_owned())).await.unwrap();
        let change = within(stream.message()).await.unwrap().unwrap();
        assert_eq!(change.job.unwrap().name.as_deref(), Some(name));
    }
    feed.send(Err(tonic::Status::aborted("enough"))).await.unwrap();
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "enough"));
}

#[tokio::test]
async fn two_streams_at_once_pass_through() {
    let world = start().await;
    let (send, input) = mpsc::channel(1);
    let mut client = RunsClient::new(world.channel(&world.alpha));
    let message = |input: &[u8]| AttachRunRequest {
        tool: "alpha".to_owned(),
        name: "r".to_owned(),
        input: input.to_vec(),
    };
    send.send(message(b"one")).await.unwrap();
    let mut output = within(client.attach_run(ReceiverStream::new(input))).await.unwrap().into_inner();
    for (next, expected) in [(Some(&b"two"[..]), &b"one"[..]), (None, b"two")] {
        let echoed = within(output.message()).await.unwrap().unwrap();
        assert_eq!(echoed.output, Some(Output::Stdout(expected.to_vec())));
        match next {
            Some(next) => send.send(message(next)).await.unwrap(),
            None => drop(send.clone()),
        }
    }
    drop(send);
    let status = within(output.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "the input has ended"));
}

#[tokio::test]
async fn a_deadline_holds() {
    let world = start().await;
    let mut request = Request::new(get("alpha", "slow"));
    request.set_timeout(Duration::from_millis(150));
    let status = within(jobs(&world).get_job(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let seen = world.fake.only();
    assert!(seen.headers.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn the_same_rule_holds_as_for_rest() {
    let world = start().await;
    let refused = jobs(&world).get_job(get("beta", "x")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = jobs(&world).get_job(get("alpha.notthistool", "x")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nobody = world.channel(&Identity::default());
    let refused = JobsClient::new(nobody.clone()).list_jobs(ListJobsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(world.fake.seen().is_empty());
    StatusClient::new(nobody).get_health(GetHealthRequest::default()).await.unwrap();
    let admin = world.channel(&world.pki.clients.client("admins", "root", 1));
    JobsClient::new(admin).get_job(get("beta", "x")).await.unwrap();
}

#[tokio::test]
async fn what_nobody_serves_is_unimplemented() {
    let world = start().await;
    let mut client = tonic::client::Grpc::new(world.channel(&world.alpha));
    for path in
        ["/toolforge.jobs.v1.Jobs/Nonsense", "/nobody.v1.Nothing/Do", "/grpc.health.v1.Health/Nonsense"]
    {
        let codec = tonic_prost::ProstCodec::<GetHealthRequest, GetHealthRequest>::default();
        let request = Request::new(GetHealthRequest::default());
        let status = client.unary(request, path.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_backend_that_is_away_is_unavailable() {
    let mut world = start().await;
    world.backend.stop();
    within(&mut world.served).await.unwrap();
    let status = within(jobs(&world).get_job(get("alpha", "x"))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the service jobs is not available, please try again later");
}

#[tokio::test]
async fn over_http1_grpc_is_refused_in_its_own_words() {
    let world = start().await;
    let headers = "Content-Type: application/grpc\r\n";
    let target = "/toolforge.jobs.v1.Jobs/ListJobs";
    let reply = world.connect().await.request("POST", target, headers, b"\0\0\0\0\0").await;
    assert_eq!(reply.line, "HTTP/1.1 200 OK");
    assert_eq!(reply.header("grpc-status"), Some("12"));
}
