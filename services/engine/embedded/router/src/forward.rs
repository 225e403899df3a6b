//! One request to one of a route's instances, and to another where the first did not get it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::backend::{Backend, Ticket};
use crate::body::{Lease, Outgoing};
use crate::table::Route;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The table leads nowhere.
    NoRoute,
    /// No instance takes requests.
    NoInstance,
    /// None could be connected to.
    Unreachable,
    /// Connecting took too long.
    Timeout,
    /// The connection ended before the answer, when the request may have had its effect.
    Broken,
}

/// An instance's answer and the connection it comes by.
pub(crate) type Answer = (Response<Incoming>, Lease);

/// A request that an instance did not answer; it is there where it can go to another.
struct Miss {
    ticket: Ticket,
    request: Option<Request<Outgoing>>,
    failure: Failure,
}

/// Sends a request to the least busy instance of the route that `find` gives. One that certainly did not reach an instance goes to the next;
/// one that may have is repeated only by a new connection, only if repeating changes nothing (RFC 9110 9.2.2) and it
/// has no body, and only because the connection had been idle and was being closed.
pub(crate) async fn send(
    find: impl Fn() -> Option<Arc<Route>>,
    mut request: Request<Outgoing>,
    connect_timeout: Duration,
) -> Result<Answer, Failure> {
    let mut tried = Vec::new();
    let mut failure = Failure::NoRoute;
    while let Some(ticket) = choose(&find, &tried, &mut failure) {
        match exchange(ticket, request, connect_timeout).await {
            Ok(answer) => return Ok(answer),
            Err(miss) => {
                failure = miss.failure;
                let backend = miss.ticket.backend().id();
                tracing::debug!(backend, ?failure, "an instance did not answer");
                tried.push(miss.ticket);
                let Some(unsent) = miss.request else { break };
                request = unsent;
            }
        }
    }
    Err(failure)
}

/// The next instance to try. A route may be replaced, and its instances begin to drain, between the look at the
/// table and the look at the instances: what counts is a route that is still in the table after that.
fn choose(find: &impl Fn() -> Option<Arc<Route>>, tried: &[Ticket], failure: &mut Failure) -> Option<Ticket> {
    let mut route = find()?;
    loop {
        if let Some(ticket) = route.choose(tried) {
            return Some(ticket);
        }
        if tried.is_empty() {
            *failure = Failure::NoInstance;
        }
        let now = find()?;
        if Arc::ptr_eq(&route, &now) {
            return None;
        }
        route = now;
    }
}

async fn exchange(
    ticket: Ticket,
    mut request: Request<Outgoing>,
    connect_timeout: Duration,
) -> Result<Answer, Miss> {
    let repeatable = request.method().is_idempotent() && matches!(request.body(), Outgoing::Empty);
    if let Some(mut sender) = ticket.backend().pool().take(!repeatable) {
        let copy = repeatable.then(|| copy(&request));
        match sender.try_send_request(request).await {
            Ok(response) => return Ok((response, Lease { sender, ticket })),
            Err(mut error) => match error.take_message().or(copy) {
                Some(again) => request = again,
                None => return Err(Miss { ticket, request: None, failure: Failure::Broken }),
            },
        }
    }
    let mut sender = match connect(ticket.backend(), connect_timeout).await {
        Ok(sender) => sender,
        Err(failure) => return Err(Miss { ticket, request: Some(request), failure }),
    };
    match sender.try_send_request(request).await {
        Ok(response) => Ok((response, Lease { sender, ticket })),
        Err(mut error) => Err(Miss { request: error.take_message(), ticket, failure: Failure::Broken }),
    }
}

/// Opens a connection and keeps it going in a task of its own, which ends with the last use of it.
async fn connect(backend: &Backend, timeout: Duration) -> Result<SendRequest<Outgoing>, Failure> {
    let opening = async {
        let io = backend.connector().connect().await?;
        http1::handshake(TokioIo::new(io)).await.map_err(io::Error::other)
    };
    match tokio::time::timeout(timeout, opening).await {
        Ok(Ok((sender, connection))) => {
            tokio::spawn(async move {
                if let Err(error) = connection.with_upgrades().await {
                    tracing::debug!(%error, "a connection to an instance ended");
                }
            });
            Ok(sender)
        }
        Ok(Err(error)) => {
            tracing::warn!(backend = backend.id(), %error, "an instance cannot be connected to");
            Err(Failure::Unreachable)
        }
        Err(_) => {
            tracing::warn!(backend = backend.id(), "connecting to an instance takes too long");
            Err(Failure::Timeout)
        }
    }
}

/// A request without a body, once more.
fn copy(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut again = Request::new(Outgoing::Empty);
    request.method().clone_into(again.method_mut());
    request.uri().clone_into(again.uri_mut());
    request.headers().clone_into(again.headers_mut());
    again
}
