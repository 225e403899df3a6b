//! A schema that takes long to compile and to document: whoever is served meanwhile does not notice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway::{Backend, Descriptors};
use mesh::client::{Channel, Endpoint};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::sync::oneshot;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::echo::{self, Echo, Field, file, message};
use crate::pki::Identity;
use crate::world::{World, start_with_backend, within};

/// A service of so many methods, each with a message of its own.
fn descriptors(count: usize) -> Descriptors {
    let names: Vec<_> = (0..40).map(|index| format!("field_of_some_length_{index}")).collect();
    let fields: Vec<Field<'_>> =
        (1..).zip(&names).map(|(number, name)| (name.as_str(), number, "string")).collect();
    let messages = (0..count).map(|index| message(&format!("M{index}"), &fields)).collect();
    let methods: Vec<_> = (0..count).map(|index| (format!("Echo{index}"), format!(".p.M{index}"))).collect();
    let methods: Vec<_> = methods.iter().map(|(name, message)| (name.as_str(), message.as_str())).collect();
    let file = file(("p.proto", "p"), &[], messages, &[("S", &methods)]);
    Descriptors::read([&FileDescriptorSet { file: vec![file] }.encode_to_vec()[..]]).unwrap()
}

async fn world(count: usize) -> (tempfile::TempDir, World) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo");
    Echo::default().serve(&path);
    let backend = Backend::new("echo", &Channel::new(Endpoint::unix(&path)));
    let (world, ready) =
        start_with_backend(backend.with_descriptors(descriptors(count)), echo::setup()).await;
    tokio::time::timeout(Duration::from_mins(1), ready).await.unwrap().unwrap();
    (directory, world)
}

/// Asks for the health of the gateway until something is over, and says how long the longest answer took.
async fn longest(world: &World, mut over: oneshot::Receiver<()>) -> Duration {
    let mut client = HealthClient::new(world.channel(&Identity::default()));
    let mut longest = Duration::ZERO;
    while over.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        let begun = Instant::now();
        client.check(HealthCheckRequest { service: "p.S".to_owned() }).await.unwrap();
        longest = longest.max(begun.elapsed());
    }
    longest
}

#[tokio::test]
async fn compiling_keeps_nobody_waiting() {
    let (_directory, world) = world(1).await;
    let (tell, over) = oneshot::channel();
    let (gateway, new) = (Arc::clone(&world.gateway), descriptors(1200));
    let compiling = std::thread::spawn(move || {
        let begun = Instant::now();
        assert!(gateway.set_descriptors("echo", new));
        let _ = tell.send(());
        begun.elapsed()
    });
    let longest = longest(&world, over).await;
    let took = compiling.join().unwrap();
    assert!(longest < took / 2, "a health check took {longest:?}, compiling {took:?}");
    assert_eq!(world.gateway.state().routes.len(), 1200);
}

#[tokio::test]
async fn documenting_keeps_nobody_waiting_and_is_done_once() {
    let (_directory, world) = world(800).await;
    let (tell, over) = oneshot::channel();
    let [mut first, mut second] = [world.connect().await, world.connect().await];
    let asking = async {
        let begun = Instant::now();
        let (one, two) = within(async {
            tokio::join!(
                first.request("GET", "/openapi.json", "", b""),
                second.request("GET", "/openapi.json", "", b"")
            )
        })
        .await;
        let took = begun.elapsed();
        let _ = tell.send(());
        assert_eq!((one.status(), one.body == two.body), (200, true));
        took
    };
    let (took, longest) = tokio::join!(asking, longest(&world, over));
    assert!(longest < took / 2, "a health check took {longest:?}, the document {took:?}");
    let again = Instant::now();
    assert_eq!(world.request("GET", "/openapi.json").await.status(), 200);
    assert!(again.elapsed() < took, "it is there");
}
