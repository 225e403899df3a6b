//! Failures of services, as REST tells them.

use serde_json::json;

use crate::bad_input::refusal;
use crate::world::{start, within};

#[tokio::test]
async fn a_rich_status_keeps_everything() {
    let world = start().await;
    let reply = world.request("GET", "/jobs/v1/tool/alpha/jobs/missing").await;
    assert_eq!(reply.line, "HTTP/1.1 404 Not Found");
    assert_eq!(refusal(&reply), "Job 'missing' does not exist");
    let body = reply.json();
    assert_eq!((&body["code"], &body["status"]), (&json!(5), &json!("NOT_FOUND")));
    let details = body["details"].as_array().unwrap();
    let of = |name: &str| {
        let kind = format!("type.googleapis.com/google.rpc.{name}");
        details.iter().find(|detail| detail["@type"] == kind).unwrap_or_else(|| panic!("{name}: {details:?}"))
    };
    assert_eq!(of("ErrorInfo")["reason"], "JOB_NOT_FOUND");
    assert_eq!(of("ErrorInfo")["domain"], "jobs.toolforge");
    assert_eq!(of("Help")["links"][0]["url"], "https://example.org/jobs");
    assert_eq!(of("BadRequest")["field_violations"][0]["field"], "name");
}

#[tokio::test]
async fn every_status_has_its_line_and_text() {
    let world = start().await;
    for (name, line, text) in [
        ("full", "HTTP/1.1 409 Conflict", "Out of quota"),
        ("lines", "HTTP/1.1 400 Bad Request", "first line\nsecond line"),
        ("mute", "HTTP/1.1 500 Internal Server Error", "unknown error"),
        ("away", "HTTP/1.1 503 Service Unavailable", "down for now"),
        ("panic", "HTTP/1.1 500 Internal Server Error", "the handler of this call failed unexpectedly"),
    ] {
        let reply = world.request("GET", &format!("/jobs/v1/tool/alpha/jobs/{name}")).await;
        assert_eq!(reply.line, line, "{name}");
        assert_eq!(refusal(&reply), text, "{name}");
        assert_eq!(reply.header("retry-after"), None);
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_backend_that_is_away_is_named_but_not_how_it_is_reached() {
    let mut world = start().await;
    world.backend.stop();
    within(&mut world.served).await.unwrap();
    let reply = world.connect().await.request("GET", "/jobs/v1/tool/alpha/jobs", "", b"").await;
    assert_eq!(reply.line, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(refusal(&reply), "the service jobs is not available, please try again later");
}

#[tokio::test]
async fn a_backend_that_breaks_off_is_an_error_of_its_own() {
    let world = start().await;
    let mut connection = world.connect().await;
    connection.ask("GET", "/jobs/v1/tool/alpha/jobs/slow", "", b"").await;
    within(world.fake.begun.notified()).await;
    world.backend.stop();
    let reply = connection.reply(false).await;
    assert_eq!(reply.line, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(refusal(&reply), "the service jobs is not available, please try again later");
}
