//! gRPC through the gateway: frames, metadata and trailers untouched.

use http::uri::PathAndQuery;
use http::{Request, Response};
use mesh::authorize;
use mesh::body::EndedBy;
use mesh::deadline;
use mesh::drain::resume_elsewhere;
use mesh::identity::Principal;
use options::MethodRule;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service as _;

use crate::backend::Backend;
use crate::headers;
use crate::policy::Policy;

/// Sends a gRPC request on as it is, in the name of its caller. What no tool could change is decided here; the rest by
/// the service, which reads the first message and applies the same rule. A stream ends when the gateway says so.
pub(crate) async fn serve(
    backend: &Backend,
    rule: &MethodRule,
    principal: &Principal,
    policy: &Policy,
    ending: &CancellationToken,
    mut request: Request<Body>,
) -> Result<Response<Body>, Status> {
    // of a rule from outside the service knows nothing: what it would decide is refused here
    let tool = if rule.from_outside { None } else { principal.tool() };
    authorize::check(rule, principal, tool)?;
    headers::pass_through(request.headers_mut(), policy.rules.pass_authorization());
    principal.assert(request.headers_mut());
    let path = PathAndQuery::try_from(request.uri().path());
    let path = path.map_err(|_| Status::unimplemented("no such method"))?;
    *request.uri_mut() = path.clone().into();
    let time = deadline::requested(request.headers()).ok().flatten();
    let (mut channel, left) = backend.reach(&path, time).await?;
    if let Some(left) = left {
        request.headers_mut().insert(deadline::TIMEOUT_HEADER, deadline::format(left));
    }
    let called = channel.call(request).await;
    let response = called.map_err(|status| backend.lost(status))?.map(Body::new);
    if !rule.client_streaming && !rule.server_streaming {
        return Ok(response);
    }
    let ended = ending.clone().cancelled_owned();
    Ok(response.map(|body| {
        let ending = Box::pin(async move {
            ended.await;
            resume_elsewhere()
        });
        Body::new(EndedBy::new(body, Some(ending), None))
    }))
}
