//! Who may call what, over REST.

use serde_json::json;

use crate::pki::Identity;
use crate::world::{World, start};

async fn get(world: &World, identity: &Identity, target: &str) -> String {
    world.connect_as(identity).await.request("GET", target, "", b"").await.line
}

#[tokio::test]
async fn a_tool_reaches_its_own_things_alone() {
    let world = start().await;
    let (alpha, dotted, admin, nobody) = (
        world.alpha.clone(),
        world.pki.tool("alpha.beta"),
        world.pki.clients.client("admins", "root", 1),
        Identity::default(),
    );
    let cases = [
        (&alpha, "alpha", "HTTP/1.1 200 OK"),
        (&alpha, "beta", "HTTP/1.1 403 Forbidden"),
        (&alpha, "alpha.notthistool", "HTTP/1.1 403 Forbidden"),
        (&alpha, "Alpha", "HTTP/1.1 403 Forbidden"),
        (&alpha, "alph%61", "HTTP/1.1 200 OK"),
        (&dotted, "alpha.beta", "HTTP/1.1 200 OK"),
        (&dotted, "alpha", "HTTP/1.1 403 Forbidden"),
        (&admin, "alpha", "HTTP/1.1 200 OK"),
        (&nobody, "alpha", "HTTP/1.1 401 Unauthorized"),
    ];
    for (identity, tool, line) in cases {
        for route in ["jobs", "jobs/", "images/", "quotas", "jobs/x"] {
            let target = format!("/jobs/v1/tool/{tool}/{route}");
            assert_eq!(get(&world, identity, &target).await, line, "{target}");
        }
        let target = format!("/logs/v1/tool/{tool}/job/x/logs");
        assert_eq!(get(&world, identity, &target).await, line, "{target}");
    }
}

#[tokio::test]
async fn public_paths_need_no_certificate() {
    let world = start().await;
    let nobody = Identity::default();
    for target in [
        "/openapi.json",
        "/jobs/openapi.json",
        "/logs/openapi.json",
        "/jobs/v1/healthz",
        "/logs/v1/healthz",
        "/jobs/v1/metrics",
    ] {
        assert_eq!(get(&world, &nobody, target).await, "HTTP/1.1 200 OK", "{target}");
    }
    let mut connection = world.connect_as(&nobody).await;
    let health = connection.request("GET", "/jobs/v1/healthz", "", b"").await;
    assert_eq!(health.json(), json!({"health": {"status": "OK", "message": "OK"}, "messages": {}}));
    let metrics = connection.request("GET", "/jobs/v1/metrics", "", b"").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(metrics.text(), "up 1\n");
}

#[tokio::test]
async fn nobody_can_claim_to_be_somebody() {
    let world = start().await;
    let claims = "X-Toolforge-Tool: beta\r\nX-Toolforge-User: beta\r\nX-Toolforge-Principal: admin:root\r\n\
                  SSL-Client-Subject-DN: CN=beta,O=toolforge\r\n";
    let mut alpha = world.connect().await;
    assert_eq!(alpha.request("GET", "/jobs/v1/tool/beta/jobs", claims, b"").await.status(), 403);
    assert_eq!(alpha.request("GET", "/jobs/v1/tool/alpha/jobs", claims, b"").await.status(), 200);
    let mut nobody = world.connect_as(&Identity::default()).await;
    assert_eq!(nobody.request("GET", "/jobs/v1/tool/beta/jobs", claims, b"").await.status(), 401);
    let seen = world.fake.only();
    assert_eq!(seen.caller.to_string(), "tool:alpha");
    let crossed = seen.headers.keys().filter(|name| name.as_str().starts_with("x-toolforge"));
    assert_eq!(crossed.count(), 0);
}

#[tokio::test]
async fn who_may_not_call_is_told_before_the_body_is_sent() {
    let world = start().await;
    for (headers, continues) in [("", false), ("Expect: 100-continue\r\n", true)] {
        let mut connection = world.connect().await;
        let head = format!(
            "POST /jobs/v1/tool/beta/jobs HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 1000\r\n\r\n"
        );
        connection.write(head.as_bytes()).await.unwrap();
        let reply = connection.reply(false).await;
        assert_eq!(reply.line, "HTTP/1.1 403 Forbidden", "asked first: {continues}");
        assert_eq!(reply.json()["messages"]["error"][0], "the caller may not act for this tool");
    }
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_refused_body_is_read_so_that_the_refusal_arrives() {
    let world = start().await;
    let body = vec![b' '; 10 << 20];
    let mut connection = world.connect().await;
    let reply = connection.request("POST", "/jobs/v1/tool/beta/jobs", "", &body).await;
    assert_eq!(reply.line, "HTTP/1.1 403 Forbidden");
    // and the connection serves on
    assert_eq!(connection.request("GET", "/jobs/v1/tool/alpha/jobs", "", b"").await.status(), 200);
}

#[tokio::test]
async fn who_may_not_call_learns_nothing_of_the_query() {
    let world = start().await;
    let reply = world.request("GET", "/jobs/v1/tool/beta/jobs?nonsense=1").await;
    assert_eq!(reply.status(), 403);
    assert_eq!(world.request("GET", "/jobs/v1/tool/alpha/jobs?nonsense=1").await.status(), 400);
}
