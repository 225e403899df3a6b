//! Replacing instances, ending the router, and what happens when an instance goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine_router::Backend;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::stage::{BOUND, Instance, Stage, get, named, read, text};

const REQUESTS: usize = 2_000;
const REPLACEMENTS: usize = 20;
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_instances_are_replaced() {
    let stage = Stage::new().await;
    let mut instance = named("first").await;
    let mut backend = stage.serve(&instance);
    let done = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> =
        (0..CLIENTS).map(|n| tokio::spawn(load(stage.address, n, Arc::clone(&done)))).collect();

    for n in 1..=REPLACEMENTS {
        let due = n * REQUESTS / (REPLACEMENTS + 1);
        while done.load(Ordering::Relaxed) < due {
            tokio::task::yield_now().await;
        }
        let next = named("next").await;
        let next_backend = stage.serve(&next);
        backend.drain();
        assert!(backend.drained(BOUND).await);
        // killed with all its connections, as soon as the router says that it may be
        drop(std::mem::replace(&mut instance, next));
        backend = next_backend;
    }
    let mut failures = Vec::new();
    for client in clients {
        failures.extend(client.await.unwrap());
    }
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(done.load(Ordering::Relaxed), REQUESTS);
}

/// A client with one connection that stays open; the requests of all make [`REQUESTS`]. Every third has a body.
async fn load(address: std::net::SocketAddr, n: usize, done: Arc<AtomicUsize>) -> Vec<String> {
    let io = hyper_util::rt::TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut failures = Vec::new();
    for count in 0..REQUESTS / CLIENTS {
        let mut request = get("/");
        if count % 3 == 0 {
            *request.method_mut() = Method::POST;
            *request.body_mut() = text("something to send");
        }
        sender.ready().await.unwrap();
        match sender.send_request(request).await {
            Ok(response) if response.status() == StatusCode::OK => {
                read(response).await;
            }
            Ok(response) => failures.push(format!("client {n}, request {count}: {}", response.status())),
            Err(error) => return vec![format!("client {n}, request {count}: {error}")],
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    failures
}

#[tokio::test]
async fn a_draining_instance_finishes_what_it_has_and_gets_nothing_new() {
    let stage = Stage::new().await;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let slow = Instance::new(move |_| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            Response::new(text("slow"))
        }
    })
    .await;
    let old = stage.serve(&slow);
    let mut client = stage.client().await;
    let running = tokio::spawn(async move { client.send_request(get("/")).await.unwrap() });
    arrived.notified().await;
    assert_eq!(old.in_flight(), 1);

    let new = named("new").await;
    stage.table.set("alpha", "/", vec![Arc::clone(&old), new.backend()]);
    old.drain();
    for _ in 0..4 {
        let mut client = stage.client().await;
        assert_eq!(read(client.send_request(get("/")).await.unwrap()).await, "new");
    }
    assert!(!old.drained(Duration::from_millis(50)).await);
    go_on.notify_one();
    assert_eq!(read(running.await.unwrap()).await, "slow");
    assert!(old.drained(BOUND).await);
}

#[tokio::test]
async fn a_request_that_could_not_connect_goes_to_another_instance() {
    let stage = Stage::new().await;
    let (dead, alive) = (named("dead").await, named("alive").await);
    let backends = vec![dead.backend(), alive.backend()];
    drop(dead);
    stage.table.set("alpha", "/", backends);
    for _ in 0..6 {
        let mut client = stage.client().await;
        let request = Request::post("/").header("host", "alpha.localhost").body(text("body")).unwrap();
        assert_eq!(read(client.send_request(request).await.unwrap()).await, "alive");
    }
}

/// Answers one request on each connection, as often as told to, and closes when it sees the next one.
async fn one_each(count: Arc<AtomicUsize>) -> Instance {
    Instance::connections(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                // the next request on this connection is read and not answered
                let _ = stream.read(&mut buffer).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_idle_connection_that_closes_under_a_request_costs_nothing_when_it_can_be_repeated() {
    let stage = Stage::new().await;
    let count = Arc::new(AtomicUsize::new(0));
    let instance = one_each(Arc::clone(&count)).await;
    stage.serve(&instance);
    let mut client = stage.client().await;
    for _ in 0..5 {
        client.ready().await.unwrap();
        assert_eq!(read(client.send_request(get("/")).await.unwrap()).await, "ok");
    }
    assert_eq!(count.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_request_that_may_have_had_its_effect_is_not_repeated() {
    let stage = Stage::new().await;
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let instance = Instance::connections(move |mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            seen.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await;
    let other = named("other").await;
    stage.table.set("alpha", "/", vec![instance.backend()]);
    let mut client = stage.client().await;
    let request = Request::post("/").header("host", "alpha.localhost").body(text("pay")).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert!(read(response).await.contains("closed the connection"));
    assert_eq!(count.load(Ordering::Relaxed), 1);
    drop(other);
}

#[tokio::test]
async fn the_router_ends_after_its_requests_and_cuts_what_passes_the_grace() {
    let stage = Stage::new().await;
    let address = stage.address;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let instance = Instance::new(move |request: Request<hyper::body::Incoming>| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            if request.uri().path() == "/endless" {
                let (never, frames) = mpsc::channel(1);
                std::mem::forget(never);
                return Response::new(crate::stream::streamed(frames));
            }
            tell.notify_one();
            wait.notified().await;
            Response::new(text("late"))
        }
    })
    .await;
    stage.serve(&instance);
    let (mut slow, mut endless, idle) = (stage.client().await, stage.client().await, stage.client().await);
    let late = tokio::spawn(async move { slow.send_request(get("/")).await.unwrap() });
    let mut body = endless.send_request(get("/endless")).await.unwrap().into_body();
    arrived.notified().await;
    let ended = stage.end();
    go_on.notify_one();
    assert_eq!(read(late.await.unwrap()).await, "late");
    assert!(body.frame().await.is_none_or(|frame| frame.is_err()), "cut, not ended well");
    tokio::time::timeout(BOUND, ended).await.expect("the router ends").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn connections_to_an_instance_are_used_again() {
    let stage = Stage::new().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let instance = Instance::connections(move |stream| {
        seen.fetch_add(1, Ordering::Relaxed);
        async move {
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(Response::new(text("again")))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    })
    .await;
    let backend: Arc<Backend> = stage.serve(&instance);
    let mut client = stage.client().await;
    for _ in 0..50 {
        client.ready().await.unwrap();
        assert_eq!(read(client.send_request(get("/")).await.unwrap()).await, "again");
        assert!(backend.drained(BOUND).await);
    }
    assert!(connections.load(Ordering::Relaxed) <= 2, "{}", connections.load(Ordering::Relaxed));
}
