//! Methods that take a stream of messages: the request is read while the call runs, and for streams both ways while the
//! answer is written.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request, Response};
use mesh::client::ResponseBody as Replies;
use mesh::deadline;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service as _;
use transcode::Bound;

use super::{Call, Form, form, streamed, unary};
use crate::call::head;
use crate::fault::fault;
use crate::linger::Lingering;
use crate::outcome::begun;
use crate::policy::{Policy, RequestBody, content_coding};
use crate::problem::Problem;
use crate::stream::Upload;

/// Carries out a request that is routed, bound and authorized. Where what the client sends is broken, the call is
/// cancelled, and the answer says so, in its last record when it has begun.
pub(crate) async fn serve(
    call: &Call<'_>,
    bound: Bound,
    request: Request<Lingering>,
) -> Result<Response<Body>, Problem> {
    let (route, version) = (bound.route().clone(), request.version());
    let (form, method) = (form(&route, request.headers())?, route.method());
    let Policy { limits, deadlines, rules, decode, .. } = call.policy;
    // a stream that is sent for hours is no call that hangs
    let time = deadlines.of(request.headers(), true, call.bounds.deadline)?;
    let mut metadata = HeaderMap::new();
    rules.request(request.headers(), &mut metadata)?;
    let coding = content_coding(request.headers(), decode)?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let messages = bound.stream(content_type, call.bounds.body).map_err(|error| Problem::request(&error))?;
    let (reporter, mut fault) = fault();
    let body = RequestBody::new(request.into_body(), coding)?;
    let upload = Body::new(Upload::new(body, messages, reporter, limits));
    let called = begin(call, method.path(), upload, metadata, time);
    let called = fault.unless(called).await.map_err(|problem| *problem)?;
    let (head, replies) = called.map_err(|status| Problem::backend(&status))?.into_parts();
    let mut response = match form {
        Form::One => {
            let answered = fault.unless(unary(call, &route, &head.headers, replies)).await;
            return answered.unwrap_or_else(|problem| Err(*problem));
        }
        Form::Records(format) => {
            let source = super::source(call, &route, &head.headers, replies).told(fault);
            super::records(call, format, source).await?
        }
        Form::Raw => super::raw(super::source(call, &route, &head.headers, replies).told(fault)).await?,
    };
    rules.response(&head.headers, response.headers_mut());
    Ok(streamed(response, version))
}

/// Begins a call with a stream of frames. The status of a call that failed before its first message is an error here.
/// `metadata` goes with it; after `time` it is over.
pub(crate) async fn begin(
    call: &Call<'_>,
    path: &str,
    frames: Body,
    metadata: HeaderMap,
    time: Option<Duration>,
) -> Result<Response<Replies>, Status> {
    let mut request = Request::new(frames);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().map_err(|_| Status::internal("the method's path is not one"))?;
    *request.headers_mut() = head(metadata, call.principal);
    if let Some(time) = time {
        request.headers_mut().insert(deadline::TIMEOUT_HEADER, deadline::format(time));
    }
    let called = call.backend.channel(path).call(request).await;
    let response = called.map_err(|status| call.backend.lost(status))?;
    begun(response)
}
