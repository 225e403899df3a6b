//! Published workloads: routes without a failed request, names, probes, limits, and what a job cannot see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod scenario;
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{
    Command, Container, Engine, Error, ExitReason, Expose, Isolation, Kind, Probe, ProbeCheck, Workload,
};
use engine_embedded::Embedded;
use scenario::{Place, Seen};
use tokio::net::TcpListener;

async fn open(place: &Place) -> (Arc<Embedded>, Seen) {
    let (engine, seen) = place.open_with(&PathBuf::from(env!("CARGO_BIN_EXE_engine-embedded-shim"))).await;
    (Arc::new(engine), seen)
}

/// A web server that says its generation.
fn web(place: &Place, generation: u64) -> Workload {
    let answer = format!("generation {generation}");
    let script = format!(
        "mkdir -p www/static; echo '{answer}' >www/static/g{generation}; exec python3 -m http.server $PORT --directory www/static"
    );
    let mut workload = place.workload("always", generation, &script);
    workload.env.push(("PORT".to_owned(), "8000".to_owned()));
    workload.probe = Some(Probe::new(ProbeCheck::Http { path: "/".to_owned(), port: 8000 }));
    workload.expose = Some(Expose { host: place.tool().to_owned(), path: "/".to_owned() });
    workload
}

/// The router of an engine, and its port.
async fn router(engine: &Embedded) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = engine_router::Router::new(engine.table(), engine_router::Options::default());
    tokio::spawn(router.serve(listener, std::future::pending()));
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_an_instance_is_replaced() {
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    let port = router(&engine).await;
    assert_eq!(support::get(port, place.tool(), "/g1").await.0, 404, "nothing is published yet");
    engine.apply(web(&place, 1)).await.unwrap();
    seen.until("ready", |seen| seen.ready("always") == 1).await;
    support::eventually(async || {
        support::get(port, place.tool(), "/g1").await == (200, "generation 1".to_owned())
    })
    .await;

    let done = Arc::new(AtomicBool::new(false));
    let (stop, tool) = (Arc::clone(&done), place.tool().to_owned());
    let asking = tokio::spawn(async move {
        let mut count = 0;
        while !stop.load(Ordering::SeqCst) {
            let (status, body) = support::get(port, &tool, "/g1").await;
            assert_eq!((status, body.as_str()), (200, "generation 1"), "after {count} requests");
            count += 1;
        }
        count
    });
    engine.apply(web(&place, 2)).await.unwrap();
    let is_new = |seen: &Seen| seen.ready("always") == 1 && seen.of("always")[0].generation == 2;
    seen.until("replaced", is_new).await;
    let before = seen.of("always").remove(0).id;
    engine.restart(&place.id("always"), jiff::Timestamp::now()).await.unwrap();
    seen.until("restarted", |seen| seen.ready("always") == 1 && seen.of("always")[0].id != before).await;
    done.store(true, Ordering::SeqCst);
    assert!(asking.await.unwrap() > 10, "requests went on meanwhile");
    assert_eq!(support::get(port, place.tool(), "/g2").await, (200, "generation 2".to_owned()));

    let mut private = web(&place, 3);
    private.expose = None;
    engine.apply(private).await.unwrap();
    support::eventually(async || support::get(port, place.tool(), "/g2").await.0 == 404).await;
    assert_ne!(seen.of("always")[0].id, before);
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_finds_another_by_its_name() {
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    if engine.capabilities().await.unwrap().addresses {
        // it runs before the other one has a name
        let name = format!("{}-always", place.tool());
        let look = format!(
            "until python3 -c 'import urllib.request as u; print(u.urlopen(\"http://{name}:8000/g1\", timeout=5).read().decode().strip())'; do sleep 0.2; done 2>/dev/null"
        );
        engine.apply(place.workload("once", 1, &look)).await.unwrap();
        seen.until("looking", |seen| seen.ready("once") == 1).await;
        let mut server = web(&place, 1);
        server.kind = Kind::Always { replicas: 2 };
        engine.apply(server).await.unwrap();
        seen.until("found", |seen| seen.is_finished("once")).await;
        let page = engine.logs(place.output_of("once")).await.unwrap();
        assert_eq!(page.entries.last().unwrap().message, "generation 1");
    }
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_catalogue_serves_pages_without_a_command_of_the_user() {
    let place = Place::without_catalogue();
    let (engine, mut seen) = open(&place).await;
    let port = router(&engine).await;
    let images = engine.images().await.unwrap();
    let python =
        images.iter().find(|image| image.shortname.starts_with("python3.")).expect("a python").clone();
    let command = python.web.unwrap().command.join(" ").replace("{port}", "8000");
    let mut workload = web(&place, 1);
    workload.image = python.url;
    workload.command = Command::Shell(command);
    engine.apply(workload).await.unwrap();
    seen.until("ready", |seen| seen.ready("always") == 1).await;
    support::eventually(async || support::get(port, place.tool(), "/").await.0 == 200).await;
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_sees_its_own_home_and_nothing_of_the_server() {
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    let isolated = engine.capabilities().await.unwrap().isolation > Isolation::Process;
    let data = place.data().display().to_string();
    let script = format!(
        "echo $HOME $USER $TOOL_DATA_DIR $SECRET; pwd; ls -d {data} /root /data/project/* /proc/1/root{data} 2>/dev/null; exit 7"
    );
    engine.apply(place.workload("once", 1, &script)).await.unwrap();
    seen.until("finished", |seen| seen.is_finished("once")).await;
    let page = engine.logs(place.output_of("once")).await.unwrap();
    let lines: Vec<String> = page.entries.into_iter().map(|entry| entry.message).collect();
    if isolated {
        let home = format!("/data/project/{}", place.tool());
        let expected = [format!("{home} tools.{} {home} hush", place.tool()), home.clone(), home];
        assert_eq!(lines, expected);
    }
    for file in support::files(&place.data().join("engine")) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes.windows(4).any(|window| window == b"hush");
        assert!(!found || file.components().any(|part| part.as_os_str() == "logs"), "{}", file.display());
    }
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_the_memory_limit_is_told_as_such() {
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    if engine.capabilities().await.unwrap().memory == engine::Enforcement::Enforced {
        let script = "python3 -c 'x = bytearray(512 << 20)'";
        engine.apply(place.workload("once", 1, script)).await.unwrap();
        seen.until("finished", |seen| seen.is_finished("once")).await;
        let Container::Terminated(exit) = seen.of("once").remove(0).container else { panic!("it has ended") };
        assert_eq!(exit.reason, ExitReason::OutOfMemory);
    }
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_check_is_told_and_restarts() {
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    let mut workload = place.workload("always", 1, "touch good; sleep 1000");
    let mut probe = Probe::new(ProbeCheck::Exec(Command::Shell("test -e good".to_owned())));
    probe.liveness_period = Duration::from_millis(100);
    workload.probe = Some(probe);
    engine.apply(workload).await.unwrap();
    seen.until("ready", |seen| seen.ready("always") == 1).await;
    std::fs::remove_file(place.home().join("good")).unwrap();
    let told = "health check failed: exit code 1";
    seen.until("told", |seen| seen.of("always")[0].message.as_deref() == Some(told)).await;
    let restarted = |seen: &Seen| {
        let one = seen.of("always").remove(0);
        one.restarts == 1 && one.last_exit.is_some_and(|exit| exit.reason == ExitReason::Unhealthy)
    };
    seen.until("restarted", restarted).await;
    seen.until("ready again", |seen| seen.ready("always") == 1).await;
    place.finish(&engine, seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_engine_and_a_closed_one_are_refused() {
    let place = Place::new();
    let (engine, seen) = open(&place).await;
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_engine-embedded-shim"));
    let error = Embedded::open(support::config(place.data(), &exe)).await.unwrap_err();
    let Error::Failed { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("is held by process"), "{source}");
    place.finish(&engine, seen).await;
    let error = engine.apply(place.workload("once", 1, "true")).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_outside_usr_are_bound_where_the_catalogue_says() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let (engine, mut seen) = open(&place).await;
    let bin = place.data().join("extra/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("greet"), "#!/bin/sh\necho from $0\n").unwrap();
    std::fs::set_permissions(bin.join("greet"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = place.data().join("extra").display().to_string();
    let entry = format!(
        "greeter: {{variants: {{jobs-framework: {{image: example.org/greeter}}}}, runs: {{on: host, \
         binds: [{{source: {source}, target: /opt/greeter}}], path: [/opt/greeter/bin]}}}}\n"
    );
    let catalogue = place.data().join("images/catalogue.yaml");
    let before = std::fs::read_to_string(&catalogue).unwrap();
    std::fs::write(&catalogue, before + &entry).unwrap();
    let mut workload = place.workload("once", 1, "greet");
    workload.image = "example.org/greeter:latest".to_owned();
    engine.apply(workload).await.unwrap();
    seen.until("finished", |seen| seen.is_finished("once")).await;
    let page = engine.logs(place.output_of("once")).await.unwrap();
    let isolated = engine.capabilities().await.unwrap().isolation > Isolation::Process;
    let expected =
        if isolated { "from /opt/greeter/bin/greet".to_owned() } else { format!("from {source}/bin/greet") };
    assert_eq!(page.entries[0].message, expected);
    place.finish(&engine, seen).await;
}
