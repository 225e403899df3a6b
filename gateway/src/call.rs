//! One gRPC call to a backend, made of bytes.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::uri::PathAndQuery;
use mesh::client::ResponseBody;
use mesh::identity::Principal;
use tonic::Status;

use crate::backend::Backend;
use crate::frames::ACCEPTED;
use crate::outcome::begun;

/// Which compressions of messages are understood (gRPC over HTTP/2, "Message-Accept-Encoding").
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Calls a method with one message, given as a whole frame. The status of a call that failed before its first message
/// is an error here. `metadata` goes with it; after `time` it is over.
pub(crate) async fn call(
    backend: &Backend,
    method: &transcode::Method,
    frame: Vec<u8>,
    principal: &Principal,
    metadata: HeaderMap,
    time: Option<Duration>,
) -> Result<Response<ResponseBody>, Status> {
    let path = PathAndQuery::try_from(method.path());
    let path = path.map_err(|_| Status::internal("the method's path is not one"))?;
    let headers = head(metadata, principal);
    let (channel, time) = backend.reach(&path, time).await?;
    let called = channel.send(path, headers, Bytes::from(frame), time).await;
    let response = called.map_err(|status| backend.lost(status))?;
    begun(response)
}

/// The headers of a call in the name of its caller, with this metadata.
pub(crate) fn head(metadata: HeaderMap, principal: &Principal) -> HeaderMap {
    let mut headers = metadata;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(ACCEPT_ENCODING, ACCEPTED);
    principal.assert(&mut headers);
    headers
}
