//! One call: deadline, attempts, and the response that ends with them.

use http::{HeaderValue, Request, Response, Uri, header, request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use options::MethodRule;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};

use super::payload::{Payload, RequestBody};
use super::pool::Lease;
use super::retry::{MAX_ATTEMPTS, is_repeatable, pause, pushback};
use super::{Inner, ResponseBody, sanitise};
use crate::body::{EndedBy, Ending};
use crate::deadline;
use crate::trace::{Call, Observed, status_code};

/// A server that has refused a call so often is not asked again.
const MAX_REFUSALS: u32 = 3;

/// So many connections may close before the call is on one of them.
const MAX_UNSENT: u32 = 16;

type Attempt = Result<(Response<Incoming>, Lease), Status>;

impl Inner {
    pub(super) async fn call(&self, request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        let (mut parts, body) = request.into_parts();
        let rule = self.methods.get(parts.uri.path());
        let mut call = Call::made(parts.uri.path(), rule.is_some() || self.methods.iter().next().is_none());
        let at = match prepare(&mut parts, rule, &call) {
            Ok(at) => at,
            Err(status) => {
                call.end(status.code());
                return Err(status);
            }
        };
        let mut payload = Payload::collect(body);
        let attempts = self.attempts(&mut parts, &mut payload, is_repeatable(rule));
        let answered = match at {
            Some(at) => timeout_at(at, attempts).await.unwrap_or_else(|_| Err(deadline::exceeded())),
            None => attempts.await,
        };
        match answered {
            Ok((response, lease)) => {
                call.span_mut().attribute("server.address", lease.endpoint().to_string());
                Ok(Observed::response(response.map(|body| respond(body, at)), call, Some(lease)))
            }
            Err(status) => {
                call.end(status.code());
                Err(status)
            }
        }
    }

    /// Attempts until one is committed: it has answered with more than a status, or may not be repeated.
    async fn attempts(&self, parts: &mut request::Parts, payload: &mut Payload, repeatable: bool) -> Attempt {
        let mut failed = 0;
        loop {
            let attempt = self.transparent(parts, payload).await;
            let (code, wish) = match &attempt {
                Ok((response, _)) => {
                    (status_code(response.headers()).unwrap_or(Code::Ok), pushback(response.headers()))
                }
                Err(status) => (status.code(), Ok(None)),
            };
            let budgeted = self.budget.count(code);
            failed += 1;
            let again = repeatable && budgeted && code == Code::Unavailable && failed < MAX_ATTEMPTS;
            let (true, Ok(wish), Payload::Whole(_)) = (again, wish, &*payload) else { return attempt };
            drop(attempt);
            sleep(wish.unwrap_or_else(|| pause(failed, (self.random)()))).await;
            parts.headers.insert("grpc-previous-rpc-attempts", HeaderValue::from(failed));
        }
    }

    /// One attempt, sent again at once as long as no server has processed it.
    async fn transparent(&self, parts: &request::Parts, payload: &mut Payload) -> Attempt {
        let (mut refusals, mut unsent) = (0, 0);
        loop {
            let lease = self.pool.lease().await?;
            let Some(body) = payload.take() else {
                return Err(Status::unavailable(
                    "the server refused the call, and its stream cannot be sent again",
                ));
            };
            let request = request(parts, &lease, body)?;
            match lease.sender().try_send_request(request).await {
                Ok(mut response) => {
                    sanitise::headers(response.headers_mut());
                    return Ok((response, lease));
                }
                Err(mut error) => {
                    lease.retire();
                    if let Some(request) = error.take_message().filter(|_| unsent < MAX_UNSENT) {
                        unsent += 1;
                        payload.give_back(request.into_body());
                        continue;
                    }
                    let error = error.into_error();
                    refusals += 1;
                    if !sanitise::is_unprocessed(&error) || refusals > MAX_REFUSALS {
                        return Err(sanitise::status(&error));
                    }
                }
            }
        }
    }
}

/// Writes deadline and trace into the request, and says when the call must be over.
fn prepare(
    parts: &mut request::Parts,
    rule: Option<&MethodRule>,
    call: &Call,
) -> Result<Option<Instant>, Status> {
    let unary = rule.is_some_and(|rule| !rule.client_streaming && !rule.server_streaming);
    let asked = deadline::requested(&parts.headers)?.or(unary.then_some(deadline::DEFAULT_UNARY));
    let limit = [asked, deadline::inherited()].into_iter().flatten().min();
    if let Some(limit) = limit {
        if limit.is_zero() {
            return Err(deadline::exceeded());
        }
        parts.headers.insert(deadline::TIMEOUT_HEADER, deadline::format(limit));
    }
    call.span().inject(&mut parts.headers);
    Ok(limit.map(|limit| Instant::now() + limit))
}

/// The request as this connection carries it.
fn request(parts: &request::Parts, lease: &Lease, body: RequestBody) -> Result<Request<RequestBody>, Status> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri =
        Uri::builder().scheme("http").authority(lease.endpoint().authority().clone()).path_and_query(path);
    let uri = uri.build().map_err(|error| Status::internal(format!("the path of the call: {error}")))?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers.clone();
    request.headers_mut().entry(header::TE).or_insert(HeaderValue::from_static("trailers"));
    Ok(request)
}

fn respond(body: Incoming, at: Option<Instant>) -> EndedBy {
    let body = Body::new(body.map_frame(sanitise::frame).map_err(|error| sanitise::status(&error)));
    let ending: Option<Ending> = at.map(|at| {
        let ending: Ending = Box::pin(async move {
            sleep_until(at).await;
            deadline::exceeded()
        });
        ending
    });
    EndedBy::new(body, ending, None)
}
