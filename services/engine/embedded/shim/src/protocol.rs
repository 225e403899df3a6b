//! What a supervisor and a shim say to each other on `shim.sock`.
//!
//! A frame is a length (u32, little endian, of what follows), a kind (one byte) and a payload. Kind 0 is JSON; 1, 2
//! and 3 are raw bytes of standard output, error and input. The version is in [`Request::Hello`], because an old shim outlives an upgrade of the
//! server: fields and variants are only ever added, and an unknown request gets [`Event::Refused`].

use std::os::fd::OwnedFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::{ExitRecord, Started};

mod descriptors;
mod frame;
pub use descriptors::receive;
pub(crate) use descriptors::send_with_descriptor;
pub use frame::{Decoder, FrameError, MAX_FRAME, encode_input, encode_request};
pub(crate) use frame::{Frames, Kind, encode_event, encode_output};

/// The version that this build speaks.
pub const VERSION: u32 = 1;

/// What a supervisor asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Must come first; answered by [`Event::Welcome`].
    Hello {
        /// [`VERSION`].
        version: u32,
    },
    /// Polite signal (SIGTERM), then the kill after `grace`. Repeating it can only shorten the time; the first reason
    /// stays.
    Stop {
        /// Time until the kill.
        grace: Duration,
        /// What the exit record will say.
        reason: StopReason,
    },
    /// Sends a signal to the run's process group: 1, 2, 3, 10, 12, 15, 28; 9 ends the whole run.
    Signal {
        /// Its number.
        number: i32,
    },
    /// Runs a command beside the run: same namespaces, user, environment and limits. Answered by
    /// [`Event::ExecDone`]. At most [`MAX_EXECS`] at a time.
    Exec {
        /// Chosen by the caller, repeated in the answer.
        id: u64,
        /// What to execute.
        argv: Vec<String>,
        /// Killed when it takes longer.
        timeout: Duration,
    },
    /// Opens a TCP connection to a port on the run's own loopback. Answered by [`Event::Connected`] together with
    /// the descriptor, or by [`Event::ConnectFailed`].
    Connect {
        /// Chosen by the caller, repeated in the answer.
        id: u64,
        /// The port.
        port: u16,
    },
    /// From now on, send output as [`Message::Stdout`] and [`Message::Stderr`].
    Attach,
    /// No more input will come: closes the run's standard input.
    CloseInput,
    /// The exit was recorded elsewhere: the shim may leave. The connection ends when nothing of it is left.
    Acknowledge,
}

/// Most concurrent [`Request::Exec`] and [`Request::Connect`] of one run.
pub const MAX_EXECS: usize = 32;

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// It is not wanted any more.
    Stopped,
    /// Its probe failed.
    Unhealthy,
    /// A deadline kept elsewhere has passed.
    DeadlineExceeded,
}

/// What a shim tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Event {
    /// The answer to [`Request::Hello`].
    Welcome {
        /// The version that the shim speaks.
        version: u32,
        /// The shim's own process.
        shim: i32,
        /// Where the run is; later changes come as events.
        state: State,
    },
    /// The program was executed.
    Started {
        /// The same as in `started.json`.
        started: Started,
    },
    /// The run ended; `exit.json` is durable. Output comes before it. After [`Request::Acknowledge`] the connection
    /// ends; nothing of the run or its shim is left then, except the records.
    Exited {
        /// The same as in `exit.json`.
        record: ExitRecord,
    },
    /// A [`Request::Exec`] ended.
    ExecDone {
        /// From the request.
        id: u64,
        /// Its exit code (128 + n after signal n); none after its timeout, or where it could not be run.
        code: Option<i32>,
        /// What went wrong where there is no code.
        message: Option<String>,
    },
    /// A [`Request::Connect`] succeeded; its descriptor comes with this frame.
    Connected {
        /// From the request.
        id: u64,
    },
    /// A [`Request::Connect`] failed.
    ConnectFailed {
        /// From the request.
        id: u64,
        /// What went wrong.
        message: String,
    },
    /// This connection was too slow: so many bytes of output were not sent to it (they are in the log).
    Lagged {
        /// How many.
        bytes: u64,
    },
    /// A request was not understood or not possible.
    Refused {
        /// Why.
        message: String,
    },
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum State {
    /// The sandbox is being made.
    Starting,
    /// The program runs.
    Running {
        /// The same as in `started.json`.
        started: Started,
    },
    /// It ended.
    Exited {
        /// The same as in `exit.json`.
        record: ExitRecord,
    },
}

/// One frame from a shim.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// [`Event::Connected`] with its connected, non-blocking TCP socket.
    Connected {
        /// From the request.
        id: u64,
        /// The socket.
        socket: OwnedFd,
    },
    /// Bytes of standard output.
    Stdout(Vec<u8>),
    /// Bytes of standard error.
    Stderr(Vec<u8>),
}
