//! REST to gRPC and back: one message each way, or a stream of replies.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use mesh::client::{Channel, ResponseBody as Replies};
use mesh::identity::Principal;
use tonic::body::Body;
use tonic::{Code, Status};
use transcode::{Bound, Route, StreamFormat};

use crate::call::{call, failure};
use crate::frames::Frames;
use crate::problem::Problem;
use crate::stream::{RawStream, RecordStream};

/// Tells a proxy in front to pass each line on as it comes (contract 1.6).
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a call needs beside the request.
pub(crate) struct Target<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) principal: &'a Principal,
    /// Largest body and message.
    pub(crate) limit: usize,
    pub(crate) render: crate::handle::Render,
}

/// Carries out a request that is routed, bound and authorized.
pub(crate) async fn serve(
    target: Target<'_>,
    bound: Bound,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let method = bound.route().method();
    if method.client_streaming() {
        let text = "this method takes a stream of messages, which needs a gRPC client";
        return Err(Problem::new(Code::Unimplemented, StatusCode::NOT_IMPLEMENTED, text));
    }
    let format = stream_format(bound.route(), request.headers())?;
    let (parts, body) = request.into_parts();
    let data = read(body, target.limit).await?;
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = (!data.is_empty()).then_some(transcode::Body { content_type, data: &data });
    let frame = bound.request(body).map_err(|error| Problem::request(&error))?;
    let streaming = method.server_streaming();
    let reply = call(target.channel, method.path(), frame, target.principal, streaming)
        .await
        .map_err(|status| Problem::backend(&status))?;
    match format {
        Some(format) => stream(&target, bound.route(), format, reply).await,
        None => unary(&target, bound.route(), reply.into_body()).await,
    }
}

/// The form of the reply stream, as the client asks for it; none where there is one message.
fn stream_format(route: &Route, headers: &HeaderMap) -> Result<Option<StreamFormat>, Problem> {
    let method = route.method();
    if !method.server_streaming() {
        return Ok(None);
    }
    let default = method.rules().stream_format;
    if route.responds_raw() {
        return Ok(Some(default.unwrap_or(StreamFormat::NdJson)));
    }
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    StreamFormat::choose(accept, default).map(Some).map_err(|_| {
        let text = "no form of this stream fits the Accept header; there are application/json, application/x-ndjson \
                    and text/event-stream";
        Problem::new(Code::InvalidArgument, StatusCode::NOT_ACCEPTABLE, text)
    })
}

async fn read(body: Incoming, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let text = format!("the body is larger than {limit} bytes");
            Err(Problem::new(Code::InvalidArgument, StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Err(_) => {
            Err(Problem::new(Code::Cancelled, StatusCode::BAD_REQUEST, "the body ended before its length"))
        }
    }
}

async fn unary(target: &Target<'_>, route: &Route, mut replies: Replies) -> Result<Response<Body>, Problem> {
    let mut frames = Frames::new(target.limit);
    let mut message = None;
    loop {
        if let Some(next) = frames.next().map_err(|error| broken(route, &error))?
            && message.replace(next).is_some()
        {
            return Err(broken(route, &"a second message"));
        }
        match replies.frame().await {
            None => break,
            Some(Err(status)) => return Err(Problem::backend(&Status::from_error(status.into()))),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => frames.push(&data),
                Err(frame) => {
                    if let Some(status) = frame.trailers_ref().and_then(failure) {
                        return Err(Problem::backend(&status));
                    }
                }
            },
        }
    }
    let message = message.filter(|_| !frames.is_cut()).ok_or_else(|| broken(route, &"no whole message"))?;
    let mut json = Vec::with_capacity(message.len() * 2);
    let form = route.response(&message, &mut json).map_err(|error| broken(route, &error))?;
    let mut response = Response::new(Body::new(Full::new(Bytes::from(json))));
    *response.status_mut() = StatusCode::from_u16(route.success_status()).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, header_value(&form.content_type()));
    Ok(response)
}

async fn stream(
    target: &Target<'_>,
    route: &Route,
    format: StreamFormat,
    reply: Response<Replies>,
) -> Result<Response<Body>, Problem> {
    let frames = Frames::new(target.limit);
    let (body, content_type) = if route.responds_raw() {
        let (stream, content_type) = RawStream::open(route.clone(), reply.into_body(), frames).await?;
        (Body::new(stream), content_type)
    } else {
        let stream =
            RecordStream::new(route.clone(), reply.into_body(), frames, format, target.render.clone());
        (Body::new(stream), format.content_type().to_owned())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, header_value(&content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NO_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
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
