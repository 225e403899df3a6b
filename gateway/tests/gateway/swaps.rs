//! One schema after the other: what is under way goes on with its own, and none stays in memory that nobody needs.

use std::time::Duration;

use gateway::{Backend, Descriptors};
use mesh::client::{Channel, Endpoint};
use mesh::serve::Listener;
use tokio::time::sleep;

use crate::backend::Fake;
use crate::world::{Setup, World, serve_backend, start_with_backend, within};

const LOGS: &str = "/logs/v1/tool/alpha/job/x/logs_stream";
const SWAPS: usize = 50;

/// The same services; the path of the health check is another one.
fn schema(number: usize) -> Descriptors {
    let (from, to) = (b"/healthz", format!("/h{number:06}"));
    let mut set = api::JOBS_DESCRIPTORS.to_vec();
    let found: Vec<usize> =
        set.windows(from.len()).enumerate().filter(|(_, part)| part == from).map(|(at, _)| at).collect();
    assert!(!found.is_empty());
    for at in found {
        set[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    Descriptors::read([&set[..]]).unwrap()
}

async fn begin() -> World {
    let fake = Fake::default();
    let (listener, connector) = mesh::memory::pair("service:gateway".parse().unwrap());
    let drain = mesh::drain::Drain::new();
    let served = serve_backend(&fake, Listener::memory(listener), &drain);
    let backend = Backend::new("jobs", &Channel::new(Endpoint::memory(connector)));
    let (world, ready) = start_with_backend(backend.with_descriptors(schema(0)), Setup::default()).await;
    within(ready).await.unwrap();
    World { fake, backend: drain, served, ..world }
}

#[tokio::test]
async fn a_former_schema_lives_as_long_as_its_last_stream() {
    let world = begin().await;
    let feed = world.fake.feed();
    let mut stream = world.connect().await;
    stream.ask("GET", LOGS, "", b"").await;
    feed.send(Ok("first".to_owned())).await.unwrap();
    assert_eq!(stream.head().await.unwrap().line, "HTTP/1.1 200 OK");
    let said = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8(said).unwrap().contains("first"));

    let mut client = world.connect().await;
    for number in 1..=SWAPS {
        assert!(world.gateway.set_descriptors("jobs", schema(number)));
        let new = client.request("GET", &format!("/jobs/v1/h{number:06}"), "", b"").await;
        let old = client.request("GET", &format!("/jobs/v1/h{:06}", number - 1), "", b"").await;
        assert_eq!((new.status(), old.status()), (200, 404), "schema {number}");
    }
    assert_eq!(world.gateway.state().former, 1, "the one of the stream, and no other");

    feed.send(Ok("last".to_owned())).await.unwrap();
    let said = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8(said).unwrap().contains("last"));
    drop(feed);
    assert_eq!(stream.chunk().await.unwrap(), None);
    within(async {
        while world.gateway.state().former > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
