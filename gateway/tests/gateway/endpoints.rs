//! Backends of several endpoints: restarts in turn, with a schema that changes, and schemas that are given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use api::jobs::v1::images_server::ImagesServer;
use api::jobs::v1::status_server::StatusServer;
use gateway::{Backend, Descriptors};
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::serve::{Listener, Services};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::backend::Fake;
use crate::world::{Setup, World, serve_services, start_before, start_with_backend, within};

const IMAGES: &str = "/jobs/v1/tool/alpha/images";
const HEALTH: &str = "/jobs/v1/healthz";

/// One endpoint at a socket.
pub(crate) struct Server {
    path: PathBuf,
    drain: Drain,
    served: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(path: &Path, services: Services) -> Self {
        let _ = std::fs::remove_file(path);
        let listener = Listener::unix(UnixListener::bind(path).unwrap(), "service:gateway".parse().unwrap());
        let drain = Drain::new();
        let served = serve_services(services, listener, &drain);
        Self { path: path.to_owned(), drain, served }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    async fn stop(self) -> PathBuf {
        self.drain.begin();
        within(self.served).await.unwrap();
        self.path
    }
}

pub(crate) fn old(fake: &Fake) -> Services {
    Services::new().add(StatusServer::new(fake.clone()))
}

fn new(fake: &Fake) -> Services {
    old(fake).add(ImagesServer::new(fake.clone()))
}

/// Asks without a pause until it is told to stop; counts the requests, none of which may fail.
fn ask_on(world: &Arc<World>, stop: &Arc<AtomicBool>, count: &Arc<AtomicUsize>) -> JoinHandle<()> {
    let (world, stop, count) = (Arc::clone(world), Arc::clone(stop), Arc::clone(count));
    tokio::spawn(async move {
        let mut connection = world.connect().await;
        while !stop.load(Ordering::SeqCst) {
            let reply = connection.request("GET", HEALTH, "", b"").await;
            assert_eq!(reply.line, "HTTP/1.1 200 OK", "{}", reply.text());
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
}

async fn more(count: &AtomicUsize) {
    let before = count.load(Ordering::SeqCst);
    within(async {
        while count.load(Ordering::SeqCst) < before + 20 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_version_rolls_over_two_endpoints_without_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let [first, second] = ["a", "b"].map(|name| Server::start(&directory.path().join(name), old(&fake)));
    let channel =
        Channel::builder(Endpoint::unix(&first.path)).endpoint(Endpoint::unix(&second.path)).build();
    let (world, ready) = start_before(channel, Setup::default()).await;
    within(ready).await.unwrap();
    let world = Arc::new(world);
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let asking = [ask_on(&world, &stop, &count), ask_on(&world, &stop, &count)];
    more(&count).await;

    let path = first.stop().await;
    more(&count).await;
    let first = Server::start(&path, new(&fake));
    more(&count).await;
    sleep(Duration::from_millis(300)).await;
    let reply = world.request("GET", IMAGES).await;
    assert_eq!(reply.status(), 404, "one endpoint does not serve it yet");

    let path = second.stop().await;
    let second = Server::start(&path, new(&fake));
    let restarted = Instant::now();
    while world.request("GET", IMAGES).await.status() != 200 {
        assert!(restarted.elapsed() < Duration::from_secs(5), "the new method is not served");
        sleep(Duration::from_millis(10)).await;
    }
    more(&count).await;
    stop.store(true, Ordering::SeqCst);
    for asking in asking {
        within(asking).await.unwrap();
    }
    for server in [first, second] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_call_waits_for_a_backend_that_is_away_for_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let server = Server::start(&directory.path().join("a"), old(&fake));
    let channel = Channel::new(Endpoint::unix(&server.path));
    let (world, ready) = start_before(channel, Setup::default()).await;
    within(ready).await.unwrap();
    assert_eq!(world.request("GET", HEALTH).await.status(), 200);
    let path = server.stop().await;
    let back = async {
        sleep(Duration::from_millis(500)).await;
        Server::start(&path, old(&fake))
    };
    let (reply, _server) = tokio::join!(world.request("GET", HEALTH), back);
    assert_eq!(reply.status(), 200, "{}", reply.text());
}

#[tokio::test]
async fn a_stream_does_not_begin_while_nobody_is_there_to_have_it() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let server = Server::start(&directory.path().join("a"), fake.services());
    let channel = Channel::new(Endpoint::unix(&server.path));
    let (world, ready) = start_before(channel, Setup::default()).await;
    within(ready).await.unwrap();
    let logs = "/logs/v1/tool/alpha/job/x/logs_stream";
    assert_eq!(world.request("GET", logs).await.status(), 200);
    server.stop().await;
    let reply = world.request("GET", logs).await;
    assert_eq!(reply.status(), 503, "{}", reply.text());
}

#[tokio::test]
async fn an_endpoint_that_does_not_serve_gets_no_calls() {
    let directory = tempfile::tempdir().unwrap();
    let (good, bad) = (Fake::default(), Fake::default());
    let server = Server::start(&directory.path().join("good"), old(&good));
    let sick = directory.path().join("sick");
    let listener = Listener::unix(UnixListener::bind(&sick).unwrap(), "service:gateway".parse().unwrap());
    let descriptors = api::JOBS_DESCRIPTORS;
    // it never says that it is ready
    let silent = mesh::serve::Server::builder(old(&bad)).descriptors(descriptors).build().unwrap();
    let drain = Drain::new();
    tokio::spawn(silent.serve(vec![listener], drain.clone()));
    let channel = Channel::builder(Endpoint::unix(&server.path)).endpoint(Endpoint::unix(&sick)).build();
    let (world, ready) = start_before(channel, Setup::default()).await;
    within(ready).await.unwrap();
    let mut connection = world.connect().await;
    for _ in 0..30 {
        assert_eq!(connection.request("GET", HEALTH, "", b"").await.status(), 200);
    }
    assert_eq!((good.seen().len(), bad.seen().len()), (30, 0));
    drain.stop();
}

#[tokio::test]
async fn a_schema_may_be_given_instead_of_reflection() {
    // a backend that knows nobody answers no reflection
    let (listener, connector) = mesh::memory::pair("anonymous".parse().unwrap());
    let (fake, drain) = (Fake::default(), Drain::new());
    let served = serve_services(old(&fake), Listener::memory(listener), &drain);
    let descriptors = Descriptors::read([api::JOBS_DESCRIPTORS]).unwrap();
    let backend =
        Backend::new("jobs", &Channel::new(Endpoint::memory(connector))).with_descriptors(descriptors);
    let (world, ready) = start_with_backend(backend, Setup::default()).await;
    within(ready).await.unwrap();
    assert_eq!(world.request("GET", HEALTH).await.status(), 200);
    drain.stop();
    within(served).await.unwrap();
}
