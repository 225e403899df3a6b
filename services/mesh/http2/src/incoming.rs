//! What comes from the server, taken apart into frames as it arrives.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::error::{Error, Reason, protocol};
use crate::frame::{self, FrameHead, HEAD};
use crate::state::State;

/// A piece of data of fewer bytes is copied: it would keep the whole buffer that it was read into.
const SMALL: usize = 4 << 10;

/// Takes frames off what was read. Data is given on before all of its frame has come.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) buffer: BytesMut,
    data: Option<Data>,
}

/// A DATA frame that has begun.
#[derive(Debug)]
struct Data {
    id: u32,
    left: usize,
    padding: usize,
    ends: bool,
}

impl Frames {
    /// Takes in everything that has come.
    pub(crate) fn take_in(&mut self, state: &mut State) -> Result<(), Error> {
        loop {
            if let Some(data) = self.data.take()
                && !self.data(state, data)
            {
                return Ok(());
            }
            let Some(head) = self.buffer.first_chunk::<HEAD>().map(FrameHead::parse) else { return Ok(()) };
            if head.length > state.settings.frame as usize {
                return Err(Error::Protocol(Reason::FRAME_SIZE_ERROR, "a frame is larger than allowed"));
            }
            if state.block.is_some() && head.kind != frame::CONTINUATION {
                return Err(protocol("a header block was interrupted"));
            }
            if head.kind == frame::DATA {
                if !self.begin_data(state, head)? {
                    return Ok(());
                }
                continue;
            }
            let whole = HEAD + head.length;
            let Some(payload) = self.buffer.get(HEAD..whole) else { return Ok(()) };
            state.receive(head, payload)?;
            self.buffer.advance(whole);
        }
    }

    /// Begins a DATA frame; false when its head has not come whole.
    fn begin_data(&mut self, state: &mut State, head: FrameHead) -> Result<bool, Error> {
        let (mut begin, mut padding) = (HEAD, 0);
        if head.has(frame::PADDED) {
            let Some(length) = self.buffer.get(HEAD).copied().filter(|_| head.length > 0) else {
                return if head.length == 0 { Err(protocol("padding without a length")) } else { Ok(false) };
            };
            (begin, padding) = (HEAD + 1, usize::from(length));
        }
        let left = (HEAD + head.length).checked_sub(begin + padding);
        let left = left.ok_or_else(|| protocol("more padding than frame"))?;
        state.account(head)?;
        // padding is read by nobody
        state.release_padding(head.id, head.length - left);
        self.buffer.advance(begin);
        self.data = Some(Data { id: head.id, left, padding, ends: head.has(frame::END_STREAM) });
        Ok(true)
    }

    /// Gives on what has come of a DATA frame; false when there is more to come.
    fn data(&mut self, state: &mut State, mut data: Data) -> bool {
        let has = data.left.min(self.buffer.len());
        if has > 0 {
            let piece = if has < SMALL {
                let piece = Bytes::copy_from_slice(self.buffer.get(..has).unwrap_or_default());
                self.buffer.advance(has);
                piece
            } else {
                self.buffer.split_to(has).freeze()
            };
            state.data(data.id, piece);
            data.left -= has;
        }
        let padding = if data.left == 0 { data.padding.min(self.buffer.len()) } else { 0 };
        self.buffer.advance(padding);
        data.padding -= padding;
        if data.left > 0 || data.padding > 0 {
            self.data = Some(data);
            return false;
        }
        if data.ends {
            state.ended(data.id);
        }
        true
    }
}
