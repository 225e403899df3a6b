//! Connections in number, and clients that send nothing, too slowly, or too much.

use std::time::Duration;

use gateway::{Limits, Mapping};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::pki::Identity;
use crate::raw::Connection;
use crate::world::{Setup, World, start, start_with, within};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(10);

async fn limited(limits: Limits) -> World {
    start_with(Setup { limits, ..Setup::default() }).await
}

#[tokio::test]
async fn whoever_does_not_shake_hands_is_closed() {
    let world = limited(Limits { handshake: SHORT, ..Limits::default() }).await;
    let mut silent = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(within(silent.read(&mut [0; 1])).await.unwrap(), 0);
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = within(plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/"), "nothing is said in clear");
}

#[tokio::test]
async fn whoever_says_nothing_after_it_is_closed() {
    let world = limited(Limits { headers: SHORT, preface: SHORT, ..Limits::default() }).await;
    for protocol in ["http/1.1", "h2"] {
        let mut silent = world.open(&world.alpha, &[protocol]).await.unwrap();
        assert!(silent.is_closed().await, "{protocol}");
    }
}

#[tokio::test]
async fn headers_that_come_too_slowly_are_not_waited_for() {
    let world = limited(Limits { headers: SHORT, ..Limits::default() }).await;
    let mut slow = world.connect().await;
    slow.write(b"GET /jobs/v1/healthz HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
    // each byte in time does not help: the whole has its time
    let dripped = async {
        loop {
            if slow.write(b"X-Drip: 1\r\n").await.is_err() {
                return;
            }
            tokio::time::sleep(SHORT / 5).await;
        }
    };
    within(dripped).await;
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_not_waited_for() {
    let world = limited(Limits { body: SHORT, ..Limits::default() }).await;
    let mut slow = world.connect().await;
    let head = "POST /jobs/v1/tool/alpha/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    slow.write(head.as_bytes()).await.unwrap();
    let reply = slow.reply(false).await;
    assert_eq!(reply.line, "HTTP/1.1 408 Request Timeout");
    assert!(reply.json()["error"][0].as_str().unwrap().starts_with("the body did not arrive"));
}

const ATTACH: &str = "POST /toolforge.jobs.v1.Runs/AttachRun HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \
                      chunked\r\nContent-Type: application/json\r\n\r\n";

async fn attachable(limits: Limits) -> World {
    let mut mapping = Mapping::default();
    mapping.options.default_bindings = true;
    start_with(Setup { limits, mapping, ..Setup::default() }).await
}

#[tokio::test]
async fn a_message_of_a_stream_that_comes_too_slowly_is_not_waited_for() {
    let world = attachable(Limits { body: SHORT, first_record: LONG, ..Limits::default() }).await;
    let mut slow = world.connect().await;
    slow.write(ATTACH.as_bytes()).await.unwrap();
    // each byte in time does not help: the message has its time
    let mut drips = 0;
    let reply = loop {
        let _ = slow.write(if drips == 0 { b"1\r\n{\r\n" } else { b"1\r\n \r\n" }).await;
        drips += 1;
        if let Ok(reply) = tokio::time::timeout(SHORT / 5, slow.reply(false)).await {
            break reply;
        }
        assert!(drips < 500, "nobody ends it");
    };
    assert_eq!(reply.line, "HTTP/1.1 408 Request Timeout");
    assert!(reply.text().contains("message 1 did not arrive within"), "{}", reply.text());
}

#[tokio::test]
async fn a_stream_on_which_nothing_moves_ends() {
    let world = attachable(Limits { stream_idle: SHORT, first_record: LONG, ..Limits::default() }).await;
    let mut silent = world.connect().await;
    silent.write(ATTACH.as_bytes()).await.unwrap();
    let reply = within(silent.reply(false)).await;
    assert_eq!(reply.line, "HTTP/1.1 408 Request Timeout");
    assert!(reply.text().contains("nothing was sent or received for"), "{}", reply.text());
    // a stream of answers alone may be silent
    let feed = world.fake.feed();
    let mut stream = world.connect().await;
    stream.ask("GET", "/logs/v1/tool/alpha/job/x/logs_stream", "", b"").await;
    feed.send(Ok("first".to_owned())).await.unwrap();
    stream.head().await.unwrap();
    assert!(String::from_utf8(stream.chunk().await.unwrap().unwrap()).unwrap().contains("first"));
    assert!(tokio::time::timeout(3 * SHORT, stream.chunk()).await.is_err());
    feed.send(Ok("still".to_owned())).await.unwrap();
    assert!(String::from_utf8(stream.chunk().await.unwrap().unwrap()).unwrap().contains("still"));
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let world = start().await;
    let mut connection = world.connect().await;
    let header = format!("X-Large: {}\r\n", "x".repeat(64 << 10));
    let reply = connection.request("GET", "/jobs/v1/healthz", &header, b"").await;
    assert_eq!(reply.line, "HTTP/1.1 431 Request Header Fields Too Large");
    let mut connection = world.connect().await;
    connection.write(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
    assert_eq!(connection.head().await.unwrap().line, "HTTP/1.1 400 Bad Request");
    assert!(world.fake.seen().is_empty());
}

#[tokio::test]
async fn many_connections_are_served_at_once() {
    let world = start().await;
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(world.open(&Identity::default(), &["http/1.1"]).await.unwrap());
    }
    for connection in &mut open {
        connection.ask("GET", "/jobs/v1/healthz", "", b"").await;
    }
    for connection in &mut open {
        assert_eq!(connection.reply(false).await.line, "HTTP/1.1 200 OK");
    }
}

#[tokio::test]
async fn one_connection_more_than_allowed_waits_for_its_turn() {
    let world = limited(Limits { connections: 2, ..Limits::default() }).await;
    let mut first = world.connect().await;
    let _second = world.connect().await;
    let third = world.connect();
    tokio::pin!(third);
    assert!(tokio::time::timeout(SHORT, &mut third).await.is_err());
    first.ask("GET", "/jobs/v1/healthz", "Connection: close\r\n", b"").await;
    first.reply(false).await;
    drop(first);
    let mut third = within(third).await;
    assert_eq!(third.request("GET", "/jobs/v1/healthz", "", b"").await.status(), 200);
}

#[tokio::test]
async fn a_worker_without_connections_does_not_hold_a_place() {
    let world = limited(Limits { connections: 1, ..Limits::default() }).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (worker, tls, drain) = (world.gateway.worker(), world.tls.clone(), world.drain.clone());
    tokio::spawn(async move { worker.serve(listener, tls, drain).await });
    let connect = async |address| {
        let root = &world.pki.servers.pem;
        Connection::open(address, root, &Identity::default(), &["http/1.1"]).await.unwrap()
    };
    // each worker has its turn, one after the other
    for at in [address, world.address, world.address, address] {
        let mut open = within(connect(at)).await;
        assert_eq!(open.request("GET", "/openapi.json", "", b"").await.status(), 200);
        // and the bound holds
        let other = if at == address { world.address } else { address };
        assert!(tokio::time::timeout(SHORT, connect(other)).await.is_err());
    }
}

#[tokio::test]
async fn an_old_connection_is_asked_to_close_but_its_stream_is_not_cut() {
    let world = limited(Limits { age: SHORT, ..Limits::default() }).await;
    let mut idle = world.connect().await;
    let feed = world.fake.feed();
    let mut stream = world.connect().await;
    stream.ask("GET", "/logs/v1/tool/alpha/job/x/logs_stream", "", b"").await;
    stream.head().await.unwrap();
    assert!(idle.is_closed().await);
    tokio::time::sleep(SHORT).await;
    feed.send(Ok("still".to_owned())).await.unwrap();
    assert!(String::from_utf8(stream.chunk().await.unwrap().unwrap()).unwrap().contains("still"));
    drop(feed);
    assert_eq!(stream.chunk().await.unwrap(), None);
}
