//! The first bytes of a connection: whether it speaks HTTP/2, told without losing them.

use std::io;

use bytes::Bytes;
use mesh::rewind::Rewind;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until it is certain whether a connection speaks HTTP/2, and gives it back from its beginning.
pub(super) async fn read<I: AsyncRead + Unpin>(mut io: I) -> io::Result<(Rewind<I>, bool)> {
    let mut head = [0; PREFACE.len()];
    let mut read = 0;
    while read < PREFACE.len() && head[..read] == PREFACE[..read] {
        match io.read(&mut head[read..]).await? {
            0 => break,
            more => read += more,
        }
    }
    Ok((Rewind::new(Bytes::copy_from_slice(&head[..read]), io), head == PREFACE))
}

#[cfg(test)]
mod tests {
    //! Beginnings of every kind, in pieces of every size.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::*;

    #[tokio::test]
    async fn the_protocol_is_told_and_no_byte_is_lost() {
        let http2 = [&PREFACE[..], b"more"].concat();
        let cases: [(&[u8], bool); 6] = [
            (&http2, true),
            (b"GET / HTTP/1.1\r\n\r\n", false),
            (b"PRI * HTTP/1.1\r\n\r\n", false),
            (b"PUT / HTTP/1.1\r\n\r\n", false),
            (b"PR", false),
            (b"", false),
        ];
        for (wire, is_http2) in cases {
            for size in 1..=wire.len().max(1) {
                let mut script = Pieces(wire, size);
                let (mut begun, told) = super::read(&mut script).await.unwrap();
                assert_eq!(told, is_http2, "{wire:?}");
                let mut all = Vec::new();
                begun.read_to_end(&mut all).await.unwrap();
                assert_eq!(all, wire, "pieces of {size}");
            }
        }
    }

    /// A reader that gives out pieces of a size.
    struct Pieces<'a>(&'a [u8], usize);

    impl AsyncRead for Pieces<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let step = self.1.min(self.0.len()).min(out.remaining());
            out.put_slice(&self.0[..step]);
            self.0 = &self.0[step..];
            Poll::Ready(Ok(()))
        }
    }
}
