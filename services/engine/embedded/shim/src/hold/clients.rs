//! The connections of supervisors.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags};
use rustix::net::{SendFlags, send, sockopt};
use rustix::process::geteuid;

use crate::protocol::{
    Event, Frames, Kind, Request, encode_event, encode_output, receive, send_with_descriptor,
};

/// Most connections at a time.
const MAX_CLIENTS: usize = 32;

/// A connection that leaves more than this unread gets no output until it has read.
const MAX_WAITING_OUTPUT: usize = 256 * 1024;

/// A connection that leaves more than this unread is closed.
const MAX_WAITING: usize = 2 * MAX_WAITING_OUTPUT;

/// What a client wants.
#[derive(Debug)]
pub(super) enum Wanted {
    Request(Request),
    Input(Vec<u8>),
    /// It could not be understood.
    Unknown(String),
}

/// Bytes that were not taken yet, with the descriptor that belongs to the first of them.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    sent: usize,
    descriptor: Option<OwnedFd>,
}

#[derive(Debug)]
struct Client {
    token: u64,
    stream: UnixStream,
    frames: Frames,
    waiting: VecDeque<Chunk>,
    /// Bytes in `waiting`.
    size: usize,
    greeted: bool,
    attached: bool,
    /// It sends input: nothing is read from it while the run does not read.
    feeds: bool,
    lagged: u64,
    gone: bool,
}

/// All connections and the socket where they come in.
#[derive(Debug)]
pub(super) struct Clients {
    listener: UnixListener,
    list: Vec<Client>,
    next: u64,
    buffer: Vec<u8>,
}

impl Clients {
    pub(super) fn new(listener: UnixListener) -> Self {
        Self { listener, list: Vec::new(), next: 0, buffer: vec![0; 8 * 1024] }
    }

    /// Adds what has to be waited for; [`serve`](Self::serve) wants its answers in the same order.
    pub(super) fn register<'a>(&'a self, fds: &mut Vec<PollFd<'a>>, input_is_full: bool) {
        fds.push(PollFd::new(&self.listener, PollFlags::IN));
        for client in &self.list {
            let mut flags = PollFlags::empty();
            if !(client.feeds && input_is_full) {
                flags |= PollFlags::IN;
            }
            if !client.waiting.is_empty() {
                flags |= PollFlags::OUT;
            }
            fds.push(PollFd::new(&client.stream, flags));
        }
    }

    /// Reads, writes and accepts as `events` say, and gives what was asked, with the token of who asked.
    pub(super) fn serve(&mut self, events: &[PollFlags]) -> Vec<(u64, Wanted)> {
        let mut wanted = Vec::new();
        let mut events = events.iter();
        let arrivals = events.next().is_some_and(|flags| !flags.is_empty());
        for (client, flags) in self.list.iter_mut().zip(events) {
            if flags.contains(PollFlags::OUT) {
                client.write();
            }
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                client.read(&mut self.buffer, &mut wanted);
            }
        }
        self.list.retain(|client| !client.gone);
        if arrivals {
            self.accept();
        }
        wanted
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let own = geteuid().as_raw();
            let allowed = sockopt::socket_peercred(&stream)
                .is_ok_and(|peer| peer.uid.is_root() || peer.uid.as_raw() == own);
            if allowed && self.list.len() < MAX_CLIENTS && stream.set_nonblocking(true).is_ok() {
                self.next += 1;
                self.list.push(Client::new(self.next, stream));
            }
        }
    }

    /// Whether it has said hello; notes that it does with `hello`.
    pub(super) fn greet(&mut self, token: u64, hello: bool) -> bool {
        let Some(client) = self.find(token) else { return false };
        client.greeted |= hello;
        client.greeted
    }

    pub(super) fn attach(&mut self, token: u64) {
        if let Some(client) = self.find(token) {
            client.attached = true;
        }
    }

    pub(super) fn send(&mut self, token: u64, event: &Event, descriptor: Option<OwnedFd>) {
        if let Some(client) = self.find(token) {
            client.event(event, descriptor);
        }
    }

    /// Tells everybody who has said hello.
    pub(super) fn broadcast(&mut self, event: &Event) {
        for client in self.list.iter_mut().filter(|client| client.greeted) {
            client.event(event, None);
        }
    }

    /// Sends output to everybody who is attached and not too slow.
    pub(super) fn output(&mut self, kind: Kind, bytes: &[u8]) {
        for client in self.list.iter_mut().filter(|client| client.attached) {
            if client.size > MAX_WAITING_OUTPUT {
                client.lagged += bytes.len() as u64;
                continue;
            }
            client.tell_lag();
            let mut frame = Vec::with_capacity(bytes.len() + 5);
            encode_output(kind, bytes, &mut frame);
            client.push(frame, None);
        }
    }

    /// Everything was sent.
    pub(super) fn are_served(&self) -> bool {
        self.list.iter().all(|client| client.waiting.is_empty())
    }

    fn find(&mut self, token: u64) -> Option<&mut Client> {
        self.list.iter_mut().find(|client| client.token == token)
    }
}

impl Client {
    fn new(token: u64, stream: UnixStream) -> Self {
        Self {
            token,
            stream,
            frames: Frames::default(),
            waiting: VecDeque::new(),
            size: 0,
            greeted: false,
            attached: false,
            feeds: false,
            lagged: 0,
            gone: false,
        }
    }

    /// One buffer full at a time, so that nobody keeps the others waiting.
    fn read(&mut self, buffer: &mut [u8], wanted: &mut Vec<(u64, Wanted)>) {
        let mut descriptors = Vec::new();
        match receive(&self.stream, buffer, &mut descriptors) {
            Ok(got) if got > 0 => self.frames.push(buffer.get(..got).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            _ => self.gone = true,
        }
        loop {
            let next = match self.frames.next() {
                Ok(None) => break,
                Ok(Some((Kind::Json, payload))) => match serde_json::from_slice(payload) {
                    Ok(request) => Wanted::Request(request),
                    Err(error) => Wanted::Unknown(error.to_string()),
                },
                Ok(Some((Kind::Stdin, payload))) => {
                    self.feeds = true;
                    Wanted::Input(payload.to_vec())
                }
                // from here on nothing can be understood
                Ok(Some(_)) | Err(_) => {
                    self.gone = true;
                    break;
                }
            };
            wanted.push((self.token, next));
        }
    }

    fn event(&mut self, event: &Event, descriptor: Option<OwnedFd>) {
        self.tell_lag();
        let mut frame = Vec::new();
        if encode_event(event, &mut frame).is_ok() {
            self.push(frame, descriptor);
        }
    }

    fn tell_lag(&mut self) {
        let bytes = std::mem::take(&mut self.lagged);
        let mut frame = Vec::new();
        if bytes > 0 && encode_event(&Event::Lagged { bytes }, &mut frame).is_ok() {
            self.push(frame, None);
        }
    }

    fn push(&mut self, bytes: Vec<u8>, descriptor: Option<OwnedFd>) {
        self.size += bytes.len();
        self.waiting.push_back(Chunk { bytes, sent: 0, descriptor });
        self.write();
        if self.size > MAX_WAITING {
            self.gone = true;
            self.waiting.clear();
        }
    }

    fn write(&mut self) {
        while let Some(chunk) = self.waiting.front_mut() {
            let rest = chunk.bytes.get(chunk.sent..).unwrap_or_default();
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            let sent = match &chunk.descriptor {
                Some(descriptor) => send_with_descriptor(&self.stream, rest, descriptor.as_fd()),
                None => send(&self.stream, rest, flags).map_err(io::Error::from),
            };
            match sent {
                Ok(sent) => {
                    chunk.descriptor = None;
                    chunk.sent += sent;
                    self.size -= sent;
                    if chunk.sent >= chunk.bytes.len() {
                        self.waiting.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
    }
}
