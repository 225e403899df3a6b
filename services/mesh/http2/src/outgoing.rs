//! What goes to the server: heads, and as much of requests as windows and the buffer take.

use bytes::{Buf as _, Bytes};

use crate::error::{Error, Reason};
use crate::frame::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEAD, HEADERS, put_head, set_length};
use crate::head::Head;
use crate::state::State;
use crate::stream::{Half, Stream, Waiting};

/// Bytes in the buffer beyond which requests wait in their streams.
pub(crate) const BUFFER: usize = 64 << 10;

impl State {
    /// Makes a stream for a request, and opens it, unless the server must end another one first.
    pub(crate) fn send(&mut self, head: &Head<'_>, body: Bytes, ends: bool) -> Result<usize, Error> {
        if let Some(error) = self.unusable() {
            return Err(error);
        }
        let place = self.place();
        if let Some(stream) = self.places.get_mut(place) {
            stream.ends = ends;
            if !body.is_empty() {
                stream.pending.push_back(body);
            }
        }
        if self.has_room() {
            self.open(place, head);
        } else if let Some(stream) = self.places.get_mut(place) {
            stream.waiting = Some(Box::new(Waiting {
                method: head.method.clone(),
                is_https: head.is_https,
                authority: head.authority.clone(),
                path: head.path.clone(),
                headers: head.headers.clone(),
            }));
            self.unopened.push_back(place);
        }
        Ok(place)
    }

    /// Why no stream can be made.
    fn unusable(&self) -> Option<Error> {
        if let Some(error) = &self.error {
            return Some(error.clone());
        }
        if let Some(reason) = self.going {
            return Some(Error::GoAway(reason));
        }
        // ids are used once
        (self.next_id > u32::MAX >> 1).then_some(Error::GoAway(Reason::NO_ERROR))
    }

    fn has_room(&self) -> bool {
        self.settled && self.unopened.is_empty() && self.ids.len() < self.most_streams()
    }

    /// Opens streams that wait, as far as there is room.
    pub(crate) fn open_more(&mut self) {
        let most = self.most_streams();
        while self.ids.len() < most
            && let Some(place) = self.unopened.pop_front()
        {
            let waiting = self.places.get_mut(place).and_then(|stream| stream.waiting.take());
            // the handle of one that was given up may be gone
            let Some(waiting) = waiting else { continue };
            let Waiting { method, is_https, authority, path, headers } = &*waiting;
            self.open(place, &Head { method, is_https: *is_https, authority, path, headers });
            self.wake_driver();
        }
    }

    /// Sends the head of a request, and what may be sent of its body.
    fn open(&mut self, place: usize, head: &Head<'_>) {
        let id = self.next_id;
        let window = self.peer.window.into();
        let Some(stream) = self.places.get_mut(place) else { return };
        stream.id = id;
        stream.send_window = window;
        stream.receive_window = self.settings.stream_window.into();
        let is_whole = stream.ends && stream.pending.is_empty();
        if is_whole {
            stream.local = Half::Ended;
        }
        self.next_id += 2;
        self.ids.insert(id, place);
        self.put_headers(id, head, if is_whole { END_STREAM } else { 0 });
        self.pump(place);
    }

    fn put_headers(&mut self, id: u32, head: &Head<'_>, flags: u8) {
        let Self { out, encoder, peer, .. } = self;
        let start = out.len();
        put_head(out, 0, HEADERS, flags | END_HEADERS, id);
        encoder.request(out, head);
        let length = out.len() - start - HEAD;
        let most = peer.frame as usize;
        if length <= most {
            set_length(out, start, length);
            return;
        }
        let block = out.split_off(start + HEAD);
        out.truncate(start);
        let mut pieces = block.chunks(most).peekable();
        let (mut kind, mut flags) = (HEADERS, flags);
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            put_head(out, piece.len(), kind, flags | last, id);
            out.extend_from_slice(piece);
            (kind, flags) = (CONTINUATION, 0);
        }
    }

    /// Sends of a stream what windows and buffer take.
    pub(crate) fn pump(&mut self, place: usize) {
        let Self { out, places, unsent, peer, send_window, .. } = self;
        let Some(stream) = places.get_mut(place) else { return };
        if !stream.is_live || stream.id == 0 {
            return;
        }
        while !stream.pending.is_empty() {
            let ends = stream.ends && stream.pending.len() == 1;
            let Some(piece) = stream.pending.front_mut() else { break };
            let window = stream.send_window.min(*send_window).max(0);
            let step =
                piece.len().min(peer.frame as usize).min(usize::try_from(window).unwrap_or(usize::MAX));
            if step == 0 || out.len() >= BUFFER {
                break;
            }
            let sent = i64::try_from(step).unwrap_or(i64::MAX);
            stream.send_window -= sent;
            *send_window -= sent;
            let is_last = ends && step == piece.len();
            put_head(out, step, DATA, if is_last { END_STREAM } else { 0 }, stream.id);
            out.extend_from_slice(piece.get(..step).unwrap_or_default());
            piece.advance(step);
            if piece.is_empty() {
                stream.pending.pop_front();
            }
            if is_last {
                stream.local = Half::Ended;
            }
        }
        if stream.pending.is_empty() {
            end_of_body(stream, out);
            if let Some(writer) = stream.writer.take() {
                writer.wake();
            }
            self.settle(place);
        } else if !stream.is_queued {
            stream.is_queued = true;
            unsent.push_back(place);
        }
    }

    /// Sends what has waited for windows or for room, each stream in its turn.
    pub(crate) fn pump_all(&mut self) {
        for _ in 0..self.unsent.len() {
            if self.out.len() >= BUFFER || self.send_window <= 0 {
                break;
            }
            let Some(place) = self.unsent.pop_front() else { break };
            if let Some(stream) = self.places.get_mut(place) {
                stream.is_queued = false;
            }
            self.pump(place);
        }
    }

    /// Adds to the body of a request.
    pub(crate) fn add(&mut self, place: usize, piece: Bytes, ends: bool) {
        let Some(stream) = self.places.get_mut(place).filter(|stream| !stream.is_closed_to_sends()) else {
            return;
        };
        if !piece.is_empty() {
            stream.pending.push_back(piece);
        }
        stream.ends |= ends;
        self.pump(place);
        self.wake_driver();
    }
}

/// Ends a body whose bytes are all sent.
fn end_of_body(stream: &mut Stream, out: &mut Vec<u8>) {
    if stream.ends && stream.local == Half::Open {
        put_head(out, 0, DATA, END_STREAM, stream.id);
        stream.local = Half::Ended;
    }
}
