//! gRPC through the gateway: frames, metadata and trailers untouched.

use http::{Request, Response};
use hyper::body::Incoming;
use mesh::client::Channel;
use mesh::identity::Principal;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service as _;

use crate::headers;

/// Sends a gRPC request on as it is, in the name of its caller. The service authorizes it by the same rule that holds
/// for REST: only there is the first message read.
pub(crate) async fn serve(
    channel: &Channel,
    principal: &Principal,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Status> {
    headers::pass_through(request.headers_mut());
    principal.assert(request.headers_mut());
    let path = request.uri().path().parse().map_err(|_| Status::unimplemented("no such method"))?;
    *request.uri_mut() = path;
    let response = channel.clone().call(request.map(Body::new)).await?;
    Ok(response.map(Body::new))
}
