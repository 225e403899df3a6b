//! A connection to a server of a test, and calls on it.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, StatusCode};
use mesh_http2::{Driver, Error, Head, Part, Sender, Settings, Stream, connect};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;

/// Settings with small windows, so that they are met.
pub(crate) fn settings() -> Settings {
    Settings { stream_window: 20_000, connection_window: 70_000, frame: 32 << 10, headers: 4096, streams: 10 }
}

/// A client, the server's end of its connection, and how the connection ends.
pub(crate) fn open(settings: Settings) -> (Sender, DuplexStream, JoinHandle<Result<(), Error>>) {
    let (ours, theirs) = duplex(64 << 10);
    let (sender, driver): (Sender, Driver<DuplexStream>) = connect(ours, settings);
    (sender, theirs, tokio::spawn(driver))
}

/// Begins a call.
pub(crate) fn call(
    sender: &Sender,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
    ends: bool,
) -> Result<Stream, Error> {
    let head = Head {
        method: &Method::POST,
        is_https: false,
        authority: &Authority::from_static("test:80"),
        path: &path.parse::<PathAndQuery>().unwrap(),
        headers,
    };
    sender.send(&head, body, ends)
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Reads an answer to its end.
pub(crate) async fn answer(mut stream: Stream) -> Result<Answer, Error> {
    let (status, headers) = poll_fn(|cx| stream.poll_head(cx)).await?;
    let mut answer = Answer { status, headers, body: Vec::new(), trailers: None };
    while let Some(part) = poll_fn(|cx| stream.poll_part(cx)).await.transpose()? {
        match part {
            Part::Data(data) => answer.body.extend_from_slice(&data),
            Part::Trailers(trailers) => answer.trailers = Some(trailers),
        }
    }
    assert!(stream.is_end());
    Ok(answer)
}

/// A future that must end soon.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.unwrap()
}
