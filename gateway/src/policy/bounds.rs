//! Bounds on the head of a request, each with the status that says which (RFC 9110, 15.5.15; RFC 6585, 5).

use http::{HeaderMap, StatusCode, Uri};
use tonic::Code;

use crate::limits::Limits;
use crate::problem::Problem;

/// What HTTP/2 counts for each field beside its name and value (RFC 9113, 10.5.1).
const FIELD: usize = 32;

/// Refuses a target, a head or a query that is larger than what is allowed.
pub(super) fn check(limits: &Limits, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.uri_bytes {
        let text = format!("the target is longer than {} bytes", limits.uri_bytes);
        return Err(Problem::new(Code::InvalidArgument, StatusCode::URI_TOO_LONG, text));
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD).sum();
    if size > limits.header_bytes as usize {
        let text = format!("the headers are larger than {} bytes", limits.header_bytes);
        return Err(Problem::new(Code::InvalidArgument, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    let pairs = uri.query().map_or(0, |query| query.bytes().filter(|byte| *byte == b'&').count() + 1);
    if pairs > limits.query_pairs {
        let text = format!("the query has more than {} pairs", limits.query_pairs);
        return Err(Problem::new(Code::InvalidArgument, StatusCode::URI_TOO_LONG, text));
    }
    Ok(())
}
