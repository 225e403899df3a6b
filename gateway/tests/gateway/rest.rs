//! Every route of the jobs service, and what REST reads and prints.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};
use transcode::{CompileOptions, GoogleRules, Program};

use crate::world::{World, start};

/// HTTP method, path, body, status, RPC.
const ROUTES: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/jobs/v1/tool/alpha/jobs", "", 200, "ListJobs"),
    ("POST", "/jobs/v1/tool/alpha/jobs", r#"{"name": "x"}"#, 201, "CreateJob"),
    ("PUT", "/jobs/v1/tool/alpha/jobs", r#"{"name": "x"}"#, 201, "CreateJob"),
    ("PATCH", "/jobs/v1/tool/alpha/jobs", r#"{"name": "x"}"#, 200, "UpsertJob"),
    ("DELETE", "/jobs/v1/tool/alpha/jobs", "", 200, "FlushJobs"),
    ("GET", "/jobs/v1/tool/alpha/jobs/x", "", 200, "GetJob"),
    ("DELETE", "/jobs/v1/tool/alpha/jobs/x", "", 200, "DeleteJob"),
    ("POST", "/jobs/v1/tool/alpha/jobs/x/restart", "", 200, "RestartJob"),
    ("POST", "/jobs/v1/tool/alpha/jobs/x/runs", "{}", 201, "RunJob"),
    ("GET", "/jobs/v1/tool/alpha/jobs/x/logs", "", 200, "StreamJobLogs"),
    ("GET", "/jobs/v1/tool/alpha/runs", "", 200, "ListRuns"),
    ("GET", "/jobs/v1/tool/alpha/jobs/x/runs", "", 200, "ListRuns"),
    ("GET", "/jobs/v1/tool/alpha/runs/r", "", 200, "GetRun"),
    ("POST", "/jobs/v1/tool/alpha/runs/r/cancel", "", 200, "CancelRun"),
    ("GET", "/jobs/v1/tool/alpha/images", "", 200, "ListImages"),
    ("GET", "/jobs/v1/tool/alpha/quotas", "", 200, "GetQuota"),
    ("GET", "/jobs/v1/healthz", "", 200, "jobs GetHealth"),
    ("GET", "/jobs/v1/metrics", "", 200, "GetMetrics"),
    ("GET", "/logs/v1/tool/alpha/job/x/logs", "", 200, "QueryLogs"),
    ("GET", "/logs/v1/tool/alpha/job/x/logs_stream", "", 200, "StreamLogs"),
    ("GET", "/logs/v1/healthz", "", 200, "logs GetHealth"),
];

/// Those that end in a verb, which no slash follows.
const VERBS: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/jobs/v1/tool/alpha/jobs:watch", "", 200, "WatchJobs"),
    ("GET", "/jobs/v1/tool/alpha/runs/r:watch", "", 200, "WatchRun"),
];

#[tokio::test]
async fn every_route_is_served_with_and_without_a_slash() {
    let world = start().await;
    let mut connection = world.connect().await;
    let json = "Content-Type: application/json\r\n";
    for (slash, routes) in [("", ROUTES), ("/", ROUTES), ("", VERBS)] {
        for (method, path, body, status, rpc) in routes {
            let target = format!("{path}{slash}");
            let reply = connection.request(method, &target, json, body.as_bytes()).await;
            assert_eq!(reply.status(), *status, "{method} {target}: {}", reply.text());
            let seen = world.fake.only();
            assert_eq!(seen.method, *rpc, "{method} {target}");
            assert!(reply.header("x-request-id").is_some());
        }
    }
}

#[test]
fn no_route_of_the_protos_is_left_out() {
    let files = transcode::files_of_set(&Bytes::from_static(api::JOBS_DESCRIPTORS)).unwrap();
    let program = Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program;
    let described: BTreeSet<(String, String)> = program
        .routes()
        .map(|(method, template, _)| {
            let path = [
                ("{tool}", "alpha"),
                ("{name}:", "r:"),
                ("runs/{name}", "runs/r"),
                ("{name}", "x"),
                ("{job}", "x"),
            ]
            .iter()
            .fold(template.to_owned(), |path, (variable, value)| path.replace(variable, value));
            (method.to_owned(), path)
        })
        .collect();
    let tested =
        ROUTES.iter().chain(VERBS).map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(described, tested.collect());
}

#[tokio::test]
async fn replies_have_the_shapes_that_clients_index() {
    let world = start().await;
    for (target, body) in [
        ("/jobs/v1/tool/alpha/jobs/", json!({"jobs": [], "messages": {}})),
        ("/jobs/v1/tool/alpha/images/", json!({"images": [], "messages": {}})),
        ("/jobs/v1/tool/alpha/jobs/x", json!({"job": {"name": "x"}, "messages": {}})),
        ("/logs/v1/tool/alpha/job/x/logs", json!({"data": {"logs": []}, "messages": {}})),
    ] {
        let reply = world.request("GET", target).await;
        assert_eq!(reply.line, "HTTP/1.1 200 OK");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let got = reply.json();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&got), keys(&body), "{target}");
        assert_eq!(got["messages"], json!({}), "{target}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = start().await;
    let mut connection = world.connect().await;
    for target in ["/jobs/v1/tool/alpha/jobs", "/openapi.json", "/nowhere", "/jobs/v1/metrics"] {
        let got = connection.request("GET", target, "", b"").await;
        let head = connection.request("HEAD", target, "", b"").await;
        assert_eq!(head.line, got.line, "{target}");
        assert_eq!(head.header("content-length"), got.header("content-length"), "{target}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{target}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let world = start().await;
    let mut connection = world.connect().await;
    for target in [
        "/",
        "/nowhere",
        "/jobs/v1/tool",
        "/jobs/v1/tool/alpha/jobs/x/y/z",
        "/toolforge.jobs.v1.Jobs/ListJobs",
    ] {
        let reply = connection.request("GET", target, "", b"").await;
        assert_eq!(reply.line, "HTTP/1.1 404 Not Found", "{target}");
        assert_eq!(reply.json()["status"], "NOT_FOUND");
    }
    for (method, target, allow) in [
        ("POST", "/jobs/v1/tool/alpha/images", "GET, HEAD"),
        ("BREW", "/jobs/v1/tool/alpha/jobs/x/restart", "POST"),
    ] {
        let reply = connection.request(method, target, "", b"").await;
        assert_eq!(reply.line, "HTTP/1.1 405 Method Not Allowed", "{target}");
        assert_eq!(reply.header("allow"), Some(allow));
        assert!(!reply.json()["error"][0].as_str().unwrap().is_empty());
    }
    let options = connection.request("OPTIONS", "/jobs/v1/tool/alpha/jobs", "", b"").await;
    assert_eq!(options.line, "HTTP/1.1 204 No Content");
    assert_eq!(options.header("allow"), Some("DELETE, GET, HEAD, PATCH, POST, PUT, OPTIONS"));
    let odd = connection.request("GET", "/jobs/v1/tool/alpha/../beta/jobs", "", b"").await;
    assert_eq!(odd.line, "HTTP/1.1 400 Bad Request");
    assert!(world.fake.seen().is_empty());
}

async fn asked(world: &World, target: &str) -> String {
    let reply = world.request("GET", target).await;
    assert_eq!(reply.status(), 200, "{target}: {}", reply.text());
    world.fake.only().request
}

#[tokio::test]
async fn booleans_of_every_client_are_understood() {
    let world = start().await;
    for (text, value) in
        [("true", true), ("True", true), ("1", true), ("false", false), ("False", false), ("0", false)]
    {
        let request = asked(&world, &format!("/jobs/v1/tool/alpha/jobs/?include_unset={text}")).await;
        assert!(request.contains(&format!("include_unset: Some({value})")), "{request}");
    }
    let request = asked(&world, "/jobs/v1/tool/alpha/jobs/").await;
    assert!(request.contains("include_unset: None"), "{request}");
    let reply = world.request("GET", "/jobs/v1/tool/alpha/jobs/?include_unset=maybe").await;
    assert_eq!(reply.status(), 400);
    assert!(reply.json()["error"][0].as_str().unwrap().starts_with("include_unset: "));
}

#[tokio::test]
async fn numbers_may_be_written_as_texts() {
    let world = start().await;
    for port in [r#""8080""#, "8080", "8080.0", "8.08e3"] {
        let body = format!(r#"{{"name": "x", "port": {port}}}"#);
        let reply = world.send("POST", "/jobs/v1/tool/alpha/jobs/", body.as_bytes()).await;
        assert_eq!(reply.line, "HTTP/1.1 201 Created", "{}", reply.text());
        assert!(world.fake.only().request.contains("port: Some(8080)"));
    }
    let words = br#"{"name": "x", "job_type": "one-off", "emails": "onfailure"}"#;
    assert_eq!(world.send("POST", "/jobs/v1/tool/alpha/jobs/", words).await.status(), 201);
    let request = world.fake.only().request;
    assert!(request.contains("job_type: Some(OneOff)"), "{request}");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let world = start().await;
    let mut connection = world.connect().await;
    let (target, json) = ("/jobs/v1/tool/alpha/jobs", "Content-Type: application/json\r\n");
    for round in 0..50 {
        let body = if round % 2 == 0 { &b"{\"name\": \"x\"}"[..] } else { b"{" };
        let reply = connection.request("POST", target, json, body).await;
        assert_eq!(reply.status(), if round % 2 == 0 { 201 } else { 400 });
    }
    // requests that follow one another without waiting are answered in order
    for name in ["a", "b", "c"] {
        connection.ask("GET", &format!("{target}/{name}"), "", b"").await;
    }
    for name in ["a", "b", "c"] {
        assert_eq!(connection.reply(false).await.json()["job"]["name"], name);
    }
}

#[tokio::test]
async fn trace_and_request_id_go_along() {
    let world = start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = format!("Traceparent: 00-{trace}-00f067aa0ba902b7-01\r\nX-Request-Id: mine-1\r\n");
    let mut connection = world.connect().await;
    let reply = connection.request("GET", "/jobs/v1/tool/alpha/jobs", &headers, b"").await;
    assert_eq!(reply.header("x-request-id"), Some("mine-1"));
    let seen = world.fake.only();
    let text = |name: &str| seen.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(text("x-request-id"), "mine-1");
    assert!(text("traceparent").starts_with(&format!("00-{trace}-")));
    assert!(!text("traceparent").contains("00f067aa0ba902b7"), "the gateway's own span is the parent");
    assert!(seen.headers.contains_key("grpc-timeout"));
}
