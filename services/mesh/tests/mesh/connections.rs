//! Connections: age, silence, storms of GOAWAY, and peers that are no clients.

use std::pin::Pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh::drain::Grace;
use mesh::serve::Limits;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::echo::{Echo, Say, streams};
use crate::world::{self, World};

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A client without any of our layers.
pub(crate) async fn raw(world: &World, peer: &str) -> (http2::SendRequest<Full<Bytes>>, Connection) {
    let io = world.connector.identified_as(world::principal(peer)).connect().await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    (sender, Box::pin(connection))
}

/// A request with this message.
pub(crate) fn bytes(path: &str, message: &[u8]) -> http::Request<Full<Bytes>> {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap());
    body.put_slice(message);
    let request = http::Request::post(format!("http://test{path}"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    request.body(Full::new(body.freeze())).unwrap()
}

/// A request to the stream.
pub(crate) fn request(mode: &str, timeout: Option<&'static str>) -> http::Request<Full<Bytes>> {
    let message = Say { tool: String::new(), mode: mode.into() }.encode_to_vec();
    let mut request = bytes("/test.v1.Echo/Stream", &message);
    if let Some(timeout) = timeout {
        request.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static(timeout));
    }
    request
}

fn limits(age: Duration) -> Limits {
    Limits { age, ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn age_sends_goaway_and_never_cuts_a_stream() {
    let world = world::start_with(Echo::default(), limits(Duration::from_secs(2)), Grace::default()).await;
    let (mut sender, connection) = raw(&world, "anonymous").await;
    let start = Instant::now();
    let closed = tokio::spawn(async move {
        connection.await.unwrap();
        Instant::now()
    });
    let response = sender.send_request(request("hundred", None)).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(start.elapsed().as_millis() / 100, 100, "ten seconds of stream at an age of two");
    let closed = closed.await.unwrap() - start;
    assert!(closed >= Duration::from_secs(10) && closed < Duration::from_secs(11), "closed after {closed:?}");
    assert!(sender.send_request(request("hello", None)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let limits = Limits { idle: Duration::from_secs(3), ..Limits::default() };
    let world = world::start_with(Echo::default(), limits, Grace::default()).await;
    let (mut sender, connection) = raw(&world, "anonymous").await;
    let start = Instant::now();
    let closed = tokio::spawn(async move {
        connection.await.unwrap();
        Instant::now()
    });
    let response = sender.send_request(request("hundred", None)).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!((closed.await.unwrap() - start).as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_silent_or_dribbling_connection_is_closed() {
    let world = world::start().await;
    for dribble in [false, true] {
        let io = world.connector.connect().await.unwrap();
        let (mut read, mut write) = tokio::io::split(io);
        let start = Instant::now();
        let writing = tokio::spawn(async move {
            for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().filter(|_| dribble) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if write.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
            write
        });
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 5, "dribble: {dribble}");
        writing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_answering_pings_is_closed() {
    let world = world::start().await;
    let mut io = world.connector.connect().await.unwrap();
    io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let start = Instant::now();
    let mut rest = Vec::new();
    io.read_to_end(&mut rest).await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(41), "closed after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_storm_of_goaway_loses_no_call() {
    let world = world::start_with(Echo::default(), limits(Duration::from_millis(20)), Grace::default()).await;
    let client = world.over_tcp();
    let callers = (0..8).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move {
            for call in 0..400 {
                let text = format!("call {call}");
                let said = client.say("/test.v1.Echo/Change", "", &text).await;
                assert_eq!(said.unwrap().into_inner().text, text);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let connections = world.echo.peers.lock().unwrap().len();
    assert!(connections > 3, "a storm has more than {connections} connections");
    assert_eq!(world.echo.calls.load(std::sync::atomic::Ordering::SeqCst), 3200, "each call is handled once");
}

#[tokio::test]
async fn what_is_not_grpc_gets_an_http_status() {
    let world = world::start().await;
    let (mut sender, connection) = raw(&world, "anonymous").await;
    tokio::spawn(connection);
    let mut json = request("hello", None);
    json.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    assert_eq!(sender.send_request(json).await.unwrap().status(), 415);
    let mut web = request("hello", None);
    web.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc-web"));
    assert_eq!(sender.send_request(web).await.unwrap().status(), 415);
    let mut get = request("hello", None);
    *get.method_mut() = http::Method::GET;
    assert_eq!(sender.send_request(get).await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let world = world::start().await;
    let mut big = streams("");
    big.get_mut().mode = "a".repeat(5 << 20);
    let status = world.client("anonymous").send("/test.v1.Echo/Public", big).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
}
