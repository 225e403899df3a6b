//! One request as operators see it: a connected trace, metrics, and log lines that belong together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "telemetry/collector.rs"]
mod collector;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collector::{Collector, Span};
use integration::{Answer, Caller, Home, Options, Platform, Request};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// Stands in a query, which nobody may write down.
const PRIVATE: &str = "private-of-a-query";
const BOUND: Duration = Duration::from_secs(30);

struct Place {
    platform: Platform,
    home: Home,
    collector: Collector,
}

impl Place {
    fn new() -> Self {
        let collector = Collector::start();
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
            ("OTEL_SERVICE_NAME", "platform-under-test".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let platform = Platform::start_with(Options { environment, ..Options::default() }).unwrap();
        let home = platform.tool("alpha").unwrap();
        Self { platform, home, collector }
    }

    /// A request within a trace of its sender, with something private in its query.
    fn traced(&self) -> Answer {
        let path = format!("/jobs/v1/tool/alpha/runs?job={PRIVATE}");
        let request = Request::new("GET", path).header(format!("traceparent: 00-{TRACE}-{PARENT}-01"));
        let answer = Caller::tool(&self.platform, &self.home).send(request).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The spans of the trace, once there are so many.
    fn spans(&self, count: usize) -> BTreeMap<String, Span> {
        let begin = Instant::now();
        loop {
            let spans = self.collector.spans();
            let ours: BTreeMap<_, _> = spans
                .into_iter()
                .filter(|span| span.trace == TRACE)
                .map(|span| (span.id.clone(), span))
                .collect();
            if ours.len() >= count {
                return ours;
            }
            assert!(begin.elapsed() < BOUND, "{ours:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Log lines, each of which must be a JSON object.
    fn lines(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.platform.log()).unwrap();
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        log.lines().map(parse).collect()
    }
}

#[test]
fn one_request_is_one_connected_trace() {
    let place = Place::new();
    place.traced();
    let spans = place.spans(3);
    let of = |kind: u64| spans.values().filter(|span| span.kind == kind).collect::<Vec<_>>();
    let (servers, clients) = (of(collector::SERVER), of(collector::CLIENT));
    let gateway =
        servers.iter().find(|span| span.parent == PARENT).expect("the gateway's span is the caller's child");
    assert_eq!(gateway.name, "GET /jobs/v1/tool/{tool}/runs");
    let client = clients.iter().find(|span| span.parent == gateway.id).expect("the gateway calls");
    let service = servers.iter().find(|span| span.parent == client.id).expect("the service is called");
    assert_eq!(
        (client.name.as_str(), service.name.as_str()),
        ("toolforge.jobs.v1.Runs/ListRuns", "toolforge.jobs.v1.Runs/ListRuns")
    );
    for span in spans.values() {
        let connected = span.parent == PARENT || spans.contains_key(&span.parent);
        assert!(connected, "{span:#?} hangs on nothing: {spans:#?}");
    }
    assert!(gateway.began <= service.began && service.ended <= gateway.ended, "one within the other");
    let raw = place.collector.raw();
    let has = |text: &str| raw.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("platform-under-test"), "the name by which the collector knows us");
    assert!(!has(PRIVATE), "a query is in a span");
}

#[test]
fn a_request_that_brings_no_trace_begins_one() {
    let place = Place::new();
    let answer = Caller::tool(&place.platform, &place.home)
        .send(Request::new("GET", "/jobs/v1/tool/alpha/quotas").header("traceparent: 00-nonsense"))
        .unwrap();
    assert_eq!(answer.status, 200);
    let begin = Instant::now();
    let root = loop {
        let spans = place.collector.spans();
        let named = |span: &Span| span.name == "GET /jobs/v1/tool/{tool}/quotas" && span.parent.is_empty();
        if let Some(root) = spans.into_iter().find(named) {
            break root;
        }
        assert!(begin.elapsed() < BOUND, "no span without a parent");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((root.trace.len(), root.id.len()), (32, 16));
    assert_ne!(root.trace, "0".repeat(32));
}

#[test]
fn log_lines_of_a_request_have_its_ids_and_no_query() {
    let place = Place::new();
    let answer = place.traced();
    let id = answer.header("x-request-id").expect("the request's id").to_owned();
    let begin = Instant::now();
    let ours = loop {
        let ours: Vec<Value> = place.lines().into_iter().filter(|line| line["trace_id"] == TRACE).collect();
        if ours.len() >= 2 {
            break ours;
        }
        assert!(begin.elapsed() < BOUND, "{ours:#?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    for line in &ours {
        assert_eq!(line["request_id"], id.as_str(), "{line}");
        for field in ["ts", "level", "target", "msg", "span_id"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    let targets: std::collections::BTreeSet<_> =
        ours.iter().map(|line| line["target"].as_str().unwrap()).collect();
    assert!(targets.len() >= 2, "the gateway and the service both write: {targets:?}");
    let refused = format!("/jobs/v1/tool/alpha/jobs?nosuch={PRIVATE}");
    let answer = Caller::tool(&place.platform, &place.home).send(Request::new("GET", refused)).unwrap();
    assert_eq!(answer.status, 400);
    let log = || std::fs::read_to_string(place.platform.log()).unwrap();
    let id = answer.header("x-request-id").unwrap();
    let begin = Instant::now();
    while !log().contains(id) {
        assert!(begin.elapsed() < BOUND, "a refusal is logged");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!log().contains(PRIVATE), "a query is in the log");
}

#[test]
fn metrics_are_valid_prometheus_text() {
    let place = Place::new();
    place.traced();
    let anonymous = Caller::anonymous(&place.platform);
    let answer = anonymous.send(Request::new("GET", "/jobs/v1/metrics")).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"), "{}", answer.head);
    let families = check(&answer.body);
    assert_eq!(
        families.get("rpc_server_call_duration_seconds").map(String::as_str),
        Some("histogram"),
        "{families:?}"
    );
    let mut counts =
        answer.body.lines().filter(|line| line.starts_with("rpc_server_call_duration_seconds_count{"));
    assert!(counts.any(|line| line.contains("Runs/ListRuns")), "{}", answer.body);
    assert!(!answer.body.contains(PRIVATE) && !answer.body.contains("alpha"), "labels are bounded");
}

/// Reads the text format (version 0.0.4) strictly and tells the families with their types.
fn check(text: &str) -> BTreeMap<String, String> {
    let mut families = BTreeMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            let (name, kind) = comment.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok() || value == "+Inf", "{line}");
            let name = series.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|base| families.contains_key(*base)));
            assert!(families.contains_key(base.unwrap_or(name)), "{name} has no type");
            assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b':'), "{line}");
            labels(series.strip_prefix(name).unwrap(), line);
        }
    }
    families
}

fn labels(text: &str, line: &str) {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        assert!(text.is_empty(), "{line}");
        return;
    };
    let mut rest = inner;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'), "{line}");
        let mut escaped = false;
        let end = value.bytes().position(|c| {
            let ends = c == b'"' && !escaped;
            escaped = c == b'\\' && !escaped;
            ends
        });
        rest = value[end.unwrap_or_else(|| panic!("{line}")) + 1..].trim_start_matches(',');
    }
}
