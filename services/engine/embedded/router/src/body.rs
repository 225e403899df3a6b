//! Bodies on their way: nothing is gathered, a frame passes when it comes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use crate::backend::Ticket;

/// After its answer ended, a connection whose request does not end within this is closed.
const SETTLE: Duration = Duration::from_secs(5);

/// What goes to an instance.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Nothing: such a request can be made again.
    Empty,
    /// What the client sends.
    Client(Incoming),
}

impl From<Incoming> for Outgoing {
    fn from(body: Incoming) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Client(body) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Client(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client(body) => body.size_hint(),
        }
    }
}

/// A connection to an instance in use by one request.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<Outgoing>,
    pub(crate) ticket: Ticket,
}

impl Lease {
    /// The answer ended as it should: the connection may be used again once the request ended too.
    fn give_back(self) {
        let Self { mut sender, ticket } = self;
        let backend = Arc::clone(ticket.backend());
        if sender.is_ready() {
            backend.pool().put(&backend, sender);
            return;
        }
        tokio::spawn(async move {
            if let Ok(Ok(())) = tokio::time::timeout(SETTLE, sender.ready()).await {
                backend.pool().put(&backend, sender);
            }
        });
    }
}

/// What goes to a client.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A page of the router's own.
    Page(Option<Bytes>),
    /// What an instance answers.
    Instance(Leased),
}

/// An instance's answer, with the connection it comes by.
#[derive(Debug)]
pub(crate) struct Leased {
    body: Incoming,
    lease: Option<Lease>,
    ended: bool,
}

impl Leased {
    pub(crate) const fn new(body: Incoming, lease: Lease) -> Self {
        Self { body, lease: Some(lease), ended: false }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        // an answer that was left half read closes its connection
        if (self.ended || self.body.is_end_stream())
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Self::Instance(answer) => {
                let next = Pin::new(&mut answer.body).poll_frame(context);
                answer.ended |= matches!(next, Poll::Ready(None));
                next
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Page(page) => page.is_none(),
            Self::Instance(answer) => answer.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Page(page) => SizeHint::with_exact(page.as_ref().map_or(0, Bytes::len) as u64),
            Self::Instance(answer) => answer.body.size_hint(),
        }
    }
}
