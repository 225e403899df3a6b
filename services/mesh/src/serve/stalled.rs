//! Ends streams whose peers do not read. HTTP/2 polls no body while its peer's window is full, so a body cannot end
//! itself at its deadline or in a drain: the task that sends it is dropped shortly after, which resets the stream.

use std::cell::RefCell;
use std::pin::Pin;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::drain::Drain;

/// How long a stream may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

type Over = Pin<Box<dyn Future<Output = ()> + Send>>;

tokio::task_local! {
    static LIMIT: RefCell<Option<oneshot::Sender<Over>>>;
}

/// Runs the streams of a connection, each as a task that [`limit`] can end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let (limit, limited) = oneshot::channel::<Over>();
        let over = async {
            match limited.await {
                Ok(over) => over.await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::spawn(LIMIT.scope(RefCell::new(Some(limit)), async {
            tokio::select! {
                biased;
                _ = stream => {}
                () = over => {}
            }
        }));
    }
}

/// Ends the running stream soon after its deadline, and soon after streams must end in a drain.
pub(super) fn limit(drain: Option<Drain>, at: Option<Instant>) {
    let over: Over = match (drain, at) {
        (None, None) => return,
        (None, Some(at)) => Box::pin(sleep_until(at + GRACE)),
        (Some(drain), None) => Box::pin(async move {
            drain.streams_end().await;
            sleep(GRACE).await;
        }),
        (Some(drain), Some(at)) => Box::pin(async move {
            tokio::select! {
                () = drain.streams_end() => sleep(GRACE).await,
                () = sleep_until(at + GRACE) => {}
            }
        }),
    };
    let limit = LIMIT.try_with(|limit| limit.borrow_mut().take()).ok().flatten();
    // whoever runs the pipeline elsewhere than on a connection has no stream to end
    if let Some(limit) = limit {
        let _ = limit.send(over);
    }
}
