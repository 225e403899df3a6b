//! What callers hold: the sender of a connection, a stream, and the rest of a request that is sent bit by bit.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::error::{Error, Reason};
use crate::frame;
use crate::head::Head;
use crate::state::{Ping, Shared, State};
use crate::stream::{Half, Stream as Place};

/// Makes calls on a connection. When it is dropped, the connection ends with its last stream.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
}

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends a request with all of its body, or with its beginning: then the rest is sent by [`Stream::upload`]. Beyond the
    /// streams that the server allows it waits for one of them to end.
    ///
    /// # Errors
    ///
    /// The connection has ended, or takes no new streams; nothing was sent.
    pub fn send(&self, head: &Head<'_>, body: Bytes, ends: bool) -> Result<Stream, Error> {
        let mut state = self.shared.lock();
        let place = state.send(head, body, ends)?;
        state.wake_driver();
        drop(state);
        Ok(Stream { shared: Arc::clone(&self.shared), place })
    }

    /// How many streams there may be at a time; none before the server has spoken.
    pub fn streams(&self) -> usize {
        self.shared.streams.load(Ordering::Acquire)
    }

    /// Waits until the server has spoken: until then a connection may be to anything.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub async fn settled(&self) -> Result<(), Error> {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if let Some(error) = &state.error {
                return Poll::Ready(Err(error.clone()));
            }
            if state.settled {
                return Poll::Ready(Ok(()));
            }
            wait(&mut state.settling, cx);
            Poll::Pending
        })
        .await
    }

    /// Sends a PING and waits for its answer. There is one at a time.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub async fn ping(&self) -> Result<(), Error> {
        {
            let mut state = self.shared.lock();
            frame::put_ping(&mut state.out, 0, *b"are you ");
            state.ping = Ping::Sent(None);
            state.wake_driver();
        }
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if let Some(error) = &state.error {
                return Poll::Ready(Err(error.clone()));
            }
            match &mut state.ping {
                Ping::Sent(waiting) => {
                    wait(waiting, cx);
                    Poll::Pending
                }
                Ping::None | Ping::Answered => Poll::Ready(Ok(())),
            }
        })
        .await
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        state.wake_driver();
    }
}

/// What comes of a stream behind its head.
#[derive(Debug)]
pub enum Part {
    /// Bytes of the body.
    Data(Bytes),
    /// The end of an answer with trailers.
    Trailers(HeaderMap),
}

/// A call: its answer is read here. Dropped before the end of that, it resets the stream.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    place: usize,
}

impl Stream {
    /// The head of the answer, once.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(StatusCode, HeaderMap), Error>> {
        let mut state = self.shared.lock();
        let Some(stream) = state.places.get_mut(self.place) else { return gone() };
        if let Some(head) = stream.head.take() {
            return Poll::Ready(Ok(head));
        }
        if let Some(error) = &stream.error {
            return Poll::Ready(Err(error.clone()));
        }
        wait(&mut stream.reader, cx);
        Poll::Pending
    }

    /// The next part of the answer; nothing at its end. What is read makes room for as much.
    pub fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        let mut state = self.shared.lock();
        let Some(stream) = state.places.get_mut(self.place) else { return gone().map(Some) };
        if let Some(piece) = stream.data.pop_front() {
            state.release_stream(self.place, piece.len());
            return Poll::Ready(Some(Ok(Part::Data(piece))));
        }
        if let Some(trailers) = stream.trailers.take() {
            return Poll::Ready(Some(Ok(Part::Trailers(trailers))));
        }
        if let Some(error) = &stream.error {
            return Poll::Ready(Some(Err(error.clone())));
        }
        if stream.remote == Half::Ended {
            return Poll::Ready(None);
        }
        wait(&mut stream.reader, cx);
        Poll::Pending
    }

    /// Whether the answer has ended, and all of it was read.
    pub fn is_end(&self) -> bool {
        self.shared.lock().places.get(self.place).is_none_or(Place::is_read)
    }

    /// What sends the rest of the request.
    pub fn upload(&self) -> Upload {
        if let Some(stream) = self.shared.lock().places.get_mut(self.place) {
            stream.handles += 1;
        }
        Upload(Self { shared: Arc::clone(&self.shared), place: self.place })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let Some(stream) = state.places.get_mut(self.place) else { return };
        stream.handles = stream.handles.saturating_sub(1);
        if stream.handles == 0 {
            give_up(&mut state, self.place);
        }
    }
}

/// Takes a stream that nobody has a handle of off the connection.
fn give_up(state: &mut State, place: usize) {
    let Some(stream) = state.places.get_mut(place) else { return };
    let (is_waiting, is_queued) = (stream.waiting.is_some(), stream.is_queued);
    let unread = stream.data.iter().map(Bytes::len).sum();
    if is_waiting {
        state.unopened.retain(|other| *other != place);
    }
    if is_queued {
        state.unsent.retain(|other| *other != place);
    }
    state.reset(place, Error::Refused(Reason::CANCEL, "nobody reads the answer"));
    state.release(unread);
    state.vacate(place);
}

/// Sends the rest of a request. Dropped before the end, it leaves the request open until the answer is no longer read.
#[derive(Debug)]
pub struct Upload(Stream);

/// The server takes no more of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server takes no more of the request")]
pub struct Ended;

impl Upload {
    /// Ready when everything before has left its stream, so that no more than one piece waits there.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut state = self.0.shared.lock();
        let Some(stream) = state.places.get_mut(self.0.place) else { return Poll::Ready(Err(Ended)) };
        if stream.is_closed_to_sends() {
            return Poll::Ready(Err(Ended));
        }
        if stream.id != 0 && stream.pending.is_empty() {
            return Poll::Ready(Ok(()));
        }
        wait(&mut stream.writer, cx);
        Poll::Pending
    }

    /// Ready when the server takes no more.
    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.shared.lock();
        let Some(stream) = state.places.get_mut(self.0.place) else { return Poll::Ready(()) };
        if stream.is_closed_to_sends() {
            return Poll::Ready(());
        }
        wait(&mut stream.writer, cx);
        Poll::Pending
    }

    /// Sends a piece, maybe the last one.
    pub fn send(&mut self, piece: Bytes, ends: bool) {
        self.0.shared.lock().add(self.0.place, piece, ends);
    }

    /// Breaks the call off.
    pub fn cancel(self) {
        let error = Error::Refused(Reason::CANCEL, "the request was broken off");
        self.0.shared.lock().reset(self.0.place, error);
    }
}

/// Has this task woken.
#[inline]
fn wait(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Of a handle without a place, which there is none of.
fn gone<T>() -> Poll<Result<T, Error>> {
    Poll::Ready(Err(Error::Closed("the stream is gone".into())))
}
