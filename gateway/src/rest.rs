//! REST to gRPC and back: one message each way, or a stream of replies.

pub(crate) mod duplex;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER};
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use mesh::client::ResponseBody as Replies;
use mesh::identity::Principal;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use transcode::{Bound, Route, StreamFormat};

use crate::backend::Backend;
use crate::bounds::Bounds;
use crate::call::call;
use crate::frames::Frames;
use crate::outcome::Outcome;
use crate::policy::{CodingError, Policy, RequestBody, content_coding};
use crate::problem::Problem;
use crate::render::Render;
use crate::stream::{Called, RawStream, RecordStream, Source};

/// Tells a proxy in front to pass each line on as it comes (contract 1.6).
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The fields in which a stream says how it ended, for clients that read trailers.
const TRAILERS: HeaderValue = HeaderValue::from_static("grpc-status, grpc-message");

/// What is read of a body where the method takes none: enough for `{}`, which clients send.
const NO_BODY: usize = 1 << 10;

/// Between two looks at whether a backend that was away is there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Room for the metadata of most calls.
const METADATA: usize = 12;

/// What a call needs beside the request.
pub(crate) struct Call<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) principal: &'a Principal,
    pub(crate) policy: &'a Policy,
    pub(crate) bounds: Bounds,
    pub(crate) render: &'a Render,
    /// Cancelled when streams must end.
    pub(crate) ending: &'a CancellationToken,
    /// Whether the backend is there at the moment.
    pub(crate) is_serving: &'a (dyn Fn() -> bool + Sync),
}

/// The form of an answer.
enum Form {
    /// One message.
    One,
    /// A stream of messages as JSON.
    Records(StreamFormat),
    /// A stream of bytes of the backend's choice.
    Raw,
}

/// Carries out a request that is routed, bound and authorized.
pub(crate) async fn serve(
    call: &Call<'_>,
    bound: &Bound,
    request: &mut Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let (route, method) = (bound.route(), bound.route().method());
    let form = form(route, request.headers())?;
    let Policy { limits, deadlines, rules, decode, .. } = call.policy;
    let time = deadlines.of(request.headers(), method.server_streaming(), call.bounds.deadline)?;
    let until = time.map(|time| Instant::now() + time);
    let mut metadata = HeaderMap::with_capacity(METADATA);
    rules.request(request.headers(), &mut metadata)?;
    let coding = content_coding(request.headers(), decode)?;
    let limit = if bound.takes_body() { call.bounds.body } else { NO_BODY };
    let data = read(RequestBody::new(request.body_mut(), coding)?, limit, limits.body).await?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = transcode::Body { content_type, data: &data };
    let frame = bound.request(Some(body)).map_err(|error| Problem::request(&error))?;
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    if let Form::One = form {
        let reply = self::call(call.backend, &method, frame, call.principal, metadata, left).await;
        let (head, replies) = reply.map_err(|status| Problem::backend(&status))?.into_parts();
        return unary(call, route, &head.headers, replies).await;
    }
    let (backend, principal) = (call.backend.clone(), call.principal.clone());
    let called = async move { self::call(&backend, &method, frame, &principal, metadata, left).await };
    // boxed for the same reason as reading a body is
    let response = Box::pin(stream(call, &form, source(call, route, Box::pin(called)))).await?;
    Ok(streamed(response, request.version()))
}

/// The form of the answer, as the method has it and as the client asks for it.
fn form(route: &Route, headers: &HeaderMap) -> Result<Form, Problem> {
    let method = route.method();
    if !method.server_streaming() {
        return Ok(Form::One);
    }
    if route.responds_raw() {
        return Ok(Form::Raw);
    }
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    StreamFormat::choose(accept, method.rules().stream_format).map(Form::Records).map_err(|_| {
        let text = "no form of this stream fits the Accept header; there are application/json, application/x-ndjson \
                    and text/event-stream";
        Problem::new(Code::InvalidArgument, StatusCode::NOT_ACCEPTABLE, text)
    })
}

/// The whole body, decoded, within its size and time.
async fn read(body: RequestBody<&mut Incoming>, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // boxed: a timer would make the room of every request larger
    Box::pin(collect(body, limit, time)).await
}

async fn collect(body: RequestBody<&mut Incoming>, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || {
        let text = format!("the body is larger than {limit} bytes");
        Problem::new(Code::InvalidArgument, StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match timeout(time, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) if matches!(error.downcast_ref(), Some(CodingError::Invalid(_))) => {
            Err(Problem::invalid(error.to_string()))
        }
        Ok(Err(_)) => {
            Err(Problem::new(Code::Cancelled, StatusCode::BAD_REQUEST, "the body ended before its length"))
        }
        Err(_) => {
            let text = format!("the body did not arrive within {} seconds", time.as_secs());
            Err(Problem::new(Code::DeadlineExceeded, StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

async fn unary(
    call: &Call<'_>,
    route: &Route,
    head: &HeaderMap,
    mut replies: Replies,
) -> Result<Response<Body>, Problem> {
    let mut frames = Frames::of(&replies, call.bounds.message);
    let mut message = None;
    let mut trailers = None;
    loop {
        while let Some(next) = frames.next().map_err(|error| broken(route, &error))? {
            if message.replace(next).is_some() {
                return Err(broken(route, &"a second message"));
            }
        }
        match replies.frame().await {
            None => break,
            Some(Err(status)) => return Err(Problem::backend(&call.backend.lost(status))),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => frames.push(data),
                Err(frame) => {
                    let told = frame.into_trailers().unwrap_or_default();
                    match Outcome::of(&told) {
                        Outcome::Failed(status) => return Err(Problem::backend(&status)),
                        Outcome::Good => trailers = Some(told),
                        Outcome::Unsaid => {}
                    }
                }
            },
        }
    }
    let message = message.filter(|_| !frames.is_cut()).ok_or_else(|| broken(route, &"no whole message"))?;
    // without a status nobody knows whether this is all of it
    let trailers = trailers.ok_or_else(|| broken(route, &"no status at the end"))?;
    let mut json = Vec::with_capacity(message.len() * 3);
    let form = route.response(&message, &mut json).map_err(|error| broken(route, &error))?;
    let mut response = Response::new(Body::new(Full::new(Bytes::from(json))));
    *response.status_mut() = StatusCode::from_u16(route.success_status()).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, header_value(&form.content_type()));
    for metadata in [head, &trailers] {
        call.policy.rules.response(metadata, response.headers_mut());
        if let Some(status) = call.policy.rules.status(metadata, false) {
            *response.status_mut() = status;
        }
    }
    Ok(response)
}

/// The stream of answers of a call.
fn source(call: &Call<'_>, route: &Route, called: Called) -> Source {
    Source::new(route.clone(), call.backend.clone(), called, call.bounds.message, call.ending.clone())
}

/// An answer that is a stream.
async fn stream(call: &Call<'_>, form: &Form, mut source: Source) -> Result<Response<Body>, Problem> {
    let (metadata, mut response) = if let Form::Records(format) = form {
        let metadata = begun(call, &mut source).await?;
        // a stream whose head is late has waited already
        let wait = metadata.as_ref().map_or(Duration::ZERO, |_| call.policy.limits.first_record);
        (metadata, records(call, *format, source, wait).await?)
    } else {
        // the content type is in the first message
        let metadata = source.head().await.map_err(|problem| *problem)?;
        (Some(metadata), raw(source).await?)
    };
    if let Some(metadata) = metadata {
        call.policy.rules.response(&metadata, response.headers_mut());
    }
    Ok(response)
}

/// The metadata at the head of a stream, where they come in time. Many servers send them only with their first message:
/// a stream does not wait for that longer than for its first record, as long as there is a server to have the call.
async fn begun(call: &Call<'_>, source: &mut Source) -> Result<Option<HeaderMap>, Problem> {
    let mut wait = call.policy.limits.first_record;
    loop {
        match timeout(wait, source.head()).await {
            Ok(head) => return head.map(Some).map_err(|problem| *problem),
            Err(_) if (call.is_serving)() => return Ok(None),
            Err(_) => wait = LOOK_AGAIN,
        }
    }
}

async fn records(
    call: &Call<'_>,
    format: StreamFormat,
    source: Source,
    wait: Duration,
) -> Result<Response<Body>, Problem> {
    let keep_alive = call.policy.limits.keep_alive;
    let stream = RecordStream::open(source, format, call.render.clone(), wait, keep_alive).await?;
    let mut response = Response::new(Body::new(stream));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    Ok(response)
}

async fn raw(source: Source) -> Result<Response<Body>, Problem> {
    let (stream, content_type) = RawStream::open(source).await?;
    let mut response = Response::new(Body::new(stream));
    response.headers_mut().insert(CONTENT_TYPE, header_value(&content_type));
    Ok(response)
}

/// The headers of every stream.
fn streamed(mut response: Response<Body>, version: Version) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NO_BUFFERING, HeaderValue::from_static("no"));
    if version == Version::HTTP_11 {
        // over HTTP/1.1 only announced trailers may be sent (RFC 9110, 6.6.2)
        headers.insert(TRAILER, TRAILERS);
    }
    response
}

/// A content type that a backend chose may hold anything.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// A backend's reply that is not what its own schema says.
pub(crate) fn broken(route: &Route, why: &dyn std::fmt::Display) -> Problem {
    tracing::error!(method = route.method().full_name(), why = %why, "a backend's reply cannot be read");
    Problem::new(
        Code::Internal,
        StatusCode::INTERNAL_SERVER_ERROR,
        "the service sent a reply that cannot be read",
    )
}
