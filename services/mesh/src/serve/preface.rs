//! The client's connection preface (RFC 9113, 3.4), read before HTTP/2 begins so that a silent peer holds nothing.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

const MAGIC: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
const SETTINGS: u8 = 4;

/// More settings than there are names for, by far.
const MAX_SETTINGS: usize = 1024;

/// Reads the preface and the first SETTINGS frame whole, and what came with them.
pub(super) async fn read<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Bytes> {
    let mut head = BytesMut::with_capacity(256);
    loop {
        if is_complete(&head)? {
            return Ok(head.freeze());
        }
        if io.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn is_complete(head: &[u8]) -> io::Result<bool> {
    let magic = &MAGIC[..head.len().min(MAGIC.len())];
    if !head.starts_with(magic) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer does not speak HTTP/2"));
    }
    let Some(frame) = head.get(MAGIC.len()..).filter(|rest| rest.len() >= FRAME_HEADER) else {
        return Ok(false);
    };
    let len = usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2]);
    if frame[3] != SETTINGS || len > MAX_SETTINGS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the first frame is not a SETTINGS frame of usual size",
        ));
    }
    Ok(frame.len() >= FRAME_HEADER + len)
}

#[cfg(test)]
mod tests {
    //! Whole, dribbled, foreign and oversized beginnings.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn preface(settings: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([
            0,
            u8::try_from(settings >> 8).unwrap(),
            u8::try_from(settings & 0xff).unwrap(),
            SETTINGS,
            0,
            0,
            0,
            0,
            0,
        ]);
        bytes.extend(vec![0; settings]);
        bytes
    }

    #[test]
    fn only_the_whole_preface_is_complete() {
        let bytes = preface(12);
        for end in 0..bytes.len() {
            assert!(!is_complete(&bytes[..end]).unwrap(), "at {end}");
        }
        assert!(is_complete(&bytes).unwrap());
        assert!(is_complete(&[&bytes[..], b"more"].concat()).unwrap());
    }

    #[test]
    fn other_protocols_are_refused_at_the_first_byte_that_differs() {
        assert!(is_complete(b"G").is_err());
        assert!(is_complete(b"PRI * HTTP/1").is_err());
        assert!(is_complete(&preface(2048)).is_err());
        let mut ping = preface(8);
        ping[MAGIC.len() + 3] = 6;
        assert!(is_complete(&ping).is_err());
    }
}
