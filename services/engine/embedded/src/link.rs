//! The connection to the shim that holds a run.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine_shim::protocol::{self, Decoder, Event, Message, Request, State, VERSION};
use engine_shim::{ExitRecord, Started};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// Requests and bytes that may wait for the shim to read them.
const WAITING: usize = 64;
/// Messages that may wait to be taken.
const PENDING: usize = 64;
const BUFFER: usize = 64 * 1024;

/// What a run's shim says about the run itself.
#[derive(Debug)]
pub(crate) enum Word {
    /// The program was executed.
    Started(Started),
    /// The run ended, durably recorded.
    Exited(ExitRecord),
    /// Bytes of standard output, where the connection is attached.
    Stdout(Vec<u8>),
    /// Bytes of standard error, where the connection is attached.
    Stderr(Vec<u8>),
}

/// A connection. Words end when the shim has left.
#[derive(Debug)]
pub(crate) struct Link {
    frames: mpsc::Sender<Vec<u8>>,
    answers: Arc<Answers>,
    number: AtomicU64,
}

/// Who waits for which answer.
#[derive(Debug, Default)]
struct Answers {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

#[derive(Debug)]
enum Answer {
    Exec { code: Option<i32>, message: Option<String> },
    Socket(OwnedFd),
    Failed(String),
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        // insertions and removals only: a panic elsewhere leaves the map whole
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, id: u64, answer: Answer) {
        if let Some(waiting) = self.lock().remove(&id) {
            // who asked may have left
            let _ = waiting.send(answer);
        }
    }
}

impl Link {
    /// Connects to the shim that holds `run` and says hello.
    pub(crate) async fn connect(run: &Path) -> io::Result<(Arc<Self>, mpsc::Receiver<Word>)> {
        let directory: PathBuf = run.to_owned();
        let stream = tokio::task::spawn_blocking(move || engine_shim::connect(&directory))
            .await
            .map_err(io::Error::other)??;
        stream.set_nonblocking(true)?;
        let stream = Arc::new(UnixStream::from_std(stream)?);
        let (frames, outgoing) = mpsc::channel(WAITING);
        let (words, receiver) = mpsc::channel(PENDING);
        let answers = Arc::new(Answers::default());
        tokio::spawn(write(Arc::clone(&stream), outgoing));
        tokio::spawn(read(stream, Arc::clone(&answers), words));
        let link = Arc::new(Self { frames, answers, number: AtomicU64::new(1) });
        link.send(&Request::Hello { version: VERSION }).await?;
        Ok((link, receiver))
    }

    /// Sends a request that has no answer of its own.
    pub(crate) async fn send(&self, request: &Request) -> io::Result<()> {
        let mut frame = Vec::new();
        protocol::encode_request(request, &mut frame).map_err(io::Error::other)?;
        self.frames.send(frame).await.map_err(|_| left())
    }

    /// Sends bytes to the run's standard input.
    pub(crate) async fn input(&self, bytes: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        protocol::encode_input(bytes, &mut frame);
        self.frames.send(frame).await.map_err(|_| left())
    }

    /// Runs a command beside the run, and gives its exit code.
    pub(crate) async fn exec(&self, argv: Vec<String>, timeout: Duration) -> io::Result<i32> {
        let ask = |id| Request::Exec { id, argv, timeout };
        match self.ask(ask).await? {
            Answer::Exec { code: Some(code), .. } => Ok(code),
            Answer::Exec { message, .. } => {
                Err(io::Error::other(message.unwrap_or_else(|| "it did not end".to_owned())))
            }
            Answer::Failed(message) => Err(io::Error::other(message)),
            Answer::Socket(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Connects to a port on the run's own loopback.
    pub(crate) async fn dial(&self, port: u16) -> io::Result<TcpStream> {
        match self.ask(|id| Request::Connect { id, port }).await? {
            Answer::Socket(socket) => TcpStream::from_std(std::net::TcpStream::from(socket)),
            Answer::Failed(message) => Err(io::Error::other(message)),
            Answer::Exec { .. } => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    async fn ask(&self, request: impl FnOnce(u64) -> Request) -> io::Result<Answer> {
        let id = self.number.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.answers.lock().insert(id, sender);
        let forget = Forget { answers: &self.answers, id };
        self.send(&request(id)).await?;
        let answer = receiver.await.map_err(|_| left());
        drop(forget);
        answer
    }
}

/// Takes a question back when whoever asked stops waiting.
struct Forget<'a> {
    answers: &'a Answers,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.answers.lock().remove(&self.id);
    }
}

fn left() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the holder of the instance has left")
}

async fn write(stream: Arc<UnixStream>, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            match stream.async_io(Interest::WRITABLE, || stream.try_write(rest)).await {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) => return,
            }
        }
    }
    // nobody has this link any more: the shim learns it, and the reading side ends
    let _ = rustix::net::shutdown(stream.as_ref(), rustix::net::Shutdown::Both);
}

async fn read(stream: Arc<UnixStream>, answers: Arc<Answers>, words: mpsc::Sender<Word>) {
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; BUFFER];
    let mut descriptors = Vec::new();
    loop {
        let got = stream
            .async_io(Interest::READABLE, || protocol::receive(&stream, &mut buffer, &mut descriptors))
            .await;
        let got = match got {
            Ok(0) | Err(_) => break,
            Ok(got) => got,
        };
        decoder.push(buffer.get(..got).unwrap_or_default(), descriptors.drain(..));
        loop {
            match decoder.next() {
                Ok(Some(message)) => {
                    if let Some(word) = sort(message, &answers)
                        && words.send(word).await.is_err()
                    {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "the holder of an instance cannot be understood");
                    answers.lock().clear();
                    return;
                }
            }
        }
    }
    answers.lock().clear();
}

/// Gives answers to who asked, and keeps what is about the run.
fn sort(message: Message, answers: &Answers) -> Option<Word> {
    match message {
        Message::Stdout(bytes) => Some(Word::Stdout(bytes)),
        Message::Stderr(bytes) => Some(Word::Stderr(bytes)),
        Message::Connected { id, socket } => {
            answers.give(id, Answer::Socket(socket));
            None
        }
        Message::Event(event) => match event {
            Event::Started { started } | Event::Welcome { state: State::Running { started }, .. } => {
                Some(Word::Started(started))
            }
            Event::Exited { record } | Event::Welcome { state: State::Exited { record }, .. } => {
                Some(Word::Exited(record))
            }
            Event::ExecDone { id, code, message } => {
                answers.give(id, Answer::Exec { code, message });
                None
            }
            Event::ConnectFailed { id, message } => {
                answers.give(id, Answer::Failed(message));
                None
            }
            Event::Refused { message } => {
                tracing::warn!(message, "the holder of an instance refused a request");
                None
            }
            Event::Welcome { state: State::Starting, .. }
            | Event::Connected { .. }
            | Event::Lagged { .. } => None,
        },
    }
}
