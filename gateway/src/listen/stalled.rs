//! Clients of HTTP/2 that take nothing. Nobody polls a body while its client leaves no room for it, and what was given out
//! lies in memory: neither deadlines nor TCP end that, because such a client answers PINGs. What a connection owes its
//! client is counted here, and whether the client takes any of it. Where the connection itself is full, that is TCP's.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::sleep;
use tonic::Status;
use tonic::body::Body;

use super::Blocked;

/// Bodies that are remembered before those that have ended are forgotten.
const FEW: usize = 4;

/// What a connection owes its client.
#[derive(Debug, Clone)]
pub(super) struct Owed(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    /// Pieces that are there for the client.
    open: AtomicUsize,
    /// Grows whenever the client takes something, and when something is owed after nothing was.
    moves: AtomicU64,
    bodies: Mutex<Vec<Weak<Mutex<State>>>>,
    blocked: Blocked,
}

impl Owed {
    /// Of a connection of which it is noted whether it takes anything itself.
    pub(super) fn new(blocked: Blocked) -> Self {
        Self(Arc::new(Account { blocked, ..Account::default() }))
    }

    /// The same body, whose client is watched.
    pub(super) fn watch(&self, body: Body) -> Watched {
        let owed = self.clone();
        // a whole answer is there, and nobody needs to look whether it is
        if let Some(size) = body.size_hint().exact() {
            let unasked = (size > 0).then(|| self.owe());
            return Watched { body: Watch::Whole { body, unasked }, owed };
        }
        let state = Arc::new(Mutex::new(State { body, waits: true, ahead: None }));
        let mut bodies = lock(&self.0.bodies);
        if bodies.len() == bodies.capacity() {
            bodies.retain(|body| body.strong_count() > 0);
            let room = bodies.len().max(FEW);
            bodies.reserve(room);
        }
        bodies.push(Arc::downgrade(&state));
        Watched { body: Watch::Stream(state), owed }
    }

    /// Resolves when the client has taken nothing for so long, within half of it more, while there was something to take;
    /// never where the time is zero.
    pub(super) async fn stalled(&self, time: Duration) {
        if time.is_zero() {
            return std::future::pending().await;
        }
        let (mut seen, mut idle) = (0, 0);
        loop {
            sleep(time / 2).await;
            let Account { open, moves, blocked, .. } = &*self.0;
            let moves = moves.load(Ordering::Relaxed);
            let is_idle = moves == seen && open.load(Ordering::Relaxed) > 0 && !blocked.is_so();
            idle = if is_idle { idle + 1 } else { 0 };
            if idle == 2 {
                return;
            }
            seen = moves;
            self.look_ahead();
        }
    }

    /// Finds out of bodies that nobody polls whether there is something in them.
    fn look_ahead(&self) {
        let bodies: Vec<_> = lock(&self.0.bodies).iter().filter_map(Weak::upgrade).collect();
        for body in bodies {
            lock(&body).look_ahead(self);
        }
    }

    fn owe(&self) -> Owing {
        if self.0.open.fetch_add(1, Ordering::Relaxed) == 0 {
            self.moved();
        }
        Owing(self.clone())
    }

    fn moved(&self) {
        self.0.moves.fetch_add(1, Ordering::Relaxed);
    }
}

/// Something that is there for the client, until it is taken or given up.
#[derive(Debug)]
struct Owing(Owed);

impl Drop for Owing {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

type Given = Option<Result<Frame<Bytes>, Status>>;

/// A stream, which may have something to say before anybody asks.
#[derive(Debug)]
struct State {
    body: Body,
    /// Whether nobody has asked for more since something was given last.
    waits: bool,
    /// What was found by looking ahead.
    ahead: Option<(Given, Owing)>,
}

impl State {
    fn look_ahead(&mut self, owed: &Owed) {
        if !self.waits || self.ahead.is_some() || self.body.is_end_stream() {
            return;
        }
        // whoever asks for more polls it again: until then there is nobody to wake
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(given) = Pin::new(&mut self.body).poll_frame(&mut nobody) {
            self.ahead = Some((given, owed.owe()));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Given> {
        let polled = match self.ahead.take() {
            Some((given, _)) => Poll::Ready(given),
            None => Pin::new(&mut self.body).poll_frame(cx),
        };
        self.waits = polled.is_ready();
        polled
    }
}

/// A body whose client is watched.
#[derive(Debug)]
pub(super) struct Watched {
    body: Watch,
    owed: Owed,
}

#[derive(Debug)]
enum Watch {
    Whole {
        body: Body,
        /// Until it is asked for.
        unasked: Option<Owing>,
    },
    Stream(Arc<Mutex<State>>),
}

impl HttpBody for Watched {
    type Data = Piece;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Status>>> {
        let polled = match &mut self.body {
            Watch::Whole { body, unasked } => {
                *unasked = None;
                Pin::new(body).poll_frame(cx)
            }
            Watch::Stream(state) => lock(state).poll(cx),
        };
        let piece = |bytes| Piece { bytes, owing: self.owed.owe() };
        polled.map(|given| given.map(|frame| frame.map(|frame| frame.map_data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Watch::Whole { body, .. } => body.is_end_stream(),
            Watch::Stream(state) => {
                let state = lock(state);
                state.ahead.is_none() && state.body.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Watch::Whole { body, .. } => body.size_hint(),
            Watch::Stream(state) => lock(state).body.size_hint(),
        }
    }
}

/// Data that the client has not taken yet.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    owing: Owing,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.owing.0.moved();
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    //! With a clock that stands still until somebody waits.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http_body_util::{BodyExt as _, Full, StreamBody};
    use tokio::sync::mpsc;
    use tokio::time::{Instant, timeout};

    use super::*;

    const TIME: Duration = Duration::from_secs(30);
    const LONG: Duration = Duration::from_mins(5);

    async fn is_stalled(owed: &Owed) -> bool {
        let began = Instant::now();
        let stalled = timeout(LONG, owed.stalled(TIME)).await.is_ok();
        assert!(!stalled || began.elapsed() <= TIME * 2, "{:?}", began.elapsed());
        stalled
    }

    fn stream() -> (mpsc::UnboundedSender<&'static str>, Body) {
        let (say, mut said) = mpsc::unbounded_channel::<&'static str>();
        let frames = futures_util::stream::poll_fn(move |cx| {
            said.poll_recv(cx).map(|said| said.map(|said| Ok::<_, Status>(Frame::data(Bytes::from(said)))))
        });
        (say, Body::new(StreamBody::new(frames)))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_a_stall() {
        let owed = Owed::new(Blocked::default());
        assert!(!is_stalled(&owed).await, "nothing is owed");
        let mut body = owed.watch(Body::new(Full::new(Bytes::from_static(b"answer"))));
        assert!(is_stalled(&owed).await);
        // it was given out, and lies there
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(is_stalled(&owed).await);
        drop(piece);
        assert!(!is_stalled(&owed).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_byte_now_and_then_stays() {
        let owed = Owed::new(Blocked::default());
        let mut body = owed.watch(Body::new(Full::new(Bytes::from(vec![0; 64]))));
        let mut piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let taking = async {
            while piece.has_remaining() {
                sleep(TIME / 10 * 9).await;
                piece.advance(1);
            }
        };
        tokio::select! {
            () = owed.stalled(TIME) => unreachable!("it takes some"),
            () = taking => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_nothing_to_say_is_no_stall() {
        let owed = Owed::new(Blocked::default());
        let (say, body) = stream();
        // nobody asks it for anything, as of a client that leaves no room
        let mut body = owed.watch(body);
        assert!(!is_stalled(&owed).await);
        say.send("word").unwrap();
        assert!(is_stalled(&owed).await);
        // what was found is not lost
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().chunk(), b"word");
        assert!(!is_stalled(&owed).await);
        drop(say);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_have_ended_are_forgotten() {
        let owed = Owed::new(Blocked::default());
        for _ in 0..1000 {
            drop(owed.watch(Body::empty()));
        }
        assert!(lock(&owed.0.bodies).capacity() <= 4 * FEW);
        assert!(!is_stalled(&owed).await);
    }
}
