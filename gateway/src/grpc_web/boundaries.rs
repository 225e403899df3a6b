//! Where messages begin and end in a body, for who waits for one that has begun.

/// Flag and length that stand before every message (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// Follows a body piece by piece.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    whole: u64,
    /// What has come of the prefix of the next message, and the length as far as it is known.
    prefix: usize,
    length: u32,
    /// What is still to come of a message whose prefix is there.
    left: usize,
}

impl Boundaries {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.prefix < PREFIX {
                let missing = PREFIX - self.prefix;
                let (head, rest) = bytes.split_at(missing.min(bytes.len()));
                for byte in head {
                    // the flag comes first, and is shifted out by the length
                    self.length = self.length << 8 | u32::from(*byte);
                }
                self.prefix += head.len();
                self.left = self.length as usize;
                bytes = rest;
            } else {
                let step = self.left.min(bytes.len());
                self.left -= step;
                bytes = bytes.get(step..).unwrap_or_default();
            }
            if self.prefix == PREFIX && self.left == 0 {
                *self = Self { whole: self.whole + 1, ..Self::default() };
            }
        }
    }

    /// The message, from 1, of which a part has come.
    pub(super) fn begun(&self) -> Option<u64> {
        (self.prefix > 0).then_some(self.whole + 1)
    }
}

#[cfg(test)]
mod tests {
    //! Messages cut everywhere.

    use super::*;

    #[test]
    fn what_has_begun_is_known_at_every_byte() {
        let body = [&[0, 0, 0, 0, 3][..], b"abc", &[1, 0, 0, 0, 0], &[0, 0, 0, 1, 0], &[7; 256]].concat();
        let ends = [8, 13, body.len()];
        for size in 1..=body.len() {
            let (mut boundaries, mut come) = (Boundaries::default(), 0);
            for piece in body.chunks(size) {
                boundaries.push(piece);
                come += piece.len();
                let whole = ends.iter().filter(|end| **end <= come).count() as u64;
                let begun = (!ends.contains(&come)).then_some(whole + 1);
                assert_eq!(boundaries.begun(), begun, "{come} in pieces of {size}");
            }
        }
    }
}
