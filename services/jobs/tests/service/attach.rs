//! Attaching to a run: input goes in, output comes out, the exit comes last.

use api::jobs::v1::attach_run_response::Output;
use api::jobs::v1::{AttachExit, AttachRunRequest, RunJobRequest, RunState};
use futures_util::stream;
use tokio::sync::mpsc;
use tonic::{Code, Status};

use crate::world::{Refused, World, next, one_off, scheduled};

fn message(name: &str, input: &str) -> AttachRunRequest {
    AttachRunRequest { tool: "alpha".into(), name: name.into(), input: input.as_bytes().to_vec() }
}

/// A run that copies its input.
async fn cat(world: &World) -> String {
    world.create(scheduled("a", "cat")).await.unwrap();
    let request =
        RunJobRequest { tool: "alpha".into(), name: "a".into(), stdin: Some(true), ..Default::default() };
    world.jobs().run_job(request).await.unwrap();
    world.run_in("a", RunState::Running).await.name
}

/// Sends messages one by one.
fn requests() -> (mpsc::Sender<AttachRunRequest>, impl futures_util::Stream<Item = AttachRunRequest> + Send) {
    let (send, receive) = mpsc::channel(8);
    let messages = stream::unfold(receive, async |mut receive: mpsc::Receiver<AttachRunRequest>| {
        receive.recv().await.map(|message| (message, receive))
    });
    (send, Box::pin(messages))
}

#[tokio::test]
async fn what_is_sent_comes_back_and_the_end_of_input_is_the_end() {
    let world = World::new().await;
    let name = cat(&world).await;
    let (send, messages) = requests();
    send.send(message(&name, "one\n")).await.unwrap();
    let mut output = world.runs().attach_run(messages).await.unwrap().into_inner();
    assert_eq!(next(&mut output).await.unwrap().output, Some(Output::Stdout(b"one\n".to_vec())));
    let more = AttachRunRequest { tool: String::new(), name: String::new(), ..message("", "two\n") };
    send.send(more).await.unwrap();
    assert_eq!(next(&mut output).await.unwrap().output, Some(Output::Stdout(b"two\n".to_vec())));
    drop(send);
    let exit = Output::Exit(AttachExit { code: Some(0) });
    assert_eq!(next(&mut output).await.unwrap().output, Some(exit));
    assert_eq!(output.message().await.unwrap(), None);
}

#[tokio::test]
async fn another_tool_in_a_later_message_ends_the_call() {
    let world = World::new().await;
    let name = cat(&world).await;
    let (send, messages) = requests();
    send.send(message(&name, "one\n")).await.unwrap();
    let mut output = world.runs().attach_run(messages).await.unwrap().into_inner();
    next(&mut output).await.unwrap();
    send.send(AttachRunRequest { tool: "beta".into(), ..message(&name, "stolen\n") }).await.unwrap();
    let found = Refused::by(next(&mut output).await);
    assert_eq!((found.code, found.fields), (Code::InvalidArgument, vec!["tool".to_owned()]));
}

#[tokio::test]
async fn a_run_without_input_can_be_looked_at() {
    let world = World::new().await;
    world.create(one_off("a", "sleep 1; echo hello; exit 4")).await.unwrap();
    let name = world.run_in("a", RunState::Running).await.name;
    let (send, messages) = requests();
    send.send(message(&name, "")).await.unwrap();
    let mut output = world.runs().attach_run(messages).await.unwrap().into_inner();
    world.advance(1);
    assert_eq!(next(&mut output).await.unwrap().output, Some(Output::Stdout(b"hello\n".to_vec())));
    let exit = Output::Exit(AttachExit { code: Some(4) });
    assert_eq!(next(&mut output).await.unwrap().output, Some(exit));
}

#[tokio::test]
async fn only_what_runs_can_be_attached_to() {
    let world = World::new().await;
    world.create(one_off("a", "true")).await.unwrap();
    let name = world.run_in("a", RunState::Succeeded).await.name;
    let attach = |name: &str| {
        let first = message(name, "");
        async { world.runs().attach_run(stream::iter([first])).await.map(drop) }
    };
    let found = Refused::by(attach(&name).await);
    assert_eq!(found.parts(), (Code::FailedPrecondition, "RUN_NOT_OPEN", Some(409), vec![]));
    let found = Refused::by(attach("a-1").await);
    assert_eq!(found.parts(), (Code::NotFound, "RUN_NOT_FOUND", None, vec![]));
}

#[tokio::test]
async fn a_call_without_a_message_is_refused() {
    let world = World::new().await;
    let mut runs = api::jobs::v1::runs_client::RunsClient::new(world.channel("admin:root"));
    let result: Result<_, Status> = runs.attach_run(stream::iter([])).await.map(drop);
    let found = Refused::by(result);
    assert_eq!((found.code, found.fields), (Code::InvalidArgument, vec!["name".to_owned()]));
}
