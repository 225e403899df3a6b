//! How a session ends, and what its client is told.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tonic::Code;

use super::session::Socket;
use crate::problem::Problem;
use crate::render::Render;

/// How long a client has to take the last words and to answer the close.
const CLOSING: Duration = Duration::from_secs(5);

/// What a reason has room for (RFC 6455, 5.5).
const REASON: usize = 123;

/// How a session ends.
pub(super) enum End {
    /// The call has ended well.
    Done,
    /// It failed, or what the client said was refused.
    Failed(Box<Problem>),
    /// A message was too large.
    TooLarge(Box<Problem>),
    /// The client does not speak the protocol; the code says in which way.
    Broken(CloseCode),
    /// The client has closed, or is gone.
    Gone,
}

impl End {
    pub(super) fn failed(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }

    /// What an error of the connection means.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                let text = format!("the message is larger than {max_size} bytes");
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::TooLarge(Box::new(Problem::new(Code::InvalidArgument, status, text)))
            }
            Error::Utf8(_) => Self::Broken(CloseCode::Invalid),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            Error::Protocol(_) => Self::Broken(CloseCode::Protocol),
            _ => Self::Gone,
        }
    }

    /// Says it, and waits a little for the client to have heard it.
    pub(super) async fn say(self, socket: &mut Socket, render: &Render) {
        // a client that does not listen is not waited for, and one that is gone needs to be told nothing
        let until = Instant::now() + CLOSING;
        let _ = timeout_at(until, async {
            match self {
                Self::Done => close(socket, CloseCode::Normal, "").await?,
                Self::Failed(problem) => {
                    let code = 4000 + u16::try_from(problem.code as i32).unwrap_or_default();
                    fail(socket, render, &problem, CloseCode::Library(code)).await?;
                }
                Self::TooLarge(problem) => fail(socket, render, &problem, CloseCode::Size).await?,
                Self::Broken(code) => close(socket, code, "").await?,
                Self::Gone => socket.flush().await?,
            }
            while let Some(Ok(_)) = socket.next().await {}
            Ok::<(), Error>(())
        })
        .await;
        // the server ends the connection (RFC 6455, 7.1.1), and TLS before it
        let _ = timeout_at(until, socket.get_mut().shutdown()).await;
    }
}

async fn fail(socket: &mut Socket, render: &Render, problem: &Problem, code: CloseCode) -> Result<(), Error> {
    let record = String::from_utf8(render.record(problem)).unwrap_or_default();
    socket.send(Message::text(record)).await?;
    close(socket, code, &problem.message).await
}

async fn close(socket: &mut Socket, code: CloseCode, reason: &str) -> Result<(), Error> {
    let reason = reason.get(..reason.floor_char_boundary(REASON)).unwrap_or_default();
    socket.close(Some(CloseFrame { code, reason: Utf8Bytes::from(reason) })).await
}
