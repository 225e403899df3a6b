//! What frames of the server change.

use bytes::Bytes;
use http::StatusCode;

use crate::error::{Error, Reason, protocol};
use crate::frame::{self, FrameHead};
use crate::hpack::{Fault, Fields};
use crate::settings::{DEFAULT_FRAME, MAX_FRAME, MAX_WINDOW};
use crate::state::{Block, Ping, State};
use crate::stream::Half;

/// Bytes of a header block, packed as it may be.
const BLOCK: usize = 64 << 10;

/// So many answers to PING and SETTINGS may wait for the server to take them.
const ANSWERS: u32 = 1000;

impl State {
    /// A whole frame that is no DATA.
    pub(crate) fn receive(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Error> {
        if !self.settled && head.kind != frame::SETTINGS {
            return Err(protocol("the first frame is not SETTINGS"));
        }
        match head.kind {
            frame::HEADERS => self.headers(head, payload),
            frame::CONTINUATION => self.continuation(head, payload),
            frame::RST_STREAM => self.reset_by_peer(head, array(payload)?),
            frame::SETTINGS => self.settings(head, payload),
            frame::PING => self.pinged(head, array(payload)?),
            frame::GOAWAY => self.goaway(head, payload),
            frame::WINDOW_UPDATE => self.window_update(head.id, u32::from_be_bytes(array(payload)?)),
            frame::PUSH_PROMISE => Err(protocol("a push that was not allowed")),
            frame::PRIORITY => array::<5>(payload).map(|_| ()),
            // what is not known means nothing (RFC 9113, 4.1)
            _ => Ok(()),
        }
    }

    /// The place of a stream; nothing when it has ended, an error when it was never there.
    fn known(&self, id: u32) -> Result<Option<usize>, Error> {
        if id == 0 || id.is_multiple_of(2) || id >= self.next_id {
            return Err(protocol("a frame of a stream that does not exist"));
        }
        Ok(self.ids.get(&id).copied())
    }

    /// Counts a DATA frame against the windows.
    pub(crate) fn account(&mut self, head: FrameHead) -> Result<(), Error> {
        if !self.settled {
            return Err(protocol("the first frame is not SETTINGS"));
        }
        let length = i64::try_from(head.length).unwrap_or(i64::MAX);
        let place = self.known(head.id)?;
        self.receive_window -= length;
        if self.receive_window < 0 {
            return Err(Error::Protocol(Reason::FLOW_CONTROL_ERROR, "more was sent than the window allows"));
        }
        let Some((place, stream)) = place.and_then(|place| Some((place, self.places.get_mut(place)?))) else {
            return Ok(());
        };
        stream.receive_window -= length;
        let refused = if stream.receive_window < 0 {
            Some(Error::Refused(Reason::FLOW_CONTROL_ERROR, "more was sent than the window allows"))
        } else if !stream.has_head || stream.remote == Half::Ended {
            Some(Error::Refused(Reason::PROTOCOL_ERROR, "data came where none may be"))
        } else {
            None
        };
        if let Some(error) = refused {
            self.reset(place, error);
        }
        Ok(())
    }

    pub(crate) fn release_padding(&mut self, id: u32, bytes: usize) {
        if bytes > 0 {
            match self.ids.get(&id).copied() {
                Some(place) => self.release_stream(place, bytes),
                None => self.release(bytes),
            }
        }
    }

    /// A piece of data.
    pub(crate) fn data(&mut self, id: u32, piece: Bytes) {
        let stream = self.ids.get(&id).and_then(|place| self.places.get_mut(*place));
        match stream {
            Some(stream) => {
                stream.data.push_back(piece);
                stream.wake();
            }
            // of a stream that nobody reads any longer
            None => self.release(piece.len()),
        }
    }

    /// The server has sent everything of a stream.
    pub(crate) fn ended(&mut self, id: u32) {
        let Some(place) = self.ids.get(&id).copied() else { return };
        if let Some(stream) = self.places.get_mut(place) {
            stream.remote = Half::Ended;
            stream.wake();
        }
        self.settle(place);
    }

    fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Error> {
        let mut block = payload;
        let mut padding = 0;
        if head.has(frame::PADDED) {
            let (length, rest) = block.split_first().ok_or_else(|| protocol("padding without a length"))?;
            (padding, block) = (usize::from(*length), rest);
        }
        if head.has(frame::WITH_PRIORITY) {
            block = block.get(5..).ok_or_else(|| protocol("a priority that is cut"))?;
        }
        let length = block.len().checked_sub(padding).ok_or_else(|| protocol("more padding than frame"))?;
        let block = block.get(..length).unwrap_or_default();
        self.known(head.id)?;
        let ends = head.has(frame::END_STREAM);
        if head.has(frame::END_HEADERS) {
            return self.block(head.id, ends, block);
        }
        self.block = Some(Block { id: head.id, ends, bytes: block.to_vec() });
        Ok(())
    }

    fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Error> {
        let Some(mut block) = self.block.take().filter(|block| block.id == head.id) else {
            return Err(protocol("a header block goes on that has not begun"));
        };
        block.bytes.extend_from_slice(payload);
        // many empty ones cost as well (CVE-2024-27316)
        self.answers += 1;
        if block.bytes.len() > BLOCK || self.answers > ANSWERS {
            return Err(Error::Protocol(Reason::ENHANCE_YOUR_CALM, "a header block is too large"));
        }
        if head.has(frame::END_HEADERS) {
            return self.block(block.id, block.ends, &block.bytes);
        }
        self.block = Some(block);
        Ok(())
    }

    /// A whole header block. It is read whoever wants it, because the next one builds on it.
    fn block(&mut self, id: u32, ends: bool, block: &[u8]) -> Result<(), Error> {
        let broken = |_| Error::Protocol(Reason::COMPRESSION_ERROR, "headers cannot be unpacked");
        let fields = self.decoder.decode(block).map_err(broken)?;
        if let Some(place) = self.ids.get(&id).copied() {
            match self.fields(place, ends, fields) {
                Ok(()) if ends => self.ended(id),
                Ok(()) => {}
                Err(error) => self.reset(place, error),
            }
        }
        Ok(())
    }

    /// The head of an answer, or its trailers.
    fn fields(&mut self, place: usize, ends: bool, fields: Fields) -> Result<(), Error> {
        let malformed = |what| Err(Error::Refused(Reason::PROTOCOL_ERROR, what));
        match fields.fault {
            Some(Fault::Malformed) => return malformed("headers came that may not be"),
            Some(Fault::Large) => {
                let what = "the headers of the answer are larger than allowed";
                return Err(Error::Refused(Reason::ENHANCE_YOUR_CALM, what));
            }
            None => {}
        }
        let Some(stream) = self.places.get_mut(place) else { return Ok(()) };
        if stream.remote == Half::Ended {
            return malformed("headers came behind the end");
        }
        match fields.status {
            // early answers come before the one that counts, and never end the stream (RFC 9113, 8.1)
            Some(100..200) if !stream.has_head && !ends => return Ok(()),
            Some(status @ 200..) if !stream.has_head => {
                let Ok(status) = StatusCode::from_u16(status) else {
                    return malformed("a status that is none");
                };
                stream.head = Some((status, fields.map));
                stream.has_head = true;
            }
            None if stream.has_head && ends => stream.trailers = Some(fields.map),
            _ => return malformed("headers came where none may be"),
        }
        stream.wake();
        Ok(())
    }

    fn reset_by_peer(&mut self, head: FrameHead, reason: [u8; 4]) -> Result<(), Error> {
        let reason = Reason(u32::from_be_bytes(reason));
        let Some(place) = self.known(head.id)? else { return Ok(()) };
        let Some(stream) = self.places.get_mut(place) else { return Ok(()) };
        if stream.remote == Half::Ended {
            // the answer is whole, and the rest of the request is for nobody (RFC 9113, 8.1)
            stream.local = Half::Ended;
            stream.pending.clear();
            stream.wake_all();
            self.settle(place);
        } else {
            self.fail(place, Error::Reset(reason));
        }
        Ok(())
    }

    fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Error> {
        if head.id != 0 {
            return Err(protocol("SETTINGS of a stream"));
        }
        let (pairs, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() || (head.has(frame::ACK) && !payload.is_empty()) {
            return Err(Error::Protocol(Reason::FRAME_SIZE_ERROR, "SETTINGS that are cut"));
        }
        if head.has(frame::ACK) {
            return if self.settled { Ok(()) } else { Err(protocol("the first frame is not SETTINGS")) };
        }
        for [name_high, name_low, value @ ..] in pairs {
            self.setting(u16::from_be_bytes([*name_high, *name_low]), u32::from_be_bytes(*value))?;
        }
        self.answer()?;
        frame::put_settings_ack(&mut self.out);
        self.settled = true;
        if let Some(settling) = self.settling.take() {
            settling.wake();
        }
        self.open_more();
        self.pump_all();
        Ok(())
    }

    fn setting(&mut self, name: u16, value: u32) -> Result<(), Error> {
        match name {
            frame::SETTINGS_HEADER_TABLE_SIZE => self.encoder.resize(value),
            frame::SETTINGS_MAX_CONCURRENT_STREAMS => self.peer.streams = value,
            frame::SETTINGS_INITIAL_WINDOW_SIZE => {
                let wrong = Error::Protocol(Reason::FLOW_CONTROL_ERROR, "a window that is too large");
                if value > MAX_WINDOW {
                    return Err(wrong);
                }
                let more = i64::from(value) - i64::from(self.peer.window);
                self.peer.window = value;
                for place in self.ids.values() {
                    let Some(stream) = self.places.get_mut(*place) else { continue };
                    stream.send_window += more;
                    if stream.send_window > MAX_WINDOW.into() {
                        return Err(wrong);
                    }
                }
            }
            frame::SETTINGS_MAX_FRAME_SIZE => {
                if !(DEFAULT_FRAME..=MAX_FRAME).contains(&value) {
                    return Err(protocol("a size of frames that there is not"));
                }
                self.peer.frame = value;
            }
            _ => {}
        }
        Ok(())
    }

    fn pinged(&mut self, head: FrameHead, payload: [u8; 8]) -> Result<(), Error> {
        if head.id != 0 {
            return Err(protocol("PING of a stream"));
        }
        if !head.has(frame::ACK) {
            self.answer()?;
            frame::put_ping(&mut self.out, frame::ACK, payload);
        } else if let Ping::Sent(waiting) = &mut self.ping {
            let waiting = waiting.take();
            self.ping = Ping::Answered;
            if let Some(waiting) = waiting {
                waiting.wake();
            }
        }
        Ok(())
    }

    /// Counts what the server makes us write.
    fn answer(&mut self) -> Result<(), Error> {
        self.answers += 1;
        if self.answers > ANSWERS {
            return Err(Error::Protocol(Reason::ENHANCE_YOUR_CALM, "answers that nobody takes"));
        }
        Ok(())
    }

    fn goaway(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Error> {
        let Some([last @ .., a, b, c, d]) = payload.first_chunk::<8>().filter(|_| head.id == 0) else {
            return Err(protocol("a GOAWAY that is cut"));
        };
        let last = u32::from_be_bytes(*last) & (u32::MAX >> 1);
        let reason = Reason(u32::from_be_bytes([*a, *b, *c, *d]));
        self.going = Some(reason);
        // those that were not opened will not be
        let unopened = std::mem::take(&mut self.unopened);
        let beyond: Vec<usize> =
            self.ids.iter().filter(|(id, _)| **id > last).map(|(_, place)| *place).collect();
        for place in unopened.into_iter().chain(beyond) {
            self.fail(place, Error::GoAway(reason));
        }
        Ok(())
    }

    fn window_update(&mut self, id: u32, more: u32) -> Result<(), Error> {
        let more = i64::from(more & MAX_WINDOW);
        if id == 0 {
            if more == 0 {
                return Err(protocol("a window that grows by nothing"));
            }
            self.send_window += more;
            if self.send_window > MAX_WINDOW.into() {
                return Err(Error::Protocol(Reason::FLOW_CONTROL_ERROR, "a window that is too large"));
            }
            self.pump_all();
            return Ok(());
        }
        let Some(place) = self.known(id)? else { return Ok(()) };
        let Some(stream) = self.places.get_mut(place) else { return Ok(()) };
        stream.send_window += more;
        if more == 0 {
            self.reset(place, Error::Refused(Reason::PROTOCOL_ERROR, "a window grew by nothing"));
        } else if stream.send_window > MAX_WINDOW.into() {
            self.reset(place, Error::Refused(Reason::FLOW_CONTROL_ERROR, "a window became too large"));
        } else {
            self.pump(place);
        }
        Ok(())
    }
}

/// A payload of fixed size.
fn array<const N: usize>(payload: &[u8]) -> Result<[u8; N], Error> {
    let wrong = Error::Protocol(Reason::FRAME_SIZE_ERROR, "a frame has a size that it cannot have");
    payload.try_into().map_err(|_| wrong)
}
