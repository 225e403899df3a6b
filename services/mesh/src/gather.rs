//! Fewer calls of the system: what an HTTP/2 connection writes while it is polled once is sent with one call, and as much
//! as has come is read with one.
//!
//! An implementation of HTTP/2 hands over one frame at a time, and a frame has 16 KiB at most; it reads 8 KiB at a time.
//! Each call costs more than copying its bytes: an answer of 45 KB takes three calls, and ten answers that are ready
//! together take thirty. Here they are gathered, and whoever drives the connection sends them when it has nothing more to
//! say.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may be gathered before some must be sent.
const MOST: usize = 64 << 10;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

thread_local! {
    /// A buffer that no connection of this thread needs: most of them send everything they have gathered at once.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };

    /// The same for reading: as long as a chunk, or empty.
    static READING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A byte stream whose writes wait until its [`Sending`] half is polled.
#[derive(Debug)]
pub struct Gather<I>(Arc<Mutex<State<I>>>);

/// Sends what a [`Gather`] has gathered.
#[derive(Debug)]
pub struct Sending<I>(Arc<Mutex<State<I>>>);

#[derive(Debug)]
struct State<I> {
    io: I,
    gathered: Vec<u8>,
    /// How many bytes of it are sent.
    sent: usize,
    /// Whether something was sent and not flushed: the stream may hold it back, as TLS does.
    unflushed: bool,
    ahead: Option<Ahead>,
}

/// What was read and not given out yet.
#[derive(Debug)]
struct Ahead {
    chunk: Vec<u8>,
    given: usize,
    end: usize,
}

impl Ahead {
    /// Gives out what fits; nothing is left when this is true.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let rest = self.chunk.get(self.given..self.end).unwrap_or_default();
        let step = rest.len().min(out.remaining());
        out.put_slice(rest.get(..step).unwrap_or_default());
        self.given += step;
        self.given == self.end
    }
}

/// A stream that gathers, and the half that must be polled after whatever writes to it.
pub fn gather<I: AsyncRead + AsyncWrite + Unpin>(io: I) -> (Gather<I>, Sending<I>) {
    let state =
        Arc::new(Mutex::new(State { io, gathered: Vec::new(), sent: 0, unflushed: false, ahead: None }));
    (Gather(Arc::clone(&state)), Sending(state))
}

/// Both halves are polled by one task: nobody waits for the lock.
fn lock<I>(state: &Mutex<State<I>>) -> MutexGuard<'_, State<I>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<I: AsyncRead + AsyncWrite + Unpin> Sending<I> {
    /// Sends everything that was gathered, and flushes.
    ///
    /// # Errors
    ///
    /// Those of the stream; the connection will meet them as well.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_sent(cx)
    }

    /// Polls what writes to the stream, and sends what it has written. It is ready when both are.
    pub fn after<T>(&mut self, polled: Poll<T>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        match (self.poll(cx), polled) {
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
            // an end is told at once: what could not be sent by then is for nobody
            (_, Poll::Ready(value)) => Poll::Ready(Ok(value)),
            (_, Poll::Pending) => Poll::Pending,
        }
    }
}

/// A connection, and what sends the bytes that it writes whenever it is polled.
#[derive(Debug)]
pub struct Gathered<C, I> {
    connection: Pin<Box<C>>,
    sending: Sending<I>,
}

impl<C, I> Gathered<C, I> {
    /// A connection on the [`Gather`] that belongs to `sending`.
    pub fn new(connection: C, sending: Sending<I>) -> Self {
        Self { connection: Box::pin(connection), sending }
    }

    /// The connection itself.
    pub fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C, I> Future for Gathered<C, I>
where
    C: Future,
    I: AsyncRead + AsyncWrite + Unpin,
{
    type Output = io::Result<C::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.connection.as_mut().poll(cx);
        self.sending.after(polled, cx)
    }
}

impl<I: AsyncWrite + Unpin> State<I> {
    /// Takes bytes in.
    fn take(&mut self, pieces: &[IoSlice<'_>]) -> usize {
        if self.gathered.capacity() == 0 {
            self.gathered = SPARE.take();
        }
        let before = self.gathered.len();
        for piece in pieces {
            self.gathered.extend_from_slice(piece);
        }
        self.gathered.len() - before
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.gathered.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest)?) {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
            self.unflushed = true;
        }
        self.recycle();
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx)?);
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Leaves the buffer to the next one that gathers: an idle connection holds none.
    fn recycle(&mut self) {
        self.sent = 0;
        let mut spare = std::mem::take(&mut self.gathered);
        if (1..=2 * MOST).contains(&spare.capacity()) {
            spare.clear();
            SPARE.set(spare);
        }
    }

    fn poll_gather(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= MOST {
            ready!(self.poll_sent(cx)?);
        }
        Poll::Ready(Ok(self.take(pieces)))
    }
}

impl<I: AsyncRead + Unpin> State<I> {
    fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_none() {
            if out.remaining() >= CHUNK {
                return Pin::new(&mut self.io).poll_read(cx, out);
            }
            let mut chunk = READING.take();
            chunk.resize(CHUNK, 0);
            let mut read = ReadBuf::new(&mut chunk);
            let polled = Pin::new(&mut self.io).poll_read(cx, &mut read);
            let end = read.filled().len();
            if !matches!(polled, Poll::Ready(Ok(()))) {
                READING.set(chunk);
                return polled;
            }
            self.ahead = Some(Ahead { chunk, given: 0, end });
        }
        if let Some(mut ahead) = self.ahead.take() {
            if ahead.give(out) {
                READING.set(ahead.chunk);
            } else {
                self.ahead = Some(ahead);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Gather<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_read(cx, out)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Gather<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_gather(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_gather(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing yet: the other half flushes.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        ready!(state.poll_sent(cx)?);
        Pin::new(&mut state.io).poll_shutdown(cx)
    }
}
