//! What the handles of a connection and its driver share.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use foldhash::fast::FixedState;

use crate::error::{Error, Reason};
use crate::frame;
use crate::hpack::{Decoder, Encoder};
use crate::settings::{DEFAULT_WINDOW, Peer, Settings};
use crate::stream::{Half, Stream};

/// The shared part of a connection.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Streams at a time; zero before the server has spoken.
    pub(crate) streams: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { state: Mutex::new(State::new(settings)), streams: AtomicUsize::new(0) }
    }

    /// Held for moments only: nothing is awaited, read or written meanwhile.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn allow(&self, streams: usize) {
        self.streams.store(streams, Ordering::Release);
    }
}

/// A header block of which not all frames have come.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) id: u32,
    pub(crate) ends: bool,
    pub(crate) bytes: Vec<u8>,
}

/// An own PING.
#[derive(Debug, Default)]
pub(crate) enum Ping {
    #[default]
    None,
    Sent(Option<Waker>),
    Answered,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    /// Bytes for the socket.
    pub(crate) out: Vec<u8>,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) places: Vec<Stream>,
    free: Vec<usize>,
    /// Places of the streams that are open, by their ids.
    pub(crate) ids: HashMap<u32, usize, FixedState>,
    pub(crate) next_id: u32,
    /// Streams that wait to be opened, and those that have something to send.
    pub(crate) unopened: VecDeque<usize>,
    pub(crate) unsent: VecDeque<usize>,
    pub(crate) peer: Peer,
    /// Whether the server's first SETTINGS have come, and who waits for them.
    pub(crate) settled: bool,
    pub(crate) settling: Option<Waker>,
    pub(crate) send_window: i64,
    pub(crate) receive_window: i64,
    pub(crate) released: u32,
    pub(crate) block: Option<Block>,
    /// Why the server closes the connection, once it does.
    pub(crate) going: Option<Reason>,
    pub(crate) error: Option<Error>,
    pub(crate) ping: Ping,
    /// Answers that the server makes us write, since it has last taken all of them.
    pub(crate) answers: u32,
    pub(crate) driver: Option<Waker>,
    /// Nobody makes calls any more.
    pub(crate) closing: bool,
}

impl State {
    fn new(settings: Settings) -> Self {
        let settings = settings.bounded();
        let mut out = Vec::new();
        frame::put_preface(&mut out, &settings);
        Self {
            out,
            encoder: Encoder::new(),
            decoder: Decoder::new(settings.headers as usize),
            places: Vec::new(),
            free: Vec::new(),
            ids: HashMap::default(),
            next_id: 1,
            unopened: VecDeque::new(),
            unsent: VecDeque::new(),
            peer: Peer::INITIAL,
            settled: false,
            settling: None,
            send_window: DEFAULT_WINDOW.into(),
            receive_window: settings.connection_window.into(),
            released: 0,
            block: None,
            going: None,
            error: None,
            ping: Ping::None,
            answers: 0,
            driver: None,
            closing: false,
            settings,
        }
    }

    /// Has the driver look at what is there to send.
    pub(crate) fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// How many streams there may be at a time, once the server has spoken.
    pub(crate) fn most_streams(&self) -> usize {
        self.peer.streams.min(self.settings.streams) as usize
    }

    /// Whether there is no stream.
    pub(crate) fn is_idle(&self) -> bool {
        self.ids.is_empty() && self.unopened.is_empty()
    }

    /// A place for a stream with one handle.
    pub(crate) fn place(&mut self) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Stream::default());
            self.places.len() - 1
        });
        if let Some(stream) = self.places.get_mut(place) {
            stream.handles = 1;
            stream.is_live = true;
        }
        place
    }

    /// Gives up a place that no handle has.
    pub(crate) fn vacate(&mut self, place: usize) {
        if let Some(stream) = self.places.get_mut(place) {
            stream.clear();
            self.free.push(place);
        }
    }

    /// Ends a stream whose both directions have ended.
    pub(crate) fn settle(&mut self, place: usize) {
        let Some(stream) = self.places.get_mut(place) else { return };
        if stream.is_live && stream.remote == Half::Ended && stream.local == Half::Ended {
            stream.is_live = false;
            let id = stream.id;
            self.forget(id);
        }
    }

    /// Takes an open stream off the connection, which makes room for another.
    fn forget(&mut self, id: u32) {
        if self.ids.remove(&id).is_some() {
            self.open_more();
            if self.ids.is_empty() && (self.closing || self.going.is_some()) {
                self.wake_driver();
            }
        }
    }

    /// Ends a stream by an error. What has come of it until then can still be read, unless the error is our own.
    pub(crate) fn fail(&mut self, place: usize, error: Error) {
        let Some(stream) = self.places.get_mut(place) else { return };
        if !stream.is_live {
            return;
        }
        stream.is_live = false;
        stream.waiting = None;
        stream.error = Some(error);
        let id = stream.id;
        stream.wake_all();
        self.forget(id);
    }

    /// Resets a stream.
    pub(crate) fn reset(&mut self, place: usize, error: Error) {
        let Some(stream) = self.places.get(place).filter(|stream| stream.is_live) else { return };
        if stream.id != 0 {
            frame::put_reset(&mut self.out, stream.id, error.reason().unwrap_or(Reason::CANCEL));
        }
        self.fail(place, error);
        self.wake_driver();
    }

    /// Ends the connection and everything on it.
    pub(crate) fn end(&mut self, error: &Error) {
        if self.error.is_none() {
            self.error = Some(error.clone());
        }
        self.unopened.clear();
        for place in 0..self.places.len() {
            self.fail(place, error.clone());
        }
        if let Some(settling) = self.settling.take() {
            settling.wake();
        }
        if let Ping::Sent(Some(waiting)) = std::mem::take(&mut self.ping) {
            waiting.wake();
        }
    }

    /// Bytes of the connection that nobody will read, or that were read: the server may send as many again.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.released = self.released.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if self.released >= self.settings.connection_window / 2 {
            frame::put_window_update(&mut self.out, 0, self.released);
            self.receive_window += i64::from(self.released);
            self.released = 0;
            self.wake_driver();
        }
    }

    /// The same for one stream.
    pub(crate) fn release_stream(&mut self, place: usize, bytes: usize) {
        self.release(bytes);
        let Some(stream) = self.places.get_mut(place).filter(|one| one.is_live && one.remote == Half::Open)
        else {
            return;
        };
        stream.released = stream.released.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if stream.released >= self.settings.stream_window / 2 {
            frame::put_window_update(&mut self.out, stream.id, stream.released);
            stream.receive_window += i64::from(stream.released);
            stream.released = 0;
            self.wake_driver();
        }
    }
}
