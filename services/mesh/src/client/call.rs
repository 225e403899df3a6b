//! One call: deadline, attempts, and the response that ends with them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use options::MethodRule;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};

use super::payload::Payload;
use super::pool::{Lease, View};
use super::response::{Answer, ResponseBody};
use super::retry::{MAX_ATTEMPTS, is_repeatable, pause, pushback};
use super::{Inner, sanitise};
use crate::deadline;
use crate::trace::{Call, status_code};

/// A server that has refused a call so often is not asked again.
const MAX_REFUSALS: u32 = 3;

/// So many connections may close before the call is on one of them.
const MAX_UNSENT: u32 = 16;

type Attempt = Result<Answer, Status>;

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    pub(super) headers: HeaderMap,
}

/// How an attempt on one connection ended.
enum Tried {
    Answered(Answer),
    /// Nothing has left.
    Unsent,
    /// It has left, and was not processed.
    Refused(Status),
    Failed(Status),
}

impl Inner {
    /// Calls with a body of any kind; the deadline is in the headers, or a default.
    pub(super) async fn call(
        &self,
        view: &View,
        request: Request<Body>,
    ) -> Result<Response<ResponseBody>, Status> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let head = Head { method: parts.method, path, headers: parts.headers };
        let rule = self.methods.get(head.path.path());
        let unary = rule.is_some_and(|rule| !rule.client_streaming && !rule.server_streaming);
        let asked = match deadline::requested(&head.headers) {
            Ok(asked) => asked.or(unary.then_some(deadline::DEFAULT_UNARY)),
            Err(status) => {
                self.begin(head.path.path(), rule).end(status.code());
                return Err(status);
            }
        };
        self.run(view, head, Payload::collect(body), rule, asked).await
    }

    fn begin(&self, path: &str, rule: Option<&MethodRule>) -> Call {
        Call::made(path, rule.is_some() || self.methods.iter().next().is_none())
    }

    /// Calls, and ends the call with its response or with the deadline.
    pub(super) async fn run(
        &self,
        view: &View,
        mut head: Head,
        mut payload: Payload,
        rule: Option<&MethodRule>,
        asked: Option<Duration>,
    ) -> Result<Response<ResponseBody>, Status> {
        let mut call = self.begin(head.path.path(), rule);
        let limit = [asked, deadline::inherited()].into_iter().flatten().min();
        let mut timer = None;
        if let Some(limit) = limit {
            if limit.is_zero() {
                call.end(Code::DeadlineExceeded);
                return Err(deadline::exceeded());
            }
            head.headers.insert(deadline::TIMEOUT_HEADER, deadline::format(limit));
            timer = Some(Box::pin(sleep_until(Instant::now() + limit)));
        }
        call.span().inject(&mut head.headers);
        head.headers.entry(header::TE).or_insert(HeaderValue::from_static("trailers"));
        let attempts = self.attempts(view, &mut head, &mut payload, is_repeatable(rule));
        match before(timer.as_mut(), attempts).await {
            Ok(answer) => {
                if call.span().is_seen() {
                    let address = answer.lease.endpoint().to_string();
                    call.span_mut().attribute("server.address", address);
                }
                Ok(ResponseBody::response(answer, call, timer))
            }
            Err(status) => {
                call.end(status.code());
                Err(status)
            }
        }
    }

    /// Attempts until one is committed: it has answered with more than a status, or may not be repeated.
    async fn attempts(
        &self,
        view: &View,
        head: &mut Head,
        payload: &mut Payload,
        repeatable: bool,
    ) -> Attempt {
        let mut failed = 0;
        loop {
            let attempt = self.transparent(view, head, payload).await;
            let (code, wish) = match &attempt {
                Ok(Answer { response, .. }) => match status_code(response.headers()) {
                    Some(Code::Unavailable) => (Code::Unavailable, pushback(response.headers())),
                    code => (code.unwrap_or(Code::Ok), Ok(None)),
                },
                Err(status) => (status.code(), Ok(None)),
            };
            let budgeted = self.budget.count(code);
            failed += 1;
            let again = repeatable && budgeted && code == Code::Unavailable && failed < MAX_ATTEMPTS;
            let (true, Ok(wish), true) = (again, wish, payload.is_whole()) else { return attempt };
            drop(attempt);
            Box::pin(sleep(wish.unwrap_or_else(|| pause(failed, (self.random)())))).await;
            head.headers.insert("grpc-previous-rpc-attempts", HeaderValue::from(failed));
        }
    }

    /// One attempt, sent again at once as long as no server has processed it.
    async fn transparent(&self, view: &View, head: &Head, payload: &mut Payload) -> Attempt {
        let (mut refusals, mut unsent) = (0, 0);
        loop {
            let lease = self.pool.lease(view).await?;
            match attempt(lease, head, payload).await {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Failed(status) => return Err(status),
                Tried::Unsent => {
                    unsent += 1;
                    if unsent > MAX_UNSENT {
                        return Err(Status::unavailable("every connection to the server closed at once"));
                    }
                }
                Tried::Refused(status) => {
                    refusals += 1;
                    if refusals > MAX_REFUSALS || !payload.is_whole() {
                        return Err(status);
                    }
                }
            }
        }
    }
}

/// Waits for a future as long as the timer lets it.
async fn before<T>(
    mut timer: Option<&mut Pin<Box<Sleep>>>,
    future: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        match timer.as_mut() {
            Some(timer) => timer.as_mut().poll(cx).map(|()| Err(deadline::exceeded())),
            None => Poll::Pending,
        }
    })
    .await
}

/// Sends a request on a connection, and waits for the head of its response.
async fn attempt(lease: Lease, head: &Head, payload: &mut Payload) -> Tried {
    let (body, is_whole) = payload.first();
    let endpoint = lease.endpoint();
    let request = mesh_http2::Head {
        method: &head.method,
        is_https: endpoint.is_https(),
        authority: endpoint.authority(),
        path: &head.path,
        headers: &head.headers,
    };
    let Ok(mut stream) = lease.sender().send(&request, body, is_whole) else {
        // the connection has ended, or was told that it takes no more streams
        lease.closed();
        return Tried::Unsent;
    };
    let sending = payload.rest(&stream);
    match poll_fn(|cx| stream.poll_head(cx)).await {
        Ok((status, mut headers)) => {
            sanitise::headers(&mut headers);
            let mut response = Response::new(stream);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Tried::Answered(Answer { response, lease, sending })
        }
        Err(error) => {
            let status = sanitise::status(&error);
            if !error.is_reset() {
                lease.closed();
            }
            if error.is_unprocessed() {
                lease.retire();
                return Tried::Refused(status);
            }
            Tried::Failed(status)
        }
    }
}
