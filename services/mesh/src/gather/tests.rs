//! What is written, when it is sent, and what happens when it cannot be.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

use std::future::poll_fn;
use std::task::Waker;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

/// A stream that tells each write apart, takes so many bytes of one, and holds back what is not flushed.
#[derive(Default)]
struct Script {
    writes: Vec<Vec<u8>>,
    /// Bytes that are taken until the stream is not ready.
    room: usize,
    flushed: usize,
    broken: bool,
    /// Refuses so many flushes.
    busy: usize,
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = data.len().min(self.room);
        if taken == 0 {
            return Poll::Pending;
        }
        self.room -= taken;
        self.writes.push(data[..taken].to_vec());
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.busy > 0 {
            self.busy -= 1;
            return Poll::Pending;
        }
        self.flushed += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn script(room: usize) -> (Gather<Script>, Sending<Script>) {
    gather(Script { room, ..Script::default() })
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Writes all of it at once, or says how far it came.
fn write(gather: &mut Gather<Script>, data: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(gather).poll_write(&mut cx(), data)
}

fn written(gather: &Gather<Script>) -> Vec<Vec<u8>> {
    lock(&gather.0).io.writes.clone()
}

#[test]
fn many_writes_are_sent_as_one_when_the_connection_has_been_polled() {
    let (mut gather, mut sending) = script(1000);
    assert!(matches!(write(&mut gather, b"head"), Poll::Ready(Ok(4))));
    let pieces = [IoSlice::new(b"er,"), IoSlice::new(b" body")];
    let mut vectored = Pin::new(&mut gather).poll_write_vectored(&mut cx(), &pieces);
    assert!(matches!(vectored, Poll::Ready(Ok(8))));
    vectored = Pin::new(&mut gather).poll_flush(&mut cx()).map_ok(|()| 0);
    assert!(vectored.is_ready());
    assert!(written(&gather).is_empty(), "sent too early");
    assert!(sending.poll(&mut cx()).is_ready());
    assert_eq!(written(&gather), [b"header, body"]);
    assert_eq!(lock(&gather.0).io.flushed, 1);
    assert_eq!(lock(&gather.0).gathered.capacity(), 0, "an idle connection holds a buffer");
}

#[test]
fn nothing_is_lost_when_the_stream_takes_little() {
    let (mut gather, mut sending) = script(5);
    assert!(write(&mut gather, b"0123456789").is_ready());
    assert!(sending.poll(&mut cx()).is_pending());
    assert!(write(&mut gather, b"ab").is_ready());
    lock(&gather.0).io.room = 100;
    assert!(sending.poll(&mut cx()).is_ready());
    assert_eq!(written(&gather).concat(), b"0123456789ab");
}

#[test]
fn a_stream_that_takes_nothing_holds_its_writer_up() {
    let (mut gather, _sending) = script(0);
    let frame = [0; 16 << 10];
    for _ in 0..4 {
        assert!(write(&mut gather, &frame).is_ready());
    }
    assert!(write(&mut gather, &frame).is_pending());
    lock(&gather.0).io.room = 1 << 20;
    assert!(write(&mut gather, &frame).is_ready());
    assert_eq!(lock(&gather.0).gathered.len(), frame.len());
}

#[test]
fn a_flush_that_was_not_done_is_done_later() {
    let (mut gather, mut sending) = script(100);
    lock(&gather.0).io.busy = 1;
    assert!(write(&mut gather, b"x").is_ready());
    assert!(sending.poll(&mut cx()).is_pending());
    assert_eq!(lock(&gather.0).io.flushed, 0);
    assert!(sending.poll(&mut cx()).is_ready());
    assert_eq!(lock(&gather.0).io.flushed, 1);
    assert!(sending.poll(&mut cx()).is_ready());
    assert_eq!(lock(&gather.0).io.flushed, 1, "nothing new to flush");
}

#[test]
fn a_broken_stream_ends_the_connection() {
    let (mut gather, mut sending) = script(100);
    assert!(write(&mut gather, b"x").is_ready());
    lock(&gather.0).io.broken = true;
    let after: Poll<io::Result<()>> = sending.after(Poll::Pending, &mut cx());
    assert!(matches!(after, Poll::Ready(Err(_))));
}

/// A stream that has so many bytes, and counts how often it is asked.
struct Source {
    left: usize,
    asked: usize,
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.asked += 1;
        if self.left == 0 {
            return Poll::Pending;
        }
        let step = self.left.min(out.remaining());
        for place in 0..step {
            out.put_slice(&[(self.left - place) as u8]);
        }
        self.left -= step;
        Poll::Ready(Ok(()))
    }
}

#[test]
fn much_is_read_at_once_and_given_out_in_pieces() {
    const ALL: usize = 100_000;
    let state = State {
        io: Source { left: ALL, asked: 0 },
        gathered: Vec::new(),
        sent: 0,
        unflushed: false,
        ahead: None,
    };
    let mut gather = Gather(Arc::new(Mutex::new(state)));
    let mut got = Vec::new();
    loop {
        let mut piece = [0; 8192];
        let mut out = ReadBuf::new(&mut piece);
        if Pin::new(&mut gather).poll_read(&mut cx(), &mut out).is_pending() {
            break;
        }
        got.extend_from_slice(out.filled());
    }
    let wanted: Vec<u8> = (0..ALL).map(|place| (ALL - place) as u8).collect();
    assert_eq!(got, wanted);
    assert_eq!(lock(&gather.0).io.asked, 3, "two chunks, and the end");
    assert!(lock(&gather.0).ahead.is_none(), "an idle connection holds a chunk");
}

#[tokio::test]
async fn a_shutdown_sends_what_is_left() {
    let (near, mut far) = duplex(1024);
    let (mut gather, _sending) = gather(near);
    gather.write_all(b"the last words").await.unwrap();
    gather.shutdown().await.unwrap();
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"the last words");
}

#[tokio::test]
async fn a_connection_is_polled_and_then_sent() {
    let (near, mut far) = duplex(1024);
    let (mut gather, sending) = gather(near);
    let connection = async move {
        gather.write_all(b"hello").await.unwrap();
        let mut answer = [0; 2];
        gather.read_exact(&mut answer).await.unwrap();
        answer
    };
    let mut gathered = Gathered::new(connection, sending);
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut gathered).poll(cx))).await;
    assert!(first.is_pending());
    let mut hello = [0; 5];
    far.read_exact(&mut hello).await.unwrap();
    far.write_all(b"ok").await.unwrap();
    assert_eq!((&hello, gathered.await.unwrap()), (b"hello", *b"ok"));
}
