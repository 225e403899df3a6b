//! A stream of a job's output, kept and new.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engine::{Error, LogEntry, LogQuery};
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::Shared;
use super::tail::Tail;

type Done = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn follow(
    shared: Arc<Shared>,
    query: LogQuery,
    done: Done,
) -> BoxStream<'static, Result<LogEntry, Error>> {
    let until = query.until;
    let start = Start { shared, query };
    let follower = Follower {
        state: State::New(Box::new(start)),
        done: Box::pin(async move {
            tokio::select! {
                () = done => {}
                () = passed(until) => {}
            }
        }),
        finishing: false,
        entries: VecDeque::new(),
    };
    stream::unfold(follower, async |mut follower| {
        let item = follower.next().await.transpose()?;
        Some((item, follower))
    })
    .boxed()
}

/// Waits until a time has passed; for ever when there is none.
async fn passed(until: Option<Timestamp>) {
    match until {
        Some(until) => {
            let wait = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
            tokio::time::sleep(wait).await;
        }
        None => pending().await,
    }
}

#[derive(Debug)]
struct Start {
    shared: Arc<Shared>,
    query: LogQuery,
}

enum State {
    New(Box<Start>),
    Open(Box<Tail>),
    Ended,
}

struct Follower {
    state: State,
    done: Done,
    /// Nothing will be written any more: what is there now is the rest.
    finishing: bool,
    entries: VecDeque<LogEntry>,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<LogEntry>, Error> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Ok(Some(entry));
            }
            // an error ends the stream: the state stays ended
            let tail = match std::mem::replace(&mut self.state, State::Ended) {
                State::New(start) => blocking(move || Tail::start(start.shared, start.query)).await?,
                State::Open(tail) => *tail,
                State::Ended => return Ok(None),
            };
            let (mut tail, entries) = blocking(move || read(tail)).await?;
            if entries.is_empty() {
                if self.finishing {
                    return Ok(None);
                }
                tail = self.wait(tail).await?;
            }
            self.entries = entries.into();
            self.state = State::Open(Box::new(tail));
        }
    }

    /// Waits for something to read.
    async fn wait(&mut self, mut tail: Tail) -> Result<Tail, Error> {
        tokio::select! {
            () = tail.changed() => return Ok(tail),
            () = &mut self.done => {}
        }
        self.finishing = true;
        blocking(move || {
            tail.look_again()?;
            Ok(tail)
        })
        .await
    }
}

fn read(mut tail: Tail) -> io::Result<(Tail, Vec<LogEntry>)> {
    let entries = tail.batch()?;
    Ok((tail, entries))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let result = spawn_blocking(work).await.map_err(|error| Error::failed("following output", error))?;
    result.map_err(|error| Error::failed("following output", error))
}
