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
use crate::stream::{RawStream, RecordStream, Source};

/// Tells a proxy in front to pass each line on as it comes (contract 1.6).
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The fields in which a stream says how it ended, for clients that read trailers.
const TRAILERS: HeaderValue = HeaderValue::from_static("grpc-status, grpc-message");

/// What is read of a body where the method takes none: enough for `{}`, which clients send.
const NO_BODY: usize = 1 << 10;

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
    let reply = self::call(call.backend, &method, frame, call.principal, metadata, left).await;
    let (head, replies) = reply.map_err(|status| Problem::backend(&status))?.into_parts();
    let mut response = match form {
        Form::One => return unary(call, route, &head.headers, replies).await,
        Form::Records(format) => records(call, format, source(call, route, &head.headers, replies)).await?,
        Form::Raw => raw(source(call, route, &head.headers, replies)).await?,
    };
    rules.response(&head.headers, response.headers_mut());
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

/// The stream of an answer whose head this is.
fn source(call: &Call<'_>, route: &Route, head: &HeaderMap, replies: Replies) -> Source {
    let frames = Frames::of(&replies, call.bounds.message);
    let good = matches!(Outcome::of(head), Outcome::Good);
    Source::new(route.clone(), call.backend.clone(), replies, frames, call.ending.clone()).good(good)
}

async fn records(call: &Call<'_>, format: StreamFormat, source: Source) -> Result<Response<Body>, Problem> {
    let stream = RecordStream::open(source, format, call.render.clone(), &call.policy.limits).await?;
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
