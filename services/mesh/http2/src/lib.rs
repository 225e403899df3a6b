//! The client's side of HTTP/2 (RFC 9113), made for many small calls on one connection.
//!
//! A call costs one lock and no task: its head and its message are written straight into the buffer that goes to the
//! socket, and what comes back is taken apart once. All calls that are ready together leave with one call of the system.
//! [`connect`] gives a [`Sender`] to make calls with and a [`Driver`] that moves bytes; every [`Stream`] is read by its own
//! task, and what it has not read yet is bounded by flow control.
//!
//! There is no push, no priority and no upgrade. What a hostile server sends is bounded: windows, the size of heads, and
//! acknowledgements that it does not take.

mod driver;
mod error;
mod frame;
mod handle;
mod head;
mod hpack;
mod incoming;
mod outgoing;
mod received;
mod settings;
mod state;
mod stream;

pub use driver::{Driver, connect};
pub use error::{Error, Reason};
pub use handle::{Ended, Part, Sender, Stream, Upload};
pub use head::Head;
pub use settings::Settings;
