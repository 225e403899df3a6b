//! A new version in which a method has changed: no endpoint gets bytes that were made by the schema of the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gateway::Backend;
use mesh::client::{Channel, Endpoint, Times};
use tempfile::TempDir;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;
use tonic::Code;

use crate::echo::{self, Echo, file, message};
use crate::raw::Connection;
use crate::world::{World, start_with_backend, within};

const CHANGED: &str = "/p.S/Changed";
const KEPT: &str = "/p.S/Kept";

/// The same names; the text has another number in the second version, and there is a count beside it.
fn version(number: i32) -> Echo {
    let text = message("Text", &[("text", number, "string")]);
    let text =
        if number == 1 { text } else { message("Text", &[("count", 1, "int32"), ("text", 2, "string")]) };
    let kept = message("Keep", &[("text", 1, "string")]);
    let methods: &[_] = &[("Changed", ".p.Text"), ("Kept", ".p.Keep")];
    Echo::new(vec![file(("p.proto", "p"), &[], vec![text, kept], &[("S", methods)])])
}

/// What `{"text":"x"}` is for the changed method in a version.
fn bytes(number: u8) -> Vec<u8> {
    vec![number << 3 | 2, 1, b'x']
}

fn changed_calls(echo: &Echo) -> Vec<Vec<u8>> {
    let heard = echo.heard().into_iter().filter(|(path, _)| path == CHANGED);
    heard.map(|(_, bytes)| bytes.to_vec()).collect()
}

async fn world(paths: &[&Path]) -> World {
    let (first, others) = paths.split_first().unwrap();
    // as the program has it
    let times = Times { max_pause: Duration::from_millis(500), ..Times::default() };
    let channel = Channel::builder(Endpoint::unix(*first)).times(times);
    let channel = others.iter().fold(channel, |channel, path| channel.endpoint(Endpoint::unix(*path)));
    let backend = Backend::new("notes", &channel.build());
    let (world, ready) = start_with_backend(backend, echo::setup()).await;
    within(ready).await.unwrap();
    world
}

/// A gateway in front of one endpoint with the first version, where that is, and what serves it.
async fn first_version() -> (TempDir, PathBuf, AbortHandle, World) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    let serving = version(1).serve(&path);
    let world = world(&[&path]).await;
    (directory, path, serving, world)
}

/// Serves a version while calls wait for it.
async fn soon(version: &Echo, path: &Path) {
    sleep(Duration::from_millis(300)).await;
    version.serve(path);
}

/// Waits until the second version is in force, which alone knows a count.
async fn second_in_force(world: &World) {
    let mut connection = world.connect().await;
    within(async {
        while connection.request("POST", CHANGED, "", br#"{"count":7}"#).await.status() != 200 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits until the gateway knows that nobody serves.
async fn away(world: &World) {
    within(async {
        while world.gateway.state().backends[0].serving {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Sends all of a request but its last byte, once its body is awaited.
async fn begin(world: &World, path: &str, body: &[u8]) -> Connection {
    let mut connection = world.connect().await;
    let length = body.len();
    let expect = "Expect: 100-continue";
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{expect}\r\nContent-Length: {length}\r\n\r\n");
    connection.write(head.as_bytes()).await.unwrap();
    assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 100 Continue");
    connection.write(&body[..length - 1]).await.unwrap();
    connection
}

#[tokio::test]
async fn a_body_that_was_begun_under_the_former_schema_reaches_nobody_with_the_new_one() {
    let (_directory, path, serving, world) = first_version().await;
    let text = br#"{"text":"x"}"#;
    assert_eq!(world.connect().await.request("POST", CHANGED, "", text).await.status(), 200);

    let mut changed = begin(&world, CHANGED, text).await;
    let mut kept = begin(&world, KEPT, text).await;
    serving.abort();
    let new = version(2);
    new.serve(&path);
    second_in_force(&world).await;
    new.heard();

    changed.write(b"}").await.unwrap();
    let reply = changed.reply(false).await;
    assert_eq!(reply.status(), 503, "{}", reply.text());
    let said = "the service notes has changed this method just now, please try again";
    assert_eq!(reply.json()["message"], said);
    kept.write(b"}").await.unwrap();
    let reply = kept.reply(false).await;
    assert_eq!((reply.status(), reply.text()), (200, r#"{"text":"x"}"#));
    assert_eq!(changed_calls(&new), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_call_that_waits_is_not_sent_to_a_version_with_another_method() {
    let (_directory, path, serving, world) = first_version().await;
    let text = br#"{"text":"x"}"#;
    assert_eq!(world.connect().await.request("POST", CHANGED, "", text).await.status(), 200);
    serving.abort();
    away(&world).await;
    let new = version(2);
    let (mut changed, mut kept) = (world.connect().await, world.connect().await);
    let (changed, kept, ()) = tokio::join!(
        changed.request("POST", CHANGED, "", text),
        kept.request("POST", KEPT, "", text),
        soon(&new, &path)
    );
    assert_eq!(changed.status(), 503, "{}", changed.text());
    assert_eq!(kept.status(), 200, "{}", kept.text());
    assert_eq!(changed_calls(&new), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn grpc_that_waits_goes_to_the_version_that_comes() {
    let (_directory, path, serving, world) = first_version().await;
    let channel = world.channel(&world.alpha);
    // the gateway passes on what it is sent: what that means is between the two
    let call = async |path: &'static str, limit| {
        let headers = [("content-type".parse().unwrap(), "application/grpc".parse().unwrap())];
        let frame = Bytes::from_static(b"\0\0\0\0\x03\x0a\x01x");
        let called = channel.send(path.parse().unwrap(), headers.into_iter().collect(), frame, limit).await;
        let response = called.map_err(|status| status.code())?;
        tonic::Status::from_header_map(response.headers()).map_or(Ok(()), |status| Err(status.code()))
    };
    assert_eq!(call(KEPT, None).await, Ok(()));
    serving.abort();
    away(&world).await;
    assert_eq!(call(KEPT, Some(Duration::from_millis(200))).await, Err(Code::DeadlineExceeded));
    let new = version(2);
    let (kept, changed, ()) = tokio::join!(call(KEPT, None), call(CHANGED, None), soon(&new, &path));
    assert_eq!((kept, changed), (Ok(()), Ok(())));
}

/// Calls the changed method without a pause, until it is told to stop. A call is answered, or refused as the service is
/// away or has changed.
fn call_on(world: &Arc<World>, stop: &Arc<AtomicBool>, count: &Arc<AtomicUsize>) -> JoinHandle<()> {
    let (world, stop, count) = (Arc::clone(world), Arc::clone(stop), Arc::clone(count));
    tokio::spawn(async move {
        let mut connection = world.connect().await;
        while !stop.load(Ordering::SeqCst) {
            let reply = connection.request("POST", CHANGED, "", br#"{"text":"x"}"#).await;
            match reply.status() {
                200 => assert_eq!(reply.text(), r#"{"text":"x"}"#),
                other => assert_eq!(other, 503, "{}", reply.text()),
            }
            count.fetch_add(usize::from(reply.status() == 200), Ordering::SeqCst);
        }
    })
}

async fn more(count: &AtomicUsize) {
    let before = count.load(Ordering::SeqCst);
    within(async {
        while count.load(Ordering::SeqCst) < before + 30 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_method_rolls_over_two_endpoints() {
    let directory = tempfile::tempdir().unwrap();
    let paths: [PathBuf; 2] = ["a", "b"].map(|name| directory.path().join(name));
    let old = [version(1), version(1)];
    let serving = [old[0].serve(&paths[0]), old[1].serve(&paths[1])];
    let world = Arc::new(world(&[&paths[0], &paths[1]]).await);
    within(async {
        while !world.gateway.state().backends[0].endpoints.iter().all(|endpoint| endpoint.current) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let calling = [call_on(&world, &stop, &count), call_on(&world, &stop, &count)];
    more(&count).await;

    let new = [version(2), version(2)];
    serving[0].abort();
    more(&count).await;
    new[0].serve(&paths[0]);
    let of_first = |ready, current| {
        let first = &world.gateway.state().backends[0].endpoints[0];
        (first.ready, first.current) == (ready, current)
    };
    within(async {
        while !of_first(true, false) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // the method that is the same goes to both, the other one only where the schema in force is
    let mut connection = world.connect().await;
    for _ in 0..40 {
        assert_eq!(connection.request("POST", KEPT, "", br#"{"text":"k"}"#).await.status(), 200);
    }
    more(&count).await;
    let heard = new[0].heard();
    assert!(!heard.is_empty() && heard.iter().all(|(path, _)| path == KEPT), "{heard:?}");
    let refused = world.connect().await.request("POST", CHANGED, "", br#"{"count":7}"#).await;
    assert_eq!(refused.status(), 400, "the former schema is in force");

    serving[1].abort();
    more(&count).await;
    new[1].serve(&paths[1]);
    within(async {
        while !world.gateway.state().backends[0].endpoints.iter().all(|endpoint| endpoint.current) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    more(&count).await;
    stop.store(true, Ordering::SeqCst);
    for calls in calling {
        calls.await.unwrap();
    }
    for (echoes, expected) in [(&old, bytes(1)), (&new, bytes(2))] {
        let calls: Vec<_> = echoes.iter().flat_map(changed_calls).collect();
        assert!(calls.len() >= 30 && calls.iter().all(|call| *call == expected), "{expected:?}: {calls:?}");
    }
    let reply = world.connect().await.request("POST", CHANGED, "", br#"{"count":7,"text":"x"}"#).await;
    assert_eq!((reply.status(), reply.text()), (200, r#"{"count":7,"text":"x"}"#));
}
