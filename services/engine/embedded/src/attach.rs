//! Connects a caller to the standard streams of a run.

use std::path::Path;
use std::sync::Arc;

use async_stream::stream;
use bytes::Bytes;
use engine::{Attachment, ExitStatus, Output};
use engine_shim::protocol::Request;
use tokio::sync::mpsc;

use crate::link::{Link, Word};
use crate::task::Task;

/// Pieces of input that may wait for the run to read them.
const WAITING: usize = 16;

/// Attaches to the run in this directory, on a connection of its own: a caller that is slow loses its own output only.
pub(crate) async fn attach(run: &Path, stdin: bool) -> std::io::Result<Attachment> {
    let (link, mut words) = Link::connect(run).await?;
    link.send(&Request::Attach).await?;
    let (input, task) = if stdin {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Some(sender), Some(Task::spawn(forward(Arc::clone(&link), receiver))))
    } else {
        (None, None)
    };
    let output = stream! {
        // the connection, and what forwards input, live as long as the output is read
        let _held = (link, task);
        while let Some(word) = words.recv().await {
            match word {
                Word::Started(_) => {}
                Word::Stdout(bytes) => yield Output::Stdout(Bytes::from(bytes)),
                Word::Stderr(bytes) => yield Output::Stderr(Bytes::from(bytes)),
                Word::Exited(record) => {
                    yield Output::Exited(record.code.map_or(ExitStatus::Unknown, ExitStatus::Code));
                    return;
                }
            }
        }
        // the shim died: nobody knows how the run ended
        yield Output::Exited(ExitStatus::Unknown);
    };
    Ok(Attachment { input, output: Box::pin(output) })
}

async fn forward(link: Arc<Link>, mut input: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = input.recv().await {
        if link.input(&bytes).await.is_err() {
            return;
        }
    }
    // a run that has ended takes no input, and needs none
    let _ = link.send(&Request::CloseInput).await;
}
