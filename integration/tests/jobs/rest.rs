//! The REST API as scripts use it with `curl`: status lines, public paths, bodies of errors, both forms of a path.

use std::process::Command;

use anyhow::{Context as _, Result};
use integration::{Answer, Caller, Home, Platform, Request, eventually, run};
use serde_json::{Value, json};

use crate::SHELL;

/// Contract 1.2, for the services that are there.
const PUBLIC: &[&str] = &[
    "/openapi.json",
    "/jobs/openapi.json",
    "/logs/openapi.json",
    "/jobs/v1/healthz",
    "/logs/v1/healthz",
    "/jobs/v1/metrics",
];

#[test]
fn public_paths_need_no_certificate() -> Result<()> {
    let platform = Platform::start()?;
    for path in PUBLIC {
        let url = format!("https://{}{path}", platform.gateway());
        let seen = run(Command::new("curl").args(["--insecure", "--verbose", "--max-time", "60", &url]))?;
        assert!(seen.stderr.contains("< HTTP/1.1 200 OK"), "{path}: {seen}");
        if path.ends_with("openapi.json") {
            let document: Value = serde_json::from_str(&seen.stdout).context(*path)?;
            assert!(document["paths"].as_object().is_some_and(|paths| !paths.is_empty()), "{path}");
        }
    }
    let anonymous = Caller::anonymous(&platform);
    let health = anonymous.send(Request::new("GET", "/jobs/v1/healthz"))?;
    let expected = json!({"health": {"status": "OK", "message": "OK"}, "messages": {}});
    assert_eq!(serde_json::from_str::<Value>(&health.body)?, expected);
    let metrics = anonymous.send(Request::new("GET", "/jobs/v1/metrics"))?;
    assert!(metrics.body.lines().any(|line| line.starts_with("# TYPE ")), "{}", metrics.body);

    let refused = anonymous.send(Request::new("GET", "/jobs/v1/tool/alpha/jobs/"))?;
    assert_eq!(refused.status, 401, "{refused:?}");
    sentence(&refused)?;
    Ok(())
}

#[test]
fn another_tool_is_forbidden() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = platform.tool("alpha")?;
    platform.tool("beta")?;
    let paths = [
        "/jobs/v1/tool/alpha.notthistool/jobs/",
        "/logs/v1/tool/alpha.notthistool/job/some/logs",
        "/jobs/v1/tool/beta/jobs",
        "/jobs/v1/tool/beta/quotas/",
        "/jobs/v1/tool/nobody/jobs/some",
        "/jobs/v1/tool/lt/jobs/",
    ];
    for path in paths {
        let seen = alpha.curl(&["--verbose", &format!("https://{}{path}", platform.gateway())])?;
        assert!(seen.stderr.contains("< HTTP/1.1 403 Forbidden"), "{path}: {seen}");
        let body: Value = serde_json::from_str(&seen.stdout)?;
        assert_eq!(body["status"], "PERMISSION_DENIED", "{path}: {seen}");
    }
    let empty = alpha.curl(&["--verbose", &format!("https://{}/jobs/v1/tool/jobs/", platform.gateway())])?;
    assert!(empty.stderr.contains("< HTTP/1.1 40"), "{empty}");
    wrong_namespaces(&alpha)
}

/// What a client sends whose kubeconfig is of another tool, or of none (contract 2.1).
fn wrong_namespaces(alpha: &Home) -> Result<()> {
    let kubeconfig = alpha.path().join(".kube/config");
    let original = std::fs::read_to_string(&kubeconfig)?;
    for (client, _) in crate::CLIENTS {
        for namespace in ["tool-beta", "default"] {
            assert!(original.contains("tool-alpha"), "{original}");
            std::fs::write(&kubeconfig, original.replace("tool-alpha", namespace))?;
            let list = alpha.jobs(client, &["list"])?;
            assert_eq!((list.code, list.stdout.as_str()), (1, ""), "{client:?} {namespace} {list}");
            assert!(list.notes().contains("ERROR"), "{client:?} {namespace} {list}");
        }
    }
    Ok(std::fs::write(&kubeconfig, original)?)
}

#[test]
fn every_path_has_both_forms_and_every_error_one_body() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = Alpha::new(&platform)?;
    let job =
        |name: &str| json!({"name": name, "imagename": SHELL, "cmd": "exec sleep 600", "continuous": true});
    for (method, path, name) in
        [("POST", "/jobs", "a"), ("POST", "/jobs/", "b"), ("PUT", "/jobs", "c"), ("PUT", "/jobs/", "d")]
    {
        let created = alpha.send(method, path, Some(job(name)))?;
        assert_eq!(created.status, 201, "{method} {path}: {created:?}");
        let body: Value = serde_json::from_str(&created.body)?;
        assert_eq!((&body["job"]["name"], &body["job"]["job_type"]), (&json!(name), &json!("continuous")));
        assert_eq!(body["messages"], json!({}));
    }
    for path in ["/jobs", "/jobs/", "/jobs/a", "/jobs/a/", "/images", "/images/", "/quotas", "/quotas/"] {
        let seen = alpha.send("GET", path, None)?;
        assert_eq!(seen.status, 200, "{path}: {seen:?}");
        assert!(seen.head.starts_with("HTTP/1.1 200 OK"), "{path}: {seen:?}");
    }
    for (method, path) in [
        ("POST", "/jobs/a/restart"),
        ("POST", "/jobs/a/restart/"),
        ("DELETE", "/jobs/a"),
        ("DELETE", "/jobs/b/"),
        ("DELETE", "/jobs"),
        ("DELETE", "/jobs/"),
    ] {
        let seen = alpha.send(method, path, None)?;
        assert_eq!((seen.status, seen.body.as_str()), (200, r#"{"messages":{}}"#), "{method} {path}");
    }
    let missing = alpha.send("GET", "/jobs/a", None)?;
    assert_eq!((missing.status, sentence(&missing)?.as_str()), (404, "Job 'a' does not exist"));
    assert_eq!(reason(&missing)?, "JOB_NOT_FOUND");
    for (method, path, status) in
        [("GET", "/nothing", 404), ("POST", "/images", 405), ("GET", "/jobs?blue=1", 400)]
    {
        let refused = alpha.send(method, path, None)?;
        assert_eq!(refused.status, status, "{method} {path}: {refused:?}");
        sentence(&refused)?;
    }
    Ok(())
}

#[test]
fn the_former_log_endpoint_answers() -> Result<()> {
    let platform = Platform::start()?;
    let alpha = Alpha::new(&platform)?;
    let talk = json!({"name": "talk", "imagename": SHELL, "cmd": "seq 1 3", "filelog": false, "retry": 0});
    assert_eq!(alpha.send("POST", "/jobs", Some(talk))?.status, 201);
    let filed = json!({"name": "filed", "imagename": SHELL, "cmd": "exec sleep 600", "continuous": true});
    assert_eq!(alpha.send("POST", "/jobs", Some(filed))?.status, 201);
    let followed = alpha.send("GET", "/jobs/talk/logs?follow=true", None)?;
    assert_eq!(followed.status, 200, "{followed:?}");
    let messages = |answer: &Answer| -> Result<Vec<String>> {
        let line = |line: &str| -> Result<String> {
            let entry: Value = serde_json::from_str(line)?;
            assert!(entry["pod"].as_str().is_some_and(|pod| pod.starts_with("talk-")), "{line}");
            assert_eq!(entry["container"], "job", "{line}");
            assert_eq!(
                entry["datetime"].as_str().map(str::len),
                Some("2026-01-01T00:00:00Z".len()),
                "{line}"
            );
            Ok(entry["message"].as_str().context("message")?.to_owned())
        };
        answer.body.lines().map(line).collect()
    };
    assert_eq!(messages(&followed)?, ["1", "2", "3"]);
    let last = alpha.send("GET", "/jobs/talk/logs/?lines=2", None)?;
    assert_eq!(last.header("content-type"), Some("text/plain; charset=utf8"));
    assert_eq!(messages(&last)?, ["2", "3"]);
    for (path, status, text) in [
        ("/jobs/talk/logs?lines=5001", 400, "Requested number of 5001 lines is over limit of 5000"),
        ("/jobs/talk/logs?lines=some", 400, "Unable to parse lines as integer"),
        ("/jobs/none/logs", 404, "Job 'none' does not have any logs available"),
        (
            "/jobs/filed/logs",
            404,
            "Job 'filed' has file logging enabled, which is incompatible with the logs command",
        ),
    ] {
        let refused = alpha.send("GET", path, None)?;
        assert_eq!((refused.status, sentence(&refused)?.as_str()), (status, text), "{path}");
    }
    Ok(())
}

/// The tool `alpha`, and its part of the API.
pub(crate) struct Alpha {
    caller: Caller,
    pub(crate) home: Home,
}

impl Alpha {
    pub(crate) fn new(platform: &Platform) -> Result<Self> {
        let home = platform.tool("alpha")?;
        Ok(Self { caller: Caller::tool(platform, &home), home })
    }

    /// Sends a request; the path begins after the tool.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Answer> {
        let path = format!("/jobs/v1/tool/alpha{path}");
        self.caller.send(match body {
            Some(body) => Request::json(method, path, body.to_string()),
            None => Request::new(method, path),
        })
    }

    /// What a successful request answers.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let answer = self.send("GET", path, None)?;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Waits until a job has this word for its status.
    pub(crate) fn becomes(&self, job: &str, short: &str) -> Result<()> {
        eventually(&format!("{job} is {short}"), || {
            let seen = self.get(&format!("/jobs/{job}"))?;
            Ok((seen["job"]["status"]["short"] == short).then_some(()))
        })
    }
}

/// The sentence of an error, which every client has to find (contract 2.4).
pub(crate) fn sentence(answer: &Answer) -> Result<String> {
    let body: Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
    let lines = body["error"].as_array().context("no list of errors")?;
    assert!(!lines.is_empty() && lines.iter().all(Value::is_string), "{body}");
    assert_eq!(body["messages"], json!({"error": lines, "info": [], "warning": []}), "{body}");
    assert_eq!((&body["info"], &body["warning"]), (&json!([]), &json!([])), "{body}");
    assert!(body["code"].is_u64() && body["status"].is_string() && body["details"].is_array(), "{body}");
    let text: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    assert_eq!(body["message"], text.join("\n"), "{body}");
    assert!(answer.header("retry-after").is_none(), "{answer:?}");
    Ok(text.join("\n"))
}

/// The reason that a program reads.
pub(crate) fn reason(answer: &Answer) -> Result<String> {
    let body: Value = serde_json::from_str(&answer.body)?;
    let detail = |detail: &Value| detail["reason"].as_str().map(str::to_owned);
    let found = body["details"].as_array().and_then(|details| details.iter().find_map(detail));
    found.with_context(|| format!("no reason: {}", answer.body))
}
