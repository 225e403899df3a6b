//! The bad-input table over REST: every field of the job object with what it cannot be, bodies that are no JSON, bad
//! paths, queries and headers. Each is answered with a 4xx that says where; nothing is stored; the server lives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use integration::{Answer, Caller, Platform, Request};
use serde_json::{Map, Value, json};

const JOBS: &str = "/jobs/v1/tool/alpha/jobs";
/// Every field of `JobSpec`, by what kind it is.
const TEXTS: [&str; 10] = [
    "name",
    "imagename",
    "cmd",
    "filelog_stdout",
    "filelog_stderr",
    "memory",
    "cpu",
    "schedule",
    "publish",
    "time_zone",
];
const FLAGS: [&str; 3] = ["filelog", "continuous", "suspended"];
const NUMBERS: [&str; 4] = ["retry", "timeout", "replicas", "port"];
const WORDS: [&str; 6] = ["job_type", "emails", "mount", "port_protocol", "concurrency", "catch_up"];

/// A bad request, and words that its answer must have.
struct Case {
    request: Request,
    names: Vec<String>,
}

impl Case {
    fn new(request: Request, names: &[&str]) -> Self {
        Self { request, names: names.iter().map(|&name| name.to_owned()).collect() }
    }

    /// A creation with these bytes.
    fn post(body: impl Into<Vec<u8>>, names: &[&str]) -> Self {
        Self::new(Request::json("POST", JOBS, body), names)
    }

    /// A creation of a job that would be good but for one field.
    fn field(field: &str, value: &Value, names: &[&str]) -> Self {
        let mut job = good();
        job.insert(field.to_owned(), value.clone());
        Self::post(Value::Object(job).to_string(), names)
    }
}

fn good() -> Map<String, Value> {
    let Value::Object(job) = json!({"name": "good", "imagename": "bookworm", "cmd": "true"}) else {
        unreachable!("it is an object")
    };
    job
}

struct Place {
    platform: Platform,
    tool: Caller,
}

impl Place {
    fn new() -> Self {
        let platform = Platform::start().unwrap();
        let home = platform.tool("alpha").unwrap();
        let tool = Caller::tool(&platform, &home);
        Self { platform, tool }
    }

    /// Sends all of them, and looks at every answer and at what is stored afterwards.
    fn refuses(&mut self, cases: &[Case]) {
        let requests: Vec<Request> = cases.iter().map(|case| case.request.clone()).collect();
        let answers = self.tool.send_all(&requests).unwrap();
        let problems: Vec<String> =
            cases.iter().zip(&answers).filter_map(|(case, answer)| problem(case, answer)).collect();
        assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), cases.len(), problems.join("\n"));
        self.stored_nothing();
    }

    fn stored_nothing(&mut self) {
        assert!(!self.platform.has_ended().unwrap(), "the server lives");
        let list = |what: &str| {
            let answer = self.tool.send(Request::new("GET", format!("/jobs/v1/tool/alpha/{what}"))).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            serde_json::from_str::<Value>(&answer.body).unwrap()[what].clone()
        };
        assert_eq!((list("jobs"), list("runs")), (json!([]), json!([])), "nothing is stored");
    }
}

/// What is wrong with an answer, in one line.
fn problem(case: &Case, answer: &Answer) -> Option<String> {
    let short: String = answer.body.chars().take(400).collect();
    let line = case.request.line();
    let told = |what: &str| Some(format!("{line} {:?}: {what}: {} {short}", case.names, answer.status));
    if !(400..500).contains(&answer.status) {
        return told("no 4xx");
    }
    let Ok(body) = serde_json::from_str::<Value>(&answer.body) else { return told("no JSON") };
    let superset = body["error"].is_array()
        && body["messages"]["error"] == body["error"]
        && body["warning"].is_array()
        && body["info"].is_array()
        && body["code"].is_i64()
        && body["status"].is_string()
        && body["message"].is_string();
    if !superset || body["error"].as_array().unwrap().is_empty() {
        return told("not the error body");
    }
    if answer.body.len() > 16 << 10 {
        return told("an answer as long as the question");
    }
    let lower = answer.body.to_lowercase();
    let missing: Vec<_> = case.names.iter().filter(|name| !lower.contains(&name.to_lowercase())).collect();
    if missing.is_empty() { None } else { told(&format!("does not name {missing:?}")) }
}

#[test]
fn fields_of_the_wrong_type() {
    let mut cases = Vec::new();
    let mut add = |field: &str, values: &[Value]| {
        cases.extend(values.iter().map(|value| Case::field(field, value, &[field, "position"])));
    };
    for field in TEXTS {
        add(field, &[json!(5), json!(1.5), json!(true), json!([]), json!(["a"]), json!({}), json!({"a": 1})]);
    }
    for field in FLAGS {
        add(field, &[json!(5), json!("maybe"), json!(""), json!([true]), json!({})]);
    }
    for field in NUMBERS {
        add(field, &[json!("many"), json!(""), json!("1 "), json!(1.5), json!(true), json!([1]), json!({})]);
        add(
            field,
            &[json!(2_147_483_648_u64), json!(-2_147_483_649_i64), json!(1e300), json!("99999999999")],
        );
    }
    for field in WORDS {
        add(
            field,
            &[json!("sometimes"), json!(""), json!("ALL "), json!(true), json!([]), json!({}), json!(1.5)],
        );
    }
    add("health_check", &[json!("script"), json!(5), json!([]), json!(true)]);
    assert!(cases.len() > 150);
    Place::new().refuses(&cases);
}

#[test]
fn fields_out_of_range_and_against_the_rules() {
    let mut cases = Vec::new();
    let mut add = |field: &str, value: Value, names: &[&str]| cases.push(Case::field(field, &value, names));
    for name in ["", "A", "a_b", "-a", "a-", ".a", "a..b", "a b", "ä", "a/b", "../a", "a\n", "a\u{0}"] {
        add("name", json!(name), &["name"]);
    }
    add("name", json!("a".repeat(53)), &["52"]);
    for image in ["", "nothere", "a b", "../../etc/passwd", "x\u{0}", "http://", &"i".repeat(5000)] {
        add("imagename", json!(image), &["image"]);
    }
    add("cmd", json!("a\u{0}b"), &["cmd"]);
    for memory in
        ["", "lots", "-1Gi", "0", "1Xi", "1e999", "NaN", "inf", "0x10", "999999999999Ei", " 1Gi", "1k i"]
    {
        add("memory", json!(memory), &["memory"]);
    }
    for cpu in ["", "lots", "-1", "0", "1x", "1e999", "NaN", "999999999999E", "1,5"] {
        add("cpu", json!(cpu), &["cpu"]);
    }
    for retry in [-1, 6, i32::MAX, i32::MIN] {
        add("retry", json!(retry), &["retry"]);
    }
    for schedule in [
        "",
        "x",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "*/0 * * * *",
        "@never",
        "5-1 * * * *",
    ] {
        add("schedule", json!(schedule), &[if schedule.is_empty() { "schedule" } else { "cron" }]);
    }
    for (field, value) in [("emails", 9), ("mount", 9), ("job_type", 9), ("job_type", -1)] {
        add(field, json!(value), &[field]);
    }
    for (field, file) in [("filelog_stdout", "a\u{0}b"), ("filelog_stderr", "\u{0}")] {
        add(field, json!(file), &[field]);
    }
    add("mount", json!("none"), &["Mount type none"]);
    cases.extend(of_continuous());
    cases.extend(of_schedules());
    Place::new().refuses(&cases);
}

fn with(more: &Value, names: &[&str]) -> Case {
    let mut job = good();
    job.extend(more.as_object().unwrap().clone());
    Case::post(Value::Object(job).to_string(), names)
}

fn of_continuous() -> Vec<Case> {
    let rules = [
        (json!({"replicas": -1}), "replicas"),
        (json!({"replicas": 1_000_000}), ""),
        (json!({"port": 0}), "port"),
        (json!({"port": 65_536}), "port"),
        (json!({"port": -1}), "port"),
        (json!({"port": "0"}), "port"),
        (json!({"port": 8000, "publish": "/x"}), "publish"),
        (json!({"publish": "/"}), "publish requires port"),
        (json!({"port": 8000, "publish": "/", "port_protocol": "udp"}), "port_protocol set to tcp"),
        (json!({"health_check": {"type": "http", "path": "/"}}), "Port must be set for HTTP health checks"),
        (json!({"health_check": {}}), "health_check"),
        (json!({"health_check": {"type": "script"}}), "script"),
        (json!({"port": 8000, "health_check": {"type": "http"}}), "path"),
        (json!({"health_check": {"type": "dance"}}), "health_check.type"),
        (json!({"health_check": {"type": "script", "script": 5}}), "health_check.script"),
        (json!({"health_check": {"type": "script", "script": "a\u{0}"}}), "script"),
        (json!({"health_check": {"type": "script", "script": "true", "more": 1}}), "health_check.more"),
    ];
    let made = |(more, name): (Value, &str)| {
        let mut more = more;
        more["continuous"] = json!(true);
        with(&more, &[name])
    };
    rules.into_iter().map(made).collect()
}

fn of_schedules() -> Vec<Case> {
    let rules = [
        (json!({"schedule": "* * * * *", "timeout": -1}), "timeout"),
        (json!({"schedule": "* * * * *", "time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"schedule": "* * * * *", "time_zone": "../../etc/passwd"}), "time_zone"),
        (json!({"schedule": "* * * * *", "retry": 6}), "retry"),
        (json!({"schedule": "* * * * *", "continuous": true}), "continuous"),
        (json!({"schedule": "* * * * *", "port": 8000}), "port"),
        (json!({"job_type": "scheduled"}), "schedule"),
        (json!({"job_type": "one-off", "replicas": 2}), "replicas"),
        (json!({"job_type": "one-off", "schedule": "* * * * *"}), "schedule"),
        (json!({"job_type": "continuous", "retry": 2}), "retry"),
    ];
    rules.iter().map(|(more, name)| with(more, &[name])).collect()
}

#[test]
fn objects_that_are_none_of_ours() {
    let mut cases = Vec::new();
    for field in [
        "nam",
        "Name",
        "naMe",
        "status",
        "uid",
        "__proto__",
        "constructor",
        "",
        "name ",
        "näme",
        "tool",
        "jobType2",
    ] {
        cases.push(Case::field(field, &json!("x"), &[field, "position"]));
    }
    let job = Value::Object(good()).to_string();
    let open = &job[..job.len() - 1];
    for field in TEXTS.iter().chain(&FLAGS).chain(&NUMBERS).chain(&WORDS).chain(&["health_check"]) {
        let value = match *field {
            field if FLAGS.contains(&field) => "true",
            field if NUMBERS.contains(&field) => "1",
            "job_type" => "\"one-off\"",
            "emails" | "mount" | "catch_up" => "\"all\"",
            "port_protocol" => "\"tcp\"",
            "concurrency" => "\"allow\"",
            "health_check" => "{\"type\":\"script\",\"script\":\"true\"}",
            _ => "\"a\"",
        };
        let twice = format!("{open},\"{field}\":{value},\"{field}\":{value}}}");
        cases.push(Case::post(twice, &[field, "twice", "position"]));
    }
    for body in [
        "[]",
        "\"job\"",
        "5",
        "true",
        "[{}]",
        "nul",
        "{}x",
        "{} {}",
        "{\"name\"}",
        "{\"name\":}",
        "{,}",
        "{'name':'a'}",
    ] {
        cases.push(Case::post(body, &["position"]));
    }
    for body in ["", "null", "{}", "  ", "{\"name\":null}"] {
        cases.push(Case::post(body, &[]));
    }
    Place::new().refuses(&cases);
}

#[test]
fn bodies_cut_at_every_byte() {
    let body = json!({
        "name": "good", "imagename": "bookworm", "cmd": "echo \u{e4}\u{1f600} \"x\" \\ \t", "job_type": "continuous",
        "continuous": true, "port": 8000, "replicas": 2, "memory": "512Mi", "cpu": "0.5", "filelog": false,
        "health_check": {"type": "script", "script": "true"}, "emails": "none", "publish": "/", "port_protocol": "tcp",
    })
    .to_string();
    let cut = (0..body.len())
        .map(|end| Case::post(&body.as_bytes()[..end], &[if end > 0 { "position" } else { "" }]));
    Place::new().refuses(&cut.collect::<Vec<_>>());
}

#[test]
fn texts_that_are_no_unicode() {
    let bad: [&[u8]; 8] = [
        b"\xff",
        b"\x80",
        b"\xc0\xaf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe\xff",
    ];
    let mut cases = Vec::new();
    for text in bad {
        for field in ["name", "cmd", "imagename", "memory"] {
            let head = format!("{{\"imagename\":\"bookworm\",\"{field}\":\"a").into_bytes();
            cases.push(Case::post([&head, text, &b"b\"}"[..]].concat(), &["position"]));
        }
        cases.push(Case::post([b"{\"".as_slice(), text, b"\":1}"].concat(), &["position"]));
        cases.push(Case::post([text, b"{}".as_slice()].concat(), &["position"]));
    }
    for escape in ["\\ud800", "\\udc00\\ud800", "\\u12", "\\x41", "\\", "\u{1}", "\n"] {
        cases.push(Case::post(format!("{{\"cmd\":\"{escape}\"}}"), &["position"]));
    }
    Place::new().refuses(&cases);
}

#[test]
fn what_is_too_long_or_too_deep() {
    let mut place = Place::new();
    let long = "x".repeat(10 << 20);
    let deep =
        |open: &str, close: &str| format!("{{\"name\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
    let mut cases = vec![
        Case::field("name", &json!(long), &["larger than"]),
        Case::field("cmd", &json!(long), &["larger than"]),
        Case::field(&long, &json!(1), &["larger than"]),
        Case::post(deep("[", "]"), &["position"]),
        Case::post(deep("{\"a\":", "}"), &["position"]),
        Case::post("[".repeat(1 << 20), &["position"]),
        Case::post(format!("{{\"retry\":{}}}", "9".repeat(1 << 20)), &["retry", "position"]),
        Case::post(format!("{{\"health_check\":{}}}", deep("{\"type\":", "}")), &["position"]),
    ];
    // what fits a message and not the rules
    let text = "y".repeat(1 << 20);
    for field in ["name", "imagename", "memory", "cpu", "schedule"] {
        cases.push(Case::field(field, &json!(text), &[field]));
    }
    place.refuses(&cases);
}

#[test]
fn bad_paths_queries_and_headers() {
    let get = |path: &str| Request::new("GET", path);
    let good = Value::Object(good()).to_string();
    let post = |header: &str| Request::new("POST", JOBS).header(header).body(good.clone());
    let cases = [
        Case::new(get("/"), &[]),
        Case::new(get("/jobs"), &[]),
        Case::new(get("/jobs/v1/tool//jobs"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/job"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs/%zz"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs/%ff%fe"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs/%00"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs/a%2fb"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/../../../etc/passwd"), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs:dance"), &[]),
        Case::new(get(&format!("/jobs/v1/tool/alpha/jobs/{}", "a".repeat(6000))), &[]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?page_size=many"), &["page_size"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?page_size=-1"), &["page_size"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?page_size=1&page_size=2"), &["page_size"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?page_token=nonsense"), &["page_token"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?include_unset=perhaps"), &["include_unset"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?nosuch=1"), &["nosuch"]),
        Case::new(get("/jobs/v1/tool/alpha/jobs?include_unset=%ff"), &["include_unset"]),
        Case::new(Request::json("POST", format!("{JOBS}?tool=beta"), good.clone()), &["tool"]),
        Case::new(Request::json("POST", format!("{JOBS}?request_id=x"), good.clone()), &["request_id"]),
        Case::new(Request::json("POST", format!("{JOBS}?name=x"), good.clone()), &["name"]),
        Case::new(
            Request::json("POST", "/jobs/v1/tool/alpha/jobs/none/runs", "{\"env\":{\"A\":1}}"),
            &["env"],
        ),
        Case::new(Request::json("POST", "/jobs/v1/tool/alpha/jobs/none/restart", ""), &["none"]),
        Case::new(Request::new("DELETE", "/jobs/v1/tool/alpha/jobs/none"), &["none"]),
        Case::new(Request::new("PROPFIND", JOBS), &[]),
        Case::new(Request::new("DELETE", "/jobs/v1/tool/alpha/quotas"), &[]),
        Case::new(post("Content-Type: text/plain"), &["content type"]),
        Case::new(post("Content-Type: application/xml"), &["content type"]),
        Case::new(post("Content-Type: application/json").header("Content-Encoding: gzip"), &["coding"]),
        Case::new(post("Content-Type: application/json").header("Content-Encoding: nonsense"), &[]),
    ];
    let mut place = Place::new();
    place.refuses(&cases);
    let long = get(JOBS).header(format!("X-Long: {}", "h".repeat(100_000)));
    let answer = place.tool.send(long).unwrap();
    // the server answers and closes without reading the rest; where that arrives first, the client is still sending
    assert!((400..500).contains(&answer.status) || answer.curl != 0, "{answer:?}");
    place.stored_nothing();
}
