//! Methods that take a stream of messages: the request is read while the call runs, and for streams both ways while the
//! answer is written.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::uri::PathAndQuery;
use http::{Method, Request, Response};
use mesh::client::ResponseBody as Replies;
use mesh::deadline;
use mesh::identity::Principal;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service as _;
use transcode::Bound;

use super::{Call, Form, form, streamed, unary};
use crate::backend::Backend;
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
    let called = Box::pin(begin(call.backend, call.principal, method.path(), upload, metadata, time));
    if let Form::One = form {
        let answered = async {
            let (head, replies) = called.await.map_err(|status| Problem::backend(&status))?.into_parts();
            unary(call, &route, &head.headers, replies).await
        };
        return fault.unless(answered).await.unwrap_or_else(|problem| Err(*problem));
    }
    let response = super::stream(call, &form, super::source(call, &route, called).told(fault)).await?;
    Ok(streamed(response, version))
}

/// Begins a call with a stream of frames. The status of a call that failed before its first message is an error here.
/// `metadata` goes with it; after `time` it is over.
pub(crate) fn begin(
    backend: &Backend,
    principal: &Principal,
    path: &str,
    frames: Body,
    metadata: HeaderMap,
    time: Option<Duration>,
) -> impl Future<Output = Result<Response<Replies>, Status>> + Send + use<> {
    let backend = backend.clone();
    let path = PathAndQuery::try_from(path).map_err(|_| Status::internal("the method's path is not one"));
    let headers = head(metadata, principal);
    async move {
        let path = path?;
        let (mut channel, time) = backend.reach(&path, time).await?;
        let mut request = Request::new(frames);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.into();
        *request.headers_mut() = headers;
        if let Some(time) = time {
            request.headers_mut().insert(deadline::TIMEOUT_HEADER, deadline::format(time));
        }
        let called = channel.call(request).await;
        begun(called.map_err(|status| backend.lost(status))?)
    }
}
