//! A gRPC server that knows no message: it answers every path with bytes given before, and records what it is sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use crate::backend::Services;
use crate::server::Running;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// `/package.Service/Method`.
    pub path: String,
    /// Metadata and all else.
    pub headers: HeaderMap,
    /// All frames of messages as they came, each with its five bytes before it.
    pub body: Bytes,
    /// Whether the body ended; a caller that goes away does not end it.
    pub whole: bool,
}

/// What is sent back, piece by piece.
#[derive(Clone, Debug, Default)]
pub struct RawAnswer {
    status: u16,
    headers: HeaderMap,
    pieces: Vec<Bytes>,
    ending: Ending,
}

#[derive(Clone, Debug, Default)]
enum Ending {
    #[default]
    Silent,
    Trailers(HeaderMap),
    Reset,
}

/// A running raw server; dropping it ends it.
#[derive(Debug)]
pub struct RawBackend {
    running: Running,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None for paths that send back what they are sent.
    answers: Mutex<HashMap<String, Option<RawAnswer>>>,
    requests: Mutex<Vec<RawRequest>>,
}

/// The bytes of one gRPC message: its flag, its length and itself.
pub fn frame(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[flag], &length[..], message].concat().into()
}

impl RawAnswer {
    /// A head of gRPC and nothing after it, not even a status.
    pub fn head() -> Self {
        let answer = Self { status: 200, ..Self::default() };
        answer.header("content-type", "application/grpc")
    }

    /// An ordinary answer of these messages, and status OK.
    pub fn messages<M: AsRef<[u8]>>(messages: impl IntoIterator<Item = M>) -> Self {
        messages
            .into_iter()
            .fold(Self::head(), |answer, message| answer.piece(frame(0, message.as_ref())))
            .ok()
    }

    /// An ordinary failure, before any message.
    pub fn failure(code: i32, message: &str) -> Self {
        Self::head().header("grpc-status", &code.to_string()).header("grpc-message", message)
    }

    /// With this status of HTTP instead of 200.
    #[must_use]
    pub fn http_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With one more header; one that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.append(name, value);
        }
        self
    }

    /// With these bytes next, in a DATA frame of their own.
    #[must_use]
    pub fn piece(mut self, bytes: impl Into<Bytes>) -> Self {
        self.pieces.push(bytes.into());
        self
    }

    /// Ends with this trailer; more of them add up.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let mut trailers = match self.ending {
            Ending::Trailers(trailers) => trailers,
            _ => HeaderMap::new(),
        };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            trailers.append(name, value);
        }
        self.ending = Ending::Trailers(trailers);
        self
    }

    /// Ends with status OK.
    #[must_use]
    pub fn ok(self) -> Self {
        self.trailer("grpc-status", "0")
    }

    /// Ends with a reset of the stream instead of an end.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.ending = Ending::Reset;
        self
    }

    fn into_response(self) -> Response<UnsyncBoxBody<Bytes, Fault>> {
        let pieces = self.pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
        let last = match self.ending {
            Ending::Silent => None,
            Ending::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Ending::Reset => Some(Err(Fault::from("as told"))),
        };
        let body = StreamBody::new(stream::iter(pieces.chain(last).collect::<Vec<_>>()));
        let mut response = Response::new(body.boxed_unsync());
        *response.status_mut() = http::StatusCode::from_u16(self.status).unwrap_or_default();
        *response.headers_mut() = self.headers;
        response
    }
}

impl RawBackend {
    /// Starts one on a free port; its reflection tells of every service in this encoded descriptor set.
    pub fn start(descriptors: &[u8]) -> Result<Self> {
        let mut services = Services::default();
        services.describe(&[descriptors])?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let running = Running::start(0, move |request: Request<Incoming>| {
            let (services, state) = (services.clone(), Arc::clone(&shared));
            async move { respond(&services, &state, request).await }
        })?;
        Ok(Self { running, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// What `--backend` takes.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Answers calls of this path so from now on.
    pub fn answer(&self, path: &str, answer: RawAnswer) {
        let mut answers = self.state.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(path.to_owned(), Some(answer));
    }

    /// Answers calls of this path with the messages of the request from now on.
    pub fn echo(&self, path: &str) {
        let mut answers = self.state.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(path.to_owned(), None);
    }

    /// What came since this was last asked.
    pub fn requests(&self) -> Vec<RawRequest> {
        std::mem::take(&mut *self.state.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn respond(
    services: &Services,
    state: &State,
    request: Request<Incoming>,
) -> Response<UnsyncBoxBody<Bytes, Fault>> {
    let path = request.uri().path().to_owned();
    let answer = state.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    let Some(answer) = answer else {
        return match services.call(request) {
            Some(reply) => reply.await.map(|body| body.map_err(Into::into).boxed_unsync()),
            None => RawAnswer::failure(12, "no answer is given for this path").into_response(),
        };
    };
    let headers = request.headers().clone();
    let (body, whole) = read(request.into_body()).await;
    let answer = answer.unwrap_or_else(|| RawAnswer::head().piece(body.clone()).ok());
    let mut requests = state.requests.lock().unwrap_or_else(PoisonError::into_inner);
    requests.push(RawRequest { path, headers, body, whole });
    drop(requests);
    answer.into_response()
}

async fn read(mut body: Incoming) -> (Bytes, bool) {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref)),
            Err(_) => return (all.into(), false),
        }
    }
    (all.into(), true)
}
