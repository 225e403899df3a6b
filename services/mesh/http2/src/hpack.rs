//! Compression of headers (RFC 7541).

mod decoder;
mod encoder;
mod huffman;
mod integer;
mod static_table;

pub(crate) use decoder::{Decoder, Fault, Fields};
pub(crate) use encoder::Encoder;

use http::HeaderName;

/// What an entry of a table counts beside its bytes (RFC 7541, 4.1).
const ENTRY: usize = 32;

/// Bytes of a table unless its reader allows another number (RFC 9113, 6.5.2).
const TABLE: usize = 4096;

/// Fields that HTTP/2 does not have (RFC 9113, 8.2.2), and that mean something to whoever reads them.
fn is_of_connection(name: &HeaderName) -> bool {
    use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};
    *name == CONNECTION || *name == TRANSFER_ENCODING || *name == UPGRADE
}
