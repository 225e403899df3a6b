//! What HTTP asks for around the mapping: CORS, entity tags, deadlines, header rules, bounds of the head.

use std::time::Duration;

use gateway::{Cors, Deadlines, HeaderRule, HeaderRules, Limits, Origins, Policies};

use crate::raw::Reply;
use crate::world::{Setup, World, start, start_with, within};

const JOB: &str = "/jobs/v1/tool/alpha/jobs/one";
const HEALTH: &str = "/jobs/v1/healthz";

async fn with(policies: Policies) -> World {
    start_with(Setup { policies, ..Setup::default() }).await
}

async fn ask(world: &World, method: &str, target: &str, headers: &str) -> Reply {
    world.connect().await.request(method, target, headers, b"").await
}

fn rules(texts: &[&str]) -> Vec<HeaderRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn pages_of_listed_origins_may_call() {
    let origins = Origins::Listed(vec!["https://app.example".into(), "https://*.dev.example".into()]);
    let world = with(Policies {
        cors: Some(Cors { credentials: true, ..Cors::new(origins) }),
        ..Policies::default()
    })
    .await;
    let preflight = |origin: &str| {
        format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: \
             Content-Type, X-Grpc-Web, X-Secret\r\n"
        )
    };
    for target in [JOB, "/nowhere", "/toolforge.jobs.v1.Jobs/GetJob"] {
        let reply = ask(&world, "OPTIONS", target, &preflight("https://a.dev.example")).await;
        assert_eq!(reply.status(), 204, "{target}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.dev.example"));
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("access-control-allow-methods"), Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("Content-Type, X-Grpc-Web"));
        assert_eq!(reply.header("access-control-max-age"), Some("3600"));
    }
    for stranger in ["https://evil.example", "https://app.example.evil", "null", "https://dev.example"] {
        let refused = ask(&world, "OPTIONS", JOB, &preflight(stranger)).await;
        assert_eq!(
            (refused.status(), refused.header("access-control-allow-origin")),
            (204, None),
            "{stranger}"
        );
        assert_eq!(refused.header("access-control-allow-methods"), None);
        let read = ask(&world, "GET", HEALTH, &format!("Origin: {stranger}\r\n")).await;
        assert_eq!((read.status(), read.header("access-control-allow-origin")), (200, None), "{stranger}");
        assert_eq!(read.header("vary"), Some("origin"));
    }
    for (target, status) in [(HEALTH, 200), ("/nowhere", 404), ("/jobs/v1/healthz?x=1", 400)] {
        let reply = ask(&world, "GET", target, "Origin: https://app.example\r\n").await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"), "{target}");
        assert!(reply.header("access-control-expose-headers").unwrap().contains("grpc-status-details-bin"));
    }
    assert!(world.fake.seen().iter().all(|seen| seen.method == "jobs GetHealth"));
}

#[tokio::test]
async fn without_settings_no_page_of_another_origin_may_read() {
    let world = start().await;
    let headers = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n";
    let reply = ask(&world, "OPTIONS", JOB, headers).await;
    assert_eq!((reply.status(), reply.header("access-control-allow-origin")), (204, None));
    assert!(reply.header("allow").unwrap().contains("GET"));
    assert_eq!(ask(&world, "GET", HEALTH, headers).await.header("vary"), None);
    assert_eq!(ask(&world, "OPTIONS", "/nowhere", "").await.status(), 404);
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let world = with(Policies { etags: true, ..Policies::default() }).await;
    let first = ask(&world, "GET", JOB, "").await;
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\"") && !first.body.is_empty(), "{tag}");
    let head = ask(&world, "HEAD", JOB, "").await;
    assert_eq!((head.status(), head.header("etag")), (200, Some(tag.as_str())));
    for (method, known) in [
        ("GET", tag.clone()),
        ("HEAD", format!("\"x\", {tag}")),
        ("GET", "*".into()),
        ("GET", tag[2..].to_owned()),
    ] {
        let reply = ask(&world, method, JOB, &format!("If-None-Match: {known}\r\n")).await;
        assert_eq!((reply.status(), reply.body.len()), (304, 0), "{known}");
        assert_eq!((reply.header("etag"), reply.header("content-type")), (Some(tag.as_str()), None));
    }
    for known in ["\"x\"", "", "W/", "\"", "x y z, \"\"", "**"] {
        let reply = ask(&world, "GET", JOB, &format!("If-None-Match: {known}\r\n")).await;
        assert_eq!((reply.status(), reply.text()), (200, first.text()), "{known:?}");
    }
    let other =
        ask(&world, "GET", "/jobs/v1/tool/alpha/jobs/two", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!(other.status(), 200);
    assert_ne!(other.header("etag"), Some(tag.as_str()));
    let document = ask(&world, "GET", "/openapi.json", "").await;
    let again = format!("If-None-Match: {}\r\n", document.header("etag").unwrap());
    assert_eq!(ask(&world, "GET", "/openapi.json", &again).await.status(), 304);
    for (method, target) in [
        ("DELETE", JOB),
        ("GET", "/jobs/v1/tool/alpha/jobs/missing"),
        ("GET", "/logs/v1/tool/alpha/job/x/logs_stream"),
    ] {
        let reply = ask(&world, method, target, "If-None-Match: *\r\n").await;
        assert_eq!(reply.header("etag"), None, "{method} {target}");
        assert_ne!(reply.status(), 304);
    }
}

#[tokio::test]
async fn clients_say_how_long_they_wait() {
    let most = Some(Duration::from_secs(5));
    let deadlines = Deadlines { asked: true, most, ..Deadlines::default() };
    let world = with(Policies { deadlines, ..Policies::default() }).await;
    let left = |world: &World| {
        let seen = world.fake.only();
        mesh::deadline::parse(seen.headers["grpc-timeout"].to_str().unwrap()).unwrap()
    };
    for (headers, expected) in [
        ("", 60.0),
        ("X-Request-Timeout: 2\r\n", 2.0),
        ("X-Request-Timeout: 1500ms\r\n", 1.5),
        ("grpc-timeout: 3S\r\n", 3.0),
        ("grpc-timeout: 1S\r\nX-Request-Timeout: 4\r\n", 1.0),
        ("X-Request-Timeout: 999999999h\r\n", 5.0),
    ] {
        assert_eq!(ask(&world, "GET", JOB, headers).await.status(), 200, "{headers}");
        let left = left(&world).as_secs_f64();
        assert!(left <= expected && left > expected * 0.8, "{headers}: {left}");
    }
    for bad in ["-1", "1 s", "soon", "1e3", "", "99999999999999999999", "5,6"] {
        let reply = ask(&world, "GET", JOB, &format!("X-Request-Timeout: {bad}\r\n")).await;
        assert_eq!(reply.status(), 400, "{bad:?}");
        assert!(reply.json()["message"].as_str().unwrap().starts_with("x-request-timeout: expected"));
    }
    for bad in ["5", "-5S", "123456789S", "5s", ""] {
        let reply = ask(&world, "GET", JOB, &format!("grpc-timeout: {bad}\r\n")).await;
        assert_eq!(reply.status(), 400, "{bad:?}");
    }
    assert!(world.fake.seen().is_empty());
    let slow = ask(&world, "GET", "/jobs/v1/tool/alpha/jobs/slow", "X-Request-Timeout: 50ms\r\n").await;
    assert_eq!((slow.status(), slow.json()["status"].as_str().unwrap()), (504, "DEADLINE_EXCEEDED"));
    assert_eq!(ask(&world, "GET", JOB, "X-Request-Timeout: 0\r\n").await.status(), 504);
}

#[tokio::test]
async fn headers_cross_by_allow_list() {
    let headers = HeaderRules {
        request: rules(&["accept-language", "authorization", "user-agent=x-forwarded-user-agent"]),
        response: rules(&["x-answer", "retry-after"]),
        status: Some("x-http-code".parse().unwrap()),
        ..HeaderRules::usual()
    };
    let world = with(Policies { headers, ..Policies::default() }).await;
    let sent = "Authorization: Bearer t\r\nAccept-Language: de\r\nUser-Agent: curl/8\r\nCookie: a=b\r\nX-Other: 1\r\n\
                Grpc-Metadata-Tenant: t1\r\nGrpc-Metadata-Blob-Bin: AAE=\r\nX-Toolforge-Principal: admin:root\r\n\
                Grpc-Metadata-X-Toolforge-Principal: admin:root\r\nGrpc-Metadata-Grpc-Timeout: 1n\r\n\
                X-Request-Id: mine\r\nTE: gzip\r\nSsl-Client-Subject-Dn: CN=root\r\n";
    let reply = ask(&world, "GET", JOB, sent).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(
        (reply.header("x-answer"), reply.header("x-request-id")),
        (Some("from the backend"), Some("mine"))
    );
    let seen = world.fake.only();
    assert_eq!(seen.caller.to_string(), "tool:alpha");
    for (name, value) in [
        ("authorization", "Bearer t"),
        ("accept-language", "de"),
        ("x-forwarded-user-agent", "curl/8"),
        ("tenant", "t1"),
        ("blob-bin", "AAE="),
        ("x-request-id", "mine"),
    ] {
        assert_eq!(seen.headers.get(name).map(|value| value.to_str().unwrap()), Some(value), "{name}");
    }
    for name in ["cookie", "x-other", "ssl-client-subject-dn", "grpc-metadata-tenant"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
    assert_eq!(ask(&world, "GET", "/jobs/v1/tool/alpha/jobs/accepted", "").await.status(), 202);
    world.fake.seen();
    for bad in ["Grpc-Metadata-Blob-Bin: ?\r\n", "Accept-Language: d\u{e9}\r\n"] {
        let reply = ask(&world, "GET", JOB, bad).await;
        assert_eq!(reply.status(), 400, "{bad}");
        assert!(world.fake.seen().is_empty());
    }
}

#[tokio::test]
async fn another_method_than_the_one_on_the_wire_must_be_switched_on() {
    let delete = "X-HTTP-Method-Override: DELETE\r\nContent-Type: application/json\r\n";
    let strict = start().await;
    assert_eq!(ask(&strict, "POST", "/jobs/v1/tool/alpha/jobs/one", delete).await.status(), 405);
    assert!(strict.fake.seen().is_empty());
    let world = with(Policies { method_override: true, ..Policies::default() }).await;
    assert_eq!(ask(&world, "POST", JOB, delete).await.status(), 200);
    assert_eq!(world.fake.only().method, "DeleteJob");
    assert_eq!(ask(&world, "GET", JOB, delete).await.status(), 200);
    assert_eq!(world.fake.only().method, "GetJob", "of a POST alone");
    for bad in ["delete", "GET", "CONNECT", "DELETE, PUT", ""] {
        let reply = ask(&world, "POST", JOB, &format!("X-HTTP-Method-Override: {bad}\r\n")).await;
        assert_eq!(reply.status(), 400, "{bad:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_told_so() {
    let limits = Limits { uri_bytes: 2048, header_bytes: 4096, query_pairs: 8, ..Limits::default() };
    let world = start_with(Setup { limits, ..Setup::default() }).await;
    let long = |length: usize| format!("X-Large: {}\r\n", "x".repeat(length));
    for (headers, status) in [(long(3000), 200), (long(4096), 431), ("A: b\r\n".repeat(140), 431)] {
        assert_eq!(ask(&world, "GET", HEALTH, &headers).await.status(), status, "{}", headers.len());
    }
    let reply = ask(&world, "GET", HEALTH, &long(5000)).await;
    assert_eq!(reply.json()["message"], "the headers are larger than 4096 bytes");
    let target = format!("/{}", "x".repeat(2048));
    assert_eq!(
        ask(&world, "GET", &target, "").await.json()["message"],
        "the target is longer than 2048 bytes"
    );
    for (length, status) in [(2047, 404), (2048, 414), (10_000, 414)] {
        let target = format!("/{}", "x".repeat(length));
        assert_eq!(ask(&world, "GET", &target, "").await.status(), status, "{length}");
    }
    for (pairs, status) in [(8, 400), (9, 414)] {
        let reply = ask(&world, "GET", &format!("{HEALTH}?{}", vec!["x=1"; pairs].join("&")), "").await;
        assert_eq!(reply.status(), status);
        let told = reply.json()["message"].as_str().unwrap().contains("more than 8 pairs");
        assert_eq!(told, pairs > 8, "{}", reply.text());
    }
    // far beyond what is read, over a connection that is closed in the middle of it
    for length in [100 << 10, 1 << 20, 3 << 20] {
        let mut connection = world.connect().await;
        let head = format!("GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", long(length));
        // a client that sends all before it reads must be able to
        for piece in head.as_bytes().chunks(16 << 10) {
            within(connection.write(piece)).await.unwrap();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(connection.reply(false).await.status(), 431, "{length}");
    }
    assert!(world.fake.seen().iter().all(|seen| seen.method == "jobs GetHealth"));
}
