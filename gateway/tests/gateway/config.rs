//! The config file of the binary, and what SIGHUP and `--check` make of it.

use crate::admin::Socket;
use crate::backend::Fake;
use crate::process::{Process, exchange, output};
use crate::world::within;

async fn get(process: &Process, target: &str, headers: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    exchange(process.address(), &request).await
}

#[tokio::test]
async fn a_file_says_what_a_line_cannot() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let file = |health: &str| {
        format!(
            "backends: ['{}']\ncors: {{origins: ['https://app.example']}}\nlimits: {{uri: 100}}\nhttp:\n  rules:\n  - \
             selector: toolforge.jobs.v1.Status.GetHealth\n    get: {health}\n",
            socket.backend()
        )
    };
    let path = socket.write("gateway.yaml", &file("/healthy"));
    let process = Process::start(&["--config", &path]).await;
    let origin = "Origin: https://app.example\r\n";
    let health = get(&process, "/healthy", origin).await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    assert!(health.to_lowercase().contains("access-control-allow-origin: https://app.example"), "{health}");
    assert!(health.to_lowercase().contains("etag: w/"), "{health}");
    assert!(get(&process, "/jobs/v1/healthz", "").await.starts_with("HTTP/1.1 404"));
    assert!(get(&process, &format!("/{}", "x".repeat(100)), "").await.starts_with("HTTP/1.1 414"));

    socket.write("gateway.yaml", &file("/well"));
    process.signal("HUP").await;
    let changed = async {
        while !get(&process, "/well", origin).await.starts_with("HTTP/1.1 200") {
            tokio::task::yield_now().await;
        }
    };
    within(changed).await;
    assert!(get(&process, "/healthy", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_mistake_in_the_file_changes_nothing() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let good = format!("backends: ['{}']\nlimits: {{uri: 100}}\n", socket.backend());
    let path = socket.write("gateway.yaml", &good);
    let log = std::fs::File::create(socket.write("log", "")).unwrap();
    let process = Process::start_logging(&["--config", &path], log.into()).await;
    let logged = async |part: &str| {
        let seen = async {
            while !std::fs::read_to_string(path.replace("gateway.yaml", "log")).unwrap().contains(part) {
                tokio::task::yield_now().await;
            }
        };
        within(seen).await;
    };
    socket.write("gateway.yaml", &format!("{good}lisen: 1\n"));
    process.signal("HUP").await;
    logged("stay as they were").await;
    socket.write("gateway.yaml", &format!("{good}threads: 3\n").replace("100", "200"));
    process.signal("HUP").await;
    logged("they need a restart").await;
    logged("were read again").await;
    assert!(get(&process, &format!("/{}", "x".repeat(150)), "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_check_tells_routes_and_what_is_left_out() {
    let fake = Fake::default();
    let socket = Socket::new(&fake);
    let backend = socket.backend();
    let good = output(&["--backend", &backend, "--check"]).await;
    let text = String::from_utf8(good.stdout).unwrap();
    assert!(good.status.success(), "{text}");
    assert!(
        text.contains("/jobs/v1/healthz") && text.contains("/toolforge.jobs.v1.Status/GetHealth  jobs"),
        "{text}"
    );
    assert!(text.contains("# backend jobs is known"), "{text}");

    let rules = "http: {rules: [{selector: toolforge.jobs.v1.Status.GetHealth, get: /logs/v1/healthz}]}\n";
    let path = socket.write("gateway.yaml", &format!("backends: ['{backend}']\n{rules}"));
    let collides = output(&["--config", &path, "--check"]).await;
    let text = String::from_utf8(collides.stdout).unwrap();
    assert!(!collides.status.success(), "{text}");
    let told = text.lines().find(|line| line.starts_with("# ") && line.contains("/logs/v1/healthz")).unwrap();
    assert!(told.contains("GetHealth"), "{told}");

    let path = socket.write("wrong.yaml", "limits:\n  boddy: 1\n");
    let wrong = output(&["--config", &path, "--check"]).await;
    let text = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && text.contains("boddy") && text.contains("line 2"), "{text}");
}
