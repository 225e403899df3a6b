//! The end of a gateway: calls finish, streams say that they end, and it is over in bounded time.

use std::time::Duration;

use api::jobs::v1::WatchJobsRequest;
use api::jobs::v1::jobs_client::JobsClient;
use gateway::Limits;
use mesh::drain::Grace;
use serde_json::Value;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::pki::Identity;
use crate::world::{Setup, World, start_with, within};

async fn start(streams: Duration, total: Duration) -> World {
    let grace = Grace { announce: Duration::ZERO, streams, total };
    start_with(Setup { limits: Limits { grace, ..Limits::default() }, ..Setup::default() }).await
}

#[tokio::test]
async fn a_call_under_way_is_answered() {
    let mut world = start(Duration::from_secs(30), Duration::from_mins(1)).await;
    let mut connection = world.connect().await;
    let mut idle = world.connect().await;
    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/slow", "", b"").await;
    within(world.fake.begun.notified()).await;
    world.drain.begin();
    assert!(idle.is_closed().await, "a connection without calls is closed");
    assert!(TcpStream::connect(world.address).await.is_err(), "nobody is let in");
    world.fake.release.notify_one();
    let reply = connection.reply(false).await;
    assert_eq!(reply.line, "HTTP/1.1 200 OK");
    assert_eq!(reply.header("connection"), Some("close"));
    within(&mut world.serving).await.unwrap();
}

#[tokio::test]
async fn streams_end_with_an_explicit_last_record() {
    let mut world = start(Duration::from_millis(50), Duration::from_mins(1)).await;
    let feed = world.fake.feed();
    feed.send(Ok("first".to_owned())).await.unwrap();
    let mut records = world.connect().await;
    let headers = "TE: trailers\r\n";
    records.ask("GET", "/logs/v1/tool/alpha/job/x/logs_stream", headers, b"").await;
    assert_eq!(records.head().await.unwrap().line, "HTTP/1.1 200 OK");
    assert!(records.chunk().await.unwrap().is_some());

    let _others = world.fake.feed();
    let mut client = JobsClient::new(world.channel(&world.alpha));
    let request = WatchJobsRequest { tool: "alpha".to_owned(), name: None };
    let mut passed = within(client.watch_jobs(request)).await.unwrap().into_inner();
    let mut client = HealthClient::new(world.channel(&Identity::default()));
    let mut health = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(within(health.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);

    world.drain.begin();
    let last: Value = serde_json::from_slice(&records.chunk().await.unwrap().unwrap()).unwrap();
    assert_eq!(last["error"], serde_json::json!(["the server is stopping; resume elsewhere"]));
    assert_eq!(last["status"], "UNAVAILABLE");
    assert_eq!(records.chunk().await.unwrap(), None);
    let trailers = records.fields().await.unwrap();
    assert!(trailers.contains(&("grpc-status".to_owned(), "14".to_owned())), "{trailers:?}");
    assert_eq!(within(passed.message()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(within(health.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(within(health.message()).await.unwrap_err().code(), Code::Unavailable);
    within(&mut world.serving).await.unwrap();
    within(feed.closed()).await;
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let mut world = start(Duration::from_millis(20), Duration::from_millis(100)).await;
    let mut connection = world.connect().await;
    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/slow", "", b"").await;
    within(world.fake.begun.notified()).await;
    world.drain.begin();
    within(&mut world.serving).await.unwrap();
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn a_drain_that_gives_up_ends_everything_at_once() {
    let mut world = start(Duration::from_mins(1), Duration::from_mins(1)).await;
    let mut connection = world.connect().await;
    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/slow", "", b"").await;
    within(world.fake.begun.notified()).await;
    world.drain.stop();
    within(&mut world.serving).await.unwrap();
    assert!(connection.is_closed().await);
}
