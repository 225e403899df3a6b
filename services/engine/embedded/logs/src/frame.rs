//! One entry on disk: checksum, length, time, kind, payload.

/// The longest payload of one frame, in bytes; longer lines are kept as several entries.
pub const MAX_LINE: usize = 64 * 1024;

/// Opens every segment; the last byte is the version of the format.
pub(crate) const MAGIC: [u8; 8] = *b"TFLOGS\0\x01";
/// Bytes of a frame before its payload.
pub(crate) const HEAD: usize = 17;
/// The kind of a frame that says how many lines were lost.
pub(crate) const LOST: u8 = 0;

/// A whole frame inside a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// When, in microseconds since 1970.
    pub(crate) micros: i64,
    /// 0 lost lines, 1 standard output, 2 standard error.
    pub(crate) kind: u8,
    /// The line, or the number of lost lines.
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// How many bytes it takes on disk.
    pub(crate) const fn size(&self) -> usize {
        HEAD + self.payload.len()
    }
}

/// What the beginning of a buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// The beginning of a frame, perhaps: at least so many bytes are needed to tell.
    Incomplete(usize),
    /// Something else.
    Invalid,
}

/// Appends a frame; a payload is never longer than [`MAX_LINE`].
pub(crate) fn encode(buffer: &mut Vec<u8>, kind: u8, micros: i64, payload: &[u8]) {
    let start = buffer.len();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&micros.to_le_bytes());
    buffer.push(kind);
    buffer.extend_from_slice(payload);
    let crc = crc32(&buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Looks at the beginning of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Decoded::Incomplete(HEAD);
    };
    let [c0, c1, c2, c3, l0, l1, l2, l3, t0, t1, t2, t3, t4, t5, t6, t7, kind] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > MAX_LINE || kind > 2 || (kind == LOST && length != 8) {
        return Decoded::Invalid;
    }
    let Some(payload) = rest.get(..length) else {
        return Decoded::Incomplete(HEAD + length);
    };
    if crc32(&bytes[4..HEAD + length]) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Decoded::Invalid;
    }
    let micros = i64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
    Decoded::Frame(Frame { micros, kind, payload })
}

/// CRC-32 as in IEEE 802.3, bit-reflected.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc = (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index: u32 = 0;
    while index < 256 {
        let mut crc = index;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index as usize] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_frame_is_read_back_and_each_truncation_is_incomplete() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 2, -7, b"hello");
        assert_eq!(decode(&bytes), Decoded::Frame(Frame { micros: -7, kind: 2, payload: b"hello" }));
        for cut in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..cut]), Decoded::Incomplete(need) if need > cut), "cut at {cut}");
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 1, 1_700_000_000_000_000, b"some output");
        for position in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[position / 8] ^= 1 << (position % 8);
            assert!(!matches!(decode(&damaged), Decoded::Frame(_)), "bit {position}");
        }
    }

    #[test]
    fn zeros_are_not_a_frame() {
        assert_eq!(decode(&[0; 64]), Decoded::Invalid);
    }
}
