//! Moves the bytes of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use crate::error::{Error, Reason};
use crate::frame::put_goaway;
use crate::handle::Sender;
use crate::incoming::Frames;
use crate::settings::Settings;
use crate::state::{Shared, State};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Room that a buffer keeps when it is empty.
const KEPT: usize = 128 << 10;

/// Begins a connection on a byte stream. Nothing is sent before the driver is polled, and it must be polled until it ends.
pub fn connect<I: AsyncRead + AsyncWrite + Unpin>(io: I, settings: Settings) -> (Sender, Driver<I>) {
    let shared = Arc::new(Shared::new(settings));
    let driver = Driver {
        io,
        shared: Arc::clone(&shared),
        frames: Frames::default(),
        writing: Vec::new(),
        written: 0,
        flushed: true,
        ending: None,
    };
    (Sender::new(shared), driver)
}

/// Drives a connection: a future that ends with it, which is well when nobody makes calls any more, or when the server has
/// closed it in order.
#[derive(Debug)]
#[must_use = "a connection does nothing unless it is driven"]
pub struct Driver<I> {
    io: I,
    shared: Arc<Shared>,
    frames: Frames,
    /// What is being written, and how much of it is.
    writing: Vec<u8>,
    written: usize,
    flushed: bool,
    /// How the connection ends, when the last words are sent.
    ending: Option<Result<(), Error>>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Future for Driver<I> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // a chunk that was filled may not have been all
        while this.ending.is_none() {
            match this.poll_read(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => this.end(error),
                Poll::Pending => break,
            }
        }
        let sent = this.poll_send(cx);
        if this.ending.is_none() {
            match sent {
                Poll::Ready(Err(error)) => this.end(closed(&error)),
                Poll::Ready(Ok(())) if this.is_over() => {}
                _ => return Poll::Pending,
            }
        }
        // the last words are sent if they can be at once; nobody waits for them
        let _ = this.poll_send(cx);
        let _ = Pin::new(&mut this.io).poll_shutdown(cx);
        Poll::Ready(this.ending.take().unwrap_or(Ok(())))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Driver<I> {
    /// Reads once, and takes in what has come.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { io, frames, shared, .. } = self;
        if frames.buffer.capacity() - frames.buffer.len() < CHUNK / 4 {
            // the same room again, unless a reader still has a piece of it
            frames.buffer.reserve(CHUNK);
        }
        let read =
            ready!(poll_read_buf(Pin::new(io), cx, &mut frames.buffer)).map_err(|error| closed(&error))?;
        let mut state = shared.lock();
        if read == 0 && state.going.is_some() && state.is_idle() {
            // it said so before, and the connection is over
            return Poll::Pending;
        }
        if read == 0 {
            let why = match state.going {
                Some(reason) if reason != Reason::NO_ERROR => format!("the server closed it: {reason}"),
                _ => "the server closed it".to_owned(),
            };
            return Poll::Ready(Err(Error::Closed(why)));
        }
        frames.take_in(&mut state)?;
        shared.allow(if state.settled { state.most_streams() } else { 0 });
        Poll::Ready(Ok(()))
    }

    /// Sends what there is to send.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while let Some(rest) = self.writing.get(self.written..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.written += written,
                }
                self.flushed = false;
            }
            self.writing.clear();
            self.written = 0;
            if self.writing.capacity() > KEPT {
                self.writing = Vec::new();
            }
            let mut state = self.shared.lock();
            state.pump_all();
            if state.out.is_empty() {
                wait(&mut state, cx);
                break;
            }
            state.answers = 0;
            std::mem::swap(&mut state.out, &mut self.writing);
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the connection has done what it was made for.
    fn is_over(&mut self) -> bool {
        let mut state = self.shared.lock();
        let is_over = state.is_idle() && (state.closing || state.going.is_some());
        if is_over {
            put_goaway(&mut state.out, Reason::NO_ERROR);
            let reason = state.going.unwrap_or(Reason::NO_ERROR);
            state.end(&Error::GoAway(reason));
            self.ending = Some(Ok(()));
        }
        is_over
    }

    fn end(&mut self, error: Error) {
        let mut state = self.shared.lock();
        if let Error::Protocol(reason, _) = error {
            put_goaway(&mut state.out, reason);
        }
        state.end(&error);
        self.ending = Some(Err(error));
    }
}

impl<I> Drop for Driver<I> {
    fn drop(&mut self) {
        // whoever still waits has nothing to wait for
        self.shared.lock().end(&Error::Closed("nobody drives it any longer".into()));
    }
}

fn wait(state: &mut State, cx: &Context<'_>) {
    match &mut state.driver {
        Some(driver) => driver.clone_from(cx.waker()),
        None => state.driver = Some(cx.waker().clone()),
    }
}

fn closed(error: &io::Error) -> Error {
    Error::Closed(error.to_string())
}
