//! Requests that cannot be right: each is refused with the place named, and nothing reaches a service.

use serde_json::Value;

use crate::raw::Reply;
use crate::world::{World, start};

const JOBS: &str = "/jobs/v1/tool/alpha/jobs/";

/// The refusal in every shape that a client looks for it in (contract 2.4); gives the sentence.
pub(crate) fn refusal(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    let lines = body["error"].as_array().unwrap();
    assert!(!lines.is_empty() && lines.iter().all(Value::is_string), "{body}");
    assert_eq!(body["messages"]["error"], body["error"]);
    for list in [&body["info"], &body["warning"], &body["messages"]["info"], &body["messages"]["warning"]] {
        assert_eq!(list.as_array().map(Vec::len), Some(0), "{body}");
    }
    let text: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    assert_eq!(body["message"], text.join("\n"));
    assert!(body["code"].is_i64() && body["status"].is_string() && body["details"].is_array(), "{body}");
    text.join("\n")
}

async fn refused(world: &World, body: &[u8]) -> (u16, String) {
    let reply = world.send("POST", JOBS, body).await;
    let text = refusal(&reply);
    assert!(world.fake.seen().is_empty(), "{text}");
    (reply.status(), text)
}

#[tokio::test]
async fn the_field_is_named() {
    let world = start().await;
    for (body, place) in [
        (r#"{"name": 5}"#, "name: "),
        (r#"{"name": ["x"]}"#, "name: "),
        (r#"{"name": {}}"#, "name: "),
        (r#"{"name": true}"#, "name: "),
        (r#"{"retry": "many"}"#, "retry: "),
        (r#"{"retry": 1.5}"#, "retry: "),
        (r#"{"retry": 4294967296}"#, "retry: "),
        (r#"{"port": "80 80"}"#, "port: "),
        (r#"{"port": -99999999999}"#, "port: "),
        (r#"{"replicas": null, "filelog": "yes"}"#, "filelog: "),
        (r#"{"filelog": 1}"#, "filelog: "),
        (r#"{"job_type": "sometimes"}"#, "job_type: "),
        (r#"{"job_type": 1.5}"#, "job_type: "),
        (r#"{"port_protocol": "TCP"}"#, "port_protocol: "),
        (r#"{"health_check": "script"}"#, "health_check: "),
        (r#"{"health_check": {"type": "script", "shell": "x"}}"#, "health_check.shell: unknown field"),
        (r#"{"nonsense": 1}"#, "nonsense: unknown field"),
        (r#"{"name": "x", "name": "y"}"#, "name: the field is given twice"),
        (r#"{"job_type": "one-off", "jobType": "one-off"}"#, "job_type: the field is given twice"),
    ] {
        let (status, text) = refused(&world, body.as_bytes()).await;
        assert!((400..500).contains(&status), "{body}: {status}");
        assert!(text.starts_with(place), "{body}: {text}");
    }
}

#[tokio::test]
async fn the_position_is_named() {
    let world = start().await;
    for body in
        ["[1]", "1", "\"x\"", "{\"name\" \"x\"}", "{\"name\": \"x\",}", "{'name': 'x'}", "{} {}", "nul"]
    {
        let (status, text) = refused(&world, body.as_bytes()).await;
        assert_eq!(status, 400, "{body}");
        assert!(text.contains("position"), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_body_cut_at_any_byte_is_refused() {
    let world = start().await;
    let whole =
        r#"{"name": "xé", "retry": 3, "filelog": true, "health_check": {"type": "http", "path": "/"}}"#;
    let mut connection = world.connect().await;
    for end in 1..whole.len() {
        let json = "Content-Type: application/json\r\n";
        let reply = connection.request("POST", JOBS, json, &whole.as_bytes()[..end]).await;
        assert_eq!(reply.status(), 400, "cut at {end}");
        assert!(refusal(&reply).contains("position"), "cut at {end}: {}", refusal(&reply));
    }
    assert!(world.fake.seen().is_empty());
    assert_eq!(world.send("POST", JOBS, whole.as_bytes()).await.status(), 201);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let world = start().await;
    for name in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"a\nb", b"\0"] {
        let body = [b"{\"name\": \"", name, b"\"}"].concat();
        let (status, text) = refused(&world, &body).await;
        assert_eq!(status, 400, "{name:?}");
        assert!(text.contains("position"), "{name:?}: {text}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused() {
    let world = start().await;
    let name = [b"{\"name\": \"", &vec![b'x'; 10 << 20][..], b"\"}"].concat();
    let (status, text) = refused(&world, &name).await;
    assert_eq!((status, &*text), (413, "the body is larger than 4194304 bytes"));

    let mut chunked = world.connect().await;
    let head = format!("POST {JOBS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunked.write(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
    for _ in 0..80 {
        if chunked.write(&chunk).await.is_err() {
            break;
        }
    }
    assert_eq!(chunked.reply(false).await.line, "HTTP/1.1 413 Payload Too Large");

    let deep = format!("{{\"health_check\": {}", "[".repeat(100_000));
    assert_eq!(refused(&world, deep.as_bytes()).await.0, 400);
    let deep = format!("{{\"nonsense\": {}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(refused(&world, deep.as_bytes()).await.0, 400);
    assert_eq!(world.send("POST", JOBS, br#"{"name": "x"}"#).await.status(), 201);
}

#[tokio::test]
async fn queries_are_checked() {
    let world = start().await;
    for (query, place) in [
        ("nonsense=1", "nonsense: unknown query parameter"),
        ("include_unset=true&include_unset=true", "include_unset: the query parameter is given twice"),
        ("page_size=many", "page_size: "),
        ("page_size=99999999999", "page_size: "),
        ("tool=beta", "tool: "),
        ("page_token=%ff", "page_token"),
    ] {
        let reply = world.request("GET", &format!("{JOBS}?{query}")).await;
        let text = refusal(&reply);
        assert_eq!(reply.line, "HTTP/1.1 400 Bad Request", "{query}");
        assert!(text.starts_with(place), "{query}: {text}");
    }
    let reply = world.send("POST", &format!("{JOBS}?job.name=x"), br#"{"name": "y"}"#).await;
    assert_eq!(reply.status(), 400);
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn bodies_must_be_json_and_wanted() {
    let world = start().await;
    let mut connection = world.connect().await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let reply = connection.request("POST", JOBS, form, b"name=x").await;
    assert_eq!(reply.line, "HTTP/1.1 415 Unsupported Media Type");
    refusal(&reply);
    let reply = connection.request("GET", JOBS, "", b"{\"a\": 1}").await;
    assert_eq!(reply.status(), 400);
    refusal(&reply);
    let reply = connection.request("GET", JOBS, "", &vec![b' '; 100_000]).await;
    assert_eq!(reply.line, "HTTP/1.1 413 Payload Too Large");
    assert!(world.fake.seen().is_empty());
    assert_eq!(connection.request("DELETE", JOBS, "", b"{}").await.status(), 200);
}

#[tokio::test]
async fn the_place_is_a_detail_too() {
    let world = start().await;
    let reply = world.send("POST", JOBS, br#"{"nonsense": 1}"#).await;
    let body = reply.json();
    assert_eq!((&body["code"], &body["status"]), (&3.into(), &"INVALID_ARGUMENT".into()));
    let detail = &body["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.BadRequest");
    let violations = detail.get("field_violations").or_else(|| detail.get("fieldViolations")).unwrap();
    assert_eq!(violations[0]["field"], "nonsense");
}
