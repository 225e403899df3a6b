//! One session: what the client says goes to the backend, what the backend says to the client, neither faster than the
//! other side takes it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use mesh::deadline;
use mesh::drain::resume_elsewhere;
use tokio::sync::mpsc::{self, Permit};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tonic::body::Body;
use transcode::{Bound, ResponseBody, Route};

use super::Opening;
use super::end::End;
use super::requests::{Frames, Item, Requests, body};
use super::taken::Counted;
use crate::problem::Problem;
use crate::rest::{broken, duplex};
use crate::stream::{Next, Source};

/// What is read at once; it is kept as long as the session lasts.
const READ: usize = 4 << 10;

pub(super) type Socket = WebSocketStream<Counted<TokioIo<Upgraded>>>;

/// A call whose messages go over a WebSocket.
pub(super) struct Session {
    opening: Opening,
    bound: Bound,
    metadata: HeaderMap,
    time: Option<Duration>,
}

impl Session {
    pub(super) fn new(opening: Opening, bound: Bound, metadata: HeaderMap, time: Option<Duration>) -> Self {
        Self { opening, bound, metadata, time }
    }

    /// Runs it to its end.
    pub(super) async fn run(self, io: Upgraded) {
        let limit = self.opening.bounds.body;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let io = Counted::new(TokioIo::new(io));
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        // with the end of this the call is over, whatever its state
        let end = self.talk(&mut socket).await.unwrap_or_else(|end| end);
        end.say(&mut socket, &self.opening.render).await;
    }

    /// Carries messages both ways until either side has ended.
    async fn talk(&self, socket: &mut Socket) -> Result<End, End> {
        let (limits, bounds) = (&self.opening.policy.limits, self.opening.bounds);
        let begun = Requests::new(self.bound.clone(), bounds.body).map_err(End::failed);
        let (mut requests, first) = begun?;
        let (room, frames) = body();
        if let Some(first) = first {
            // there is room for one
            let _ = room.try_send(first);
        }
        let mut replies = self.call(frames);
        let over = self.time.map(|time| Instant::now() + time);
        let mut silence = Silence::new(limits.ping);
        loop {
            tokio::select! {
                next = replies.next() => {
                    let message = message(self.bound.route(), next)?;
                    self.send(socket, message, over).await?;
                }
                heard = hear(socket, &room, requests.are_open()) => {
                    silence.broken();
                    let (permit, heard) = heard?;
                    let item = heard.map_or(Ok(None), |heard| requests.read(&heard)).map_err(End::failed)?;
                    if let (Some(permit), Some(item)) = (permit, item) {
                        permit.send(item);
                    }
                }
                () = silence.lasts() => {
                    // who waits for the backend does not listen, and is not to blame the client
                    let listens = !requests.are_open() || room.capacity() > 0;
                    if silence.is_final() && listens {
                        return Err(End::Gone);
                    }
                    self.send(socket, Message::Ping(Bytes::new()), over).await?;
                }
            }
        }
    }

    /// Sends a message, unless the session ends before the client has taken it: at the deadline of the call, with the
    /// gateway, or because the client takes nothing.
    async fn send(&self, socket: &mut Socket, message: Message, over: Option<Instant>) -> Result<(), End> {
        let taken = socket.get_ref().taken().clone();
        let Opening { policy, ending, blocked, .. } = &self.opening;
        let failed = |status| Err(End::failed(Problem::backend(&status)));
        tokio::select! {
            biased;
            sent = socket.send(message) => sent.map_err(|_| End::Gone),
            () = ending.cancelled() => failed(resume_elsewhere()),
            () = sleep_until(over.unwrap_or_else(Instant::now)), if over.is_some() => failed(deadline::exceeded()),
            () = taken.stalled(policy.limits.stalled, blocked) => Err(End::Gone),
        }
    }

    /// What the backend says, from the time on that it is called.
    fn call(&self, frames: Frames) -> Source {
        let Opening { backend, principal, bounds, ending, .. } = &self.opening;
        let route = self.bound.route();
        let (method, metadata) = (route.method(), self.metadata.clone());
        let called = duplex::begin(backend, principal, method.path(), Body::new(frames), metadata, self.time);
        Source::new(route.clone(), backend.clone(), Box::pin(called), bounds.message, ending.clone())
    }
}

/// What the client is sent.
fn message(route: &Route, next: Next) -> Result<Message, End> {
    let reply = match next {
        Next::Message(reply) => reply,
        Next::End => return Err(End::Done),
        Next::Failed(problem) => return Err(End::Failed(problem)),
    };
    let refuse = |why: &dyn std::fmt::Display| End::failed(broken(route, why));
    let mut out = Vec::with_capacity(reply.len() * 2);
    match route.response(&reply, &mut out).map_err(|error| refuse(&error))? {
        ResponseBody::Json => {
            let text = Utf8Bytes::try_from(out).map_err(|error| refuse(&error))?;
            Ok(Message::Text(text))
        }
        ResponseBody::Raw { .. } => Ok(Message::Binary(out.into())),
    }
}

/// Waits for room for a message, where one may come, and then for what the client says: a message, or a sign of life.
async fn hear<'r>(
    socket: &mut Socket,
    room: &'r mpsc::Sender<Item>,
    open: bool,
) -> Result<(Option<Permit<'r, Item>>, Option<Bytes>), End> {
    // a backend that has answered takes no more: what comes is read away
    let permit = if open { room.reserve().await.ok() } else { None };
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Ok((permit, Some(text.into()))),
        Some(Ok(Message::Binary(data))) => Ok((permit, Some(data))),
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Ok(_)) => Ok((permit, None)),
        Some(Err(error)) => Err(End::of(&error)),
    }
}

/// How long the client has said nothing.
struct Silence {
    /// Silence before it is asked, and before it is taken for gone.
    limits: (Duration, Duration),
    until: Instant,
    asked: bool,
}

impl Silence {
    fn new(limits: (Duration, Duration)) -> Self {
        Self { limits, until: Instant::now() + limits.0, asked: false }
    }

    fn broken(&mut self) {
        self.asked = false;
        self.until = Instant::now() + self.limits.0;
    }

    async fn lasts(&self) {
        sleep_until(self.until).await;
    }

    /// Whether the client was asked before; it is now.
    fn is_final(&mut self) -> bool {
        self.until = Instant::now() + self.limits.1;
        std::mem::replace(&mut self.asked, true)
    }
}
