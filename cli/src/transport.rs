//! One HTTP/2 connection to the gateway, for generated clients.
//!
//! A command makes a few calls to one place and ends. It wants the reason at once when there is no connection, where a
//! service would wait and try again.

mod tls;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, TE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use crate::settings::{Address, Credentials, Settings};

/// Opening the connection, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// Silence after which the server is asked whether it is there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Nobody answers there.
    #[error("no connection to {address}: {error}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The server does not prove who it is.
    #[error("{0} does not prove who it is: {1}")]
    Untrusted(String, rustls::CertificateError),
    /// What the user gave for TLS cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// A connection; clones share it.
#[derive(Clone)]
pub(crate) struct Channel {
    sender: SendRequest<Body>,
    scheme: Scheme,
    authority: Authority,
    headers: HeaderMap,
}

impl fmt::Debug for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Channel").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl Channel {
    /// Connects as the settings say.
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let address = &settings.address;
        let unreachable = |error| ConnectError::Unreachable { address: address.to_string(), error };
        let config = address.tls.then(|| tls::config(settings)).transpose()?;
        let connecting = async {
            let stream =
                TcpStream::connect((address.host.as_str(), address.port)).await.map_err(unreachable)?;
            stream.set_nodelay(true).map_err(unreachable)?;
            match config {
                Some(config) => handshake(tls::connect(config, address, stream).await?, address).await,
                None => handshake(stream, address).await,
            }
        };
        let timed_out =
            |_| unreachable(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"));
        let sender = timeout(CONNECT, connecting).await.map_err(timed_out)??;
        Ok(Self {
            sender,
            scheme: if address.tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority(address)?,
            headers: headers(&settings.credentials)?,
        })
    }
}

async fn handshake<I>(io: I, address: &Address) -> Result<SendRequest<Body>, ConnectError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let unreachable =
        |error| ConnectError::Unreachable { address: address.to_string(), error: io::Error::other(error) };
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(unreachable)?;
    // its error is the error of the calls on it
    tokio::spawn(connection);
    Ok(sender)
}

fn authority(address: &Address) -> Result<Authority, ConnectError> {
    address.to_string().parse().map_err(|error| ConnectError::Unusable(format!("{address}: {error}")))
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, ConnectError> {
    let agent = HeaderValue::from_static(concat!("toolforge/", env!("CARGO_PKG_VERSION")));
    let mut headers = HeaderMap::from_iter([(TE, HeaderValue::from_static("trailers")), (USER_AGENT, agent)]);
    if let Credentials::Token(token) = credentials {
        let unusable = |_| ConnectError::Unusable("the token has characters that no header may have".into());
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(unusable)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.sender.poll_ready(context).map_err(|error| broken(&error))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let uri =
            Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path);
        let uri = match uri.build() {
            Ok(uri) => uri,
            Err(error) => return Box::pin(std::future::ready(Err(Status::internal(error.to_string())))),
        };
        *request.uri_mut() = uri;
        request.headers_mut().extend(self.headers.clone());
        let answer = self.sender.send_request(request);
        Box::pin(async move {
            let response = answer.await.map_err(|error| broken(&error))?;
            Ok(response.map(|body| Body::new(body.map_err(|error| broken(&error)))))
        })
    }
}

/// The status of a call whose connection or stream broke.
fn broken(error: &hyper::Error) -> Status {
    let mut text = format!("the connection to the server: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    Status::unavailable(text)
}
