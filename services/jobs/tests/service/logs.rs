//! Output: pages, streams, and the stream of former clients.

use api::jobs::v1::{JobSpec, RunState, StreamJobLogsRequest};
use api::logs::v1::{Direction, LogPage, QueryLogsRequest, Stream, StreamLogsRequest};
use futures_util::StreamExt as _;
use tonic::{Code, Status};

use crate::world::{Refused, World, next, one_off};

fn query() -> QueryLogsRequest {
    QueryLogsRequest { tool: "alpha".into(), name: "a".into(), ..QueryLogsRequest::default() }
}

async fn page(world: &World, request: QueryLogsRequest) -> Result<LogPage, Status> {
    Ok(world.logs().query_logs(request).await?.into_inner().data.unwrap())
}

fn texts(page: &LogPage) -> Vec<&str> {
    page.logs.iter().map(|entry| entry.message.as_str()).collect()
}

/// A job that has written and ended.
async fn written(cmd: &str) -> World {
    let world = World::new().await;
    world.create(one_off("a", cmd)).await.unwrap();
    world.run_in("a", RunState::Succeeded).await;
    world
}

#[tokio::test]
async fn entries_say_what_wrote_them_where_and_when() {
    let world = written("echo out; echo err >&2").await;
    let page = page(&world, query()).await.unwrap();
    assert_eq!(texts(&page), ["out", "err"]);
    let [out, err] = &page.logs[..] else { panic!("two entries") };
    assert_eq!((out.stream(), err.stream()), (Stream::Stdout, Stream::Stderr));
    assert!(out.pod.starts_with("a-") && out.pod == err.pod, "{} and {}", out.pod, err.pod);
    assert_eq!((out.container.as_str(), out.datetime.unwrap().seconds % 60), ("job", 5));
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn the_address_of_the_next_page_leads_to_the_rest() {
    let world = written("echo 1; echo 2; echo 3").await;
    let first = QueryLogsRequest { page_size: Some(2), since: Some("5m".into()), ..query() };
    let found = page(&world, first.clone()).await.unwrap();
    assert_eq!(texts(&found), ["1", "2"]);
    let url = found.next.unwrap().url;
    let values: Vec<(&str, String)> = url
        .strip_prefix('?')
        .unwrap()
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name, value.replace("%3A", ":").replace("%2B", "+")))
        .collect();
    let value = |name: &str| values.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone());
    assert_eq!(value("page_size").as_deref(), Some("2"));
    // An age is a moment from then on, so that every page is of one window.
    let since: jiff::Timestamp = value("since").unwrap().parse().unwrap();
    assert_eq!(since, "2026-11-23T09:55:05Z".parse().unwrap());
    world.advance(120);
    let second = QueryLogsRequest { cursor: value("cursor"), since: value("since"), ..first };
    let found = page(&world, second).await.unwrap();
    assert_eq!((texts(&found), found.next.clone()), (vec!["3"], None));
}

#[tokio::test]
async fn output_can_be_chosen() {
    let world = written("echo 1; echo 2; echo bad >&2").await;
    let chosen = |request: QueryLogsRequest| async {
        texts(&page(&world, request).await.unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let newest = QueryLogsRequest { direction: Some(Direction::NewestFirst.into()), ..query() };
    assert_eq!(chosen(newest).await, ["bad", "2", "1"]);
    let errors = QueryLogsRequest { stream: Some(Stream::Stderr.into()), ..query() };
    assert_eq!(chosen(errors).await, ["bad"]);
    assert_eq!(chosen(QueryLogsRequest { lines: Some(2), ..query() }).await, ["2", "bad"]);
    let run = Some(world.run_of("a").await.name);
    assert_eq!(chosen(QueryLogsRequest { run, ..query() }).await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_by_name() {
    let world = written("echo 1").await;
    for (request, field) in [
        (QueryLogsRequest { lines: Some(5001), ..query() }, "lines"),
        (QueryLogsRequest { lines: Some(0), ..query() }, "lines"),
        (QueryLogsRequest { since: Some("soon".into()), ..query() }, "since"),
        (QueryLogsRequest { until: Some("x".into()), ..query() }, "until"),
        (QueryLogsRequest { page_size: Some(5001), ..query() }, "page_size"),
        (QueryLogsRequest { page_size: Some(-1), ..query() }, "page_size"),
        (QueryLogsRequest { direction: Some(9), ..query() }, "direction"),
        (QueryLogsRequest { stream: Some(9), ..query() }, "stream"),
        (QueryLogsRequest { cursor: Some("x".into()), ..query() }, "cursor"),
        (QueryLogsRequest { run: Some("?".into()), ..query() }, "run"),
        (QueryLogsRequest { name: String::new(), ..query() }, "name"),
    ] {
        let found = Refused::by(page(&world, request.clone()).await);
        assert_eq!(
            (found.code, found.fields),
            (Code::InvalidArgument, vec![field.to_owned()]),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn what_has_no_output_here_is_not_found_with_its_reason() {
    let world = World::new().await;
    let files = JobSpec { filelog: Some(true), ..one_off("a", "sleep 500") };
    world.create(files).await.unwrap();
    let found = Refused::by(page(&world, query()).await);
    assert_eq!(found.parts(), (Code::NotFound, "LOGS_IN_FILES", None, vec![]));
    let found = Refused::by(page(&world, QueryLogsRequest { name: "never".into(), ..query() }).await);
    assert_eq!(found.parts(), (Code::NotFound, "NO_LOGS", None, vec![]));
    let former = StreamJobLogsRequest { tool: "alpha".into(), name: "never".into(), ..Default::default() };
    let found = Refused::by(world.jobs().stream_job_logs(former).await);
    assert_eq!(found.parts(), (Code::NotFound, "NO_LOGS", None, vec![]));
    let stream = StreamLogsRequest { tool: "alpha".into(), name: "never".into(), ..Default::default() };
    let found = Refused::by(world.logs().stream_logs(stream).await);
    assert_eq!(found.parts(), (Code::NotFound, "NO_LOGS", None, vec![]));
}

#[tokio::test]
async fn a_stream_follows_to_the_end_of_the_job() {
    let world = World::new().await;
    world.create(one_off("a", "echo 1; sleep 5; echo 2")).await.unwrap();
    world.run_in("a", RunState::Running).await;
    let request = StreamLogsRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    let mut entries = world.logs().stream_logs(request).await.unwrap().into_inner();
    assert_eq!(next(&mut entries).await.unwrap().message, "1");
    world.advance(5);
    assert_eq!(next(&mut entries).await.unwrap().message, "2");
    assert_eq!(entries.message().await.unwrap(), None);
}

#[tokio::test]
async fn former_clients_get_a_json_object_a_line() {
    let world = written("echo a\"b; echo 2").await;
    let request = StreamJobLogsRequest { tool: "alpha".into(), name: "a".into(), ..Default::default() };
    let bodies = world.jobs().stream_job_logs(request.clone()).await.unwrap().into_inner();
    let bodies: Vec<_> = bodies.map(Result::unwrap).collect().await;
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0].content_type, "text/plain; charset=utf8");
    let line = String::from_utf8(bodies[0].data.clone()).unwrap();
    assert!(line.ends_with("}\n") && line.trim_end().lines().count() == 1, "{line:?}");
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["message"], "a\"b");
    assert_eq!((&json["container"], &json["datetime"]), (&"job".into(), &"2026-11-23T10:00:05Z".into()));
    let last = StreamJobLogsRequest { lines: Some("1".into()), ..request.clone() };
    let bodies = world.jobs().stream_job_logs(last).await.unwrap().into_inner();
    assert_eq!(bodies.count().await, 1);
    let bad = StreamJobLogsRequest { lines: Some("many".into()), ..request };
    let found = Refused::by(world.jobs().stream_job_logs(bad).await);
    assert_eq!((found.code, found.fields), (Code::InvalidArgument, vec!["lines".to_owned()]));
    assert_eq!(found.message, "Unable to parse lines as integer");
}

#[tokio::test]
async fn former_clients_follow_with_exactly_true() {
    let world = World::new().await;
    world.create(one_off("a", "echo 1; sleep 5; echo 2")).await.unwrap();
    world.run_in("a", RunState::Running).await;
    let request = |follow: &str| StreamJobLogsRequest {
        tool: "alpha".into(),
        name: "a".into(),
        follow: Some(follow.into()),
        ..Default::default()
    };
    let once = world.jobs().stream_job_logs(request("yes")).await.unwrap().into_inner();
    assert_eq!(once.count().await, 1, "it ends with what there is");
    let mut follow = world.jobs().stream_job_logs(request("true")).await.unwrap().into_inner();
    next(&mut follow).await.unwrap();
    world.advance(5);
    assert!(next(&mut follow).await.unwrap().data.windows(3).any(|bytes| bytes == b"\"2\""));
}
