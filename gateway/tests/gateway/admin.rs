//! The admin port of the binary.

use std::net::SocketAddr;

use mesh::drain::Drain;
use mesh::serve::Listener;
use serde_json::Value;

use crate::backend::Fake;
use crate::process::{Process, address_of, exchange};
use crate::world::serve_backend;

/// A backend at a socket that vouches for the gateway, so that reflection answers.
pub(crate) struct Socket {
    directory: tempfile::TempDir,
    _drain: Drain,
}

impl Socket {
    pub(crate) fn new(fake: &Fake) -> Self {
        let (directory, drain) = (tempfile::tempdir().unwrap(), Drain::new());
        let socket = tokio::net::UnixListener::bind(directory.path().join("jobs")).unwrap();
        serve_backend(fake, Listener::unix(socket, "service:gateway".parse().unwrap()), &drain);
        Self { directory, _drain: drain }
    }

    pub(crate) fn backend(&self) -> String {
        format!("jobs=unix:{}", self.directory.path().join("jobs").display())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

async fn ask(address: SocketAddr, method: &str, target: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(address, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn get(address: SocketAddr, target: &str) -> (u16, String) {
    ask(address, "GET", target, "Host: localhost\r\n", "").await
}

async fn json(address: SocketAddr, target: &str) -> Value {
    let (status, body) = get(address, target).await;
    assert_eq!(status, 200, "{target}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn operators_see_what_is_served() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let process = Process::start(&["--backend", &socket.backend(), "--admin", "127.0.0.1:0"]).await;
    let admin = address_of(process.admin.as_ref().unwrap());

    let routes = json(admin, "/routes").await;
    let health =
        routes["routes"].as_array().unwrap().iter().find(|route| route["template"] == "/jobs/v1/healthz");
    let expected = serde_json::json!({
        "method": "GET",
        "template": "/jobs/v1/healthz",
        "grpc": "/toolforge.jobs.v1.Status/GetHealth",
        "backend": "jobs",
        "access": {"callers": ["public"], "tool_field": null, "services": []},
        "rules": {"trailing_slash": true},
    });
    assert_eq!(health, Some(&expected));
    assert_eq!(routes["warnings"], serde_json::json!([]));
    let (_, lines) = get(admin, "/routes?format=text").await;
    assert_eq!(lines.lines().count(), routes["routes"].as_array().unwrap().len());
    let (_, accepted) = ask(admin, "GET", "/routes", "Host: localhost\r\nAccept: text/plain\r\n", "").await;
    assert_eq!(accepted, lines);

    let schema = json(admin, "/schema").await;
    assert_eq!(schema["hash"].as_str().unwrap().len(), 32);
    assert_eq!(
        (&schema["backends"][0]["name"], &schema["backends"][0]["known"]),
        (&"jobs".into(), &true.into())
    );
    let endpoint = &schema["backends"][0]["endpoints"][0];
    assert_eq!((&endpoint["ready"], &endpoint["current"]), (&true.into(), &true.into()), "{schema}");
    assert!(endpoint["error"].is_null() && socket.backend().ends_with(endpoint["place"].as_str().unwrap()));
    assert!(schema["since"].as_f64().unwrap() > 1e9 && schema["refused"].is_null());
    let (status, set) = get(admin, "/schema?format=descriptor").await;
    assert!(status == 200 && set.contains("toolforge.jobs.v1"), "{status}");

    assert_eq!(get(admin, "/healthz").await, (200, r#"{"status":"serving"}"#.to_owned()));
    assert_eq!(get(admin, "/metrics").await.0, 200);
    assert_eq!(get(process.address(), "/routes").await.0, 404, "the public port knows nothing of it");
}

#[tokio::test]
async fn the_log_filter_changes_while_it_runs() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let process = Process::start(&["--backend", &socket.backend(), "--admin", "127.0.0.1:0"]).await;
    let admin = address_of(process.admin.as_ref().unwrap());
    let local = "Host: 127.0.0.1:9901\r\n";
    assert_eq!(json(admin, "/log").await["filter"], "info");
    let (status, body) = ask(admin, "PUT", "/log", local, "warn,gateway=debug\n").await;
    assert_eq!((status, body.contains("gateway=debug")), (200, true), "{body}");
    assert!(json(admin, "/log").await["filter"].as_str().unwrap().contains("gateway=debug"));
    for bad in ["", " ", "info,=", "gateway=loud"] {
        let (status, body) = ask(admin, "PUT", "/log", local, bad).await;
        assert_eq!(status, 400, "{bad:?}: {body}");
    }
    assert_eq!(ask(admin, "PUT", "/log", local, &"x".repeat(5000)).await.0, 413);
    assert!(json(admin, "/log").await["filter"].as_str().unwrap().contains("gateway=debug"));
}

#[tokio::test]
async fn whoever_is_no_operator_is_turned_away() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let process = Process::start(&["--backend", &socket.backend(), "--admin", "127.0.0.1:0"]).await;
    let admin = address_of(process.admin.as_ref().unwrap());
    for host in
        ["Host: evil.example\r\n", "Host: evil.example:9901\r\n", "", "Host: localhost.evil.example\r\n"]
    {
        let (status, body) = ask(admin, "GET", "/routes", host, "").await;
        assert!(status == 403 || (host.is_empty() && status == 400), "{host}: {status} {body}");
    }
    for host in ["127.0.0.1", "[::1]:9901", "LOCALHOST:1"] {
        assert_eq!(ask(admin, "GET", "/routes", &format!("Host: {host}\r\n"), "").await.0, 200, "{host}");
    }
    let local = "Host: localhost\r\n";
    for (method, target, status) in [
        ("POST", "/routes", 405),
        ("DELETE", "/log", 405),
        ("PUT", "/metrics", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/routes?format=xml", 400),
        ("GET", "/schema?format=xml", 400),
    ] {
        let (seen, body) = ask(admin, method, target, local, "").await;
        assert_eq!(seen, status, "{method} {target}");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], status);
    }
}
