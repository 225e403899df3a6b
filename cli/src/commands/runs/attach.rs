//! `toolforge runs attach`.

use api::jobs::v1::attach_run_response::Output;
use api::jobs::v1::{AttachExit, AttachRunRequest};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::failure::Failure;
use crate::session::Session;

/// Bytes of input that are sent at once.
const CHUNK: usize = 16 << 10;

/// Connects to a run; ends with its exit status.
pub(super) async fn run(session: &Session<'_>, name: String, stdin: bool) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(4);
    let first = AttachRunRequest { tool: session.tool(), name, input: Vec::new() };
    sender.send(first).await.map_err(|_| Failure::client("the request is gone"))?;
    if stdin {
        tokio::spawn(input(session.tool(), sender));
    }
    let mut runs = session.runs().await?;
    let mut outputs = runs.attach_run(ReceiverStream::new(receiver)).await?.into_inner();
    while let Some(message) = outputs.message().await? {
        match message.output {
            Some(Output::Stdout(bytes)) => session.printer.bytes(&bytes)?,
            Some(Output::Stderr(bytes)) => session.printer.error_bytes(&bytes),
            Some(Output::Exit(AttachExit { code })) => return ended(session, code),
            None => {}
        }
    }
    Ok(())
}

fn ended(session: &Session<'_>, code: Option<i32>) -> Result<(), Failure> {
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Told(u8::try_from(code).unwrap_or(1))),
        None => {
            session.printer.warning("the run has ended, its exit code is not known");
            Err(Failure::Told(2))
        }
    }
}

/// Sends standard input until its end. The request ends with it.
async fn input(tool: String, sender: mpsc::Sender<AttachRunRequest>) {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = stdin.read(&mut buffer).await {
        let input = buffer.get(..count).unwrap_or_default().to_vec();
        let message = AttachRunRequest { tool: tool.clone(), name: String::new(), input };
        if sender.send(message).await.is_err() {
            return;
        }
    }
}
