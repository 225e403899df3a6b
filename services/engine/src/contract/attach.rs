//! Standard streams of a running instance, and signals.

use bytes::{Bytes, BytesMut};

use super::watch::next;
use super::{Harness, Watch, apply, changed, collect, once};
use crate::{Container, Engine, ExitStatus, InstanceId, Output, Phase, Signal, Workload};

/// Starts a workload and waits for its instance.
async fn running(engine: &dyn Engine, watch: &mut Watch<'_>, workload: &Workload) -> InstanceId {
    apply(engine, workload).await;
    watch.until_ready(&workload.id, 1).await;
    watch.ids(&workload.id).remove(0)
}

/// What is sent in arrives, what is written comes out, and closing the input is seen.
pub async fn attach_carries_both_directions(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = changed(&once(env, "cat", "cat"), |workload| workload.stdin = true);
    let id = running(engine, &mut watch, &workload).await;
    let mut attached = engine.attach(&id).await.expect("it can be attached to");
    let input = attached.input.take().expect("input is open");
    input.send(Bytes::from_static(b"hello\nworld\n")).await.expect("it is taken");
    let mut written = BytesMut::new();
    while written.len() < 12 {
        match next(env, &mut attached.output).await {
            Output::Stdout(bytes) => written.extend_from_slice(&bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(written, "hello\nworld\n");
    drop(input);
    let rest = collect(env, attached.output).await;
    assert_eq!(rest, [Output::Exited(ExitStatus::Code(0))], "cat ends with its input");
    assert_eq!(watch.finished(&workload.id).await.phase, Phase::Succeeded);
}

/// Whoever is attached sees output from then on, and how the process ends; then the stream ends.
pub async fn attach_tells_the_exit(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "exit", "sleep 2; echo late >&2; exit 7");
    let id = running(engine, &mut watch, &workload).await;
    let first = engine.attach(&id).await.expect("it can be attached to");
    let second = engine.attach(&id).await.expect("by several");
    for attached in [first, second] {
        let seen = collect(env, attached.output).await;
        let expected = [Output::Stderr(Bytes::from_static(b"late\n")), Output::Exited(ExitStatus::Code(7))];
        assert_eq!(seen, expected);
    }
}

/// Without being asked for, standard input is not open: whoever reads it sees its end at once.
pub async fn no_standard_input_unless_asked(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "no-stdin", "cat; sleep 1000");
    let id = running(engine, &mut watch, &workload).await;
    let attached = engine.attach(&id).await.expect("it can be attached to");
    assert!(attached.input.is_none());
    let reader = once(env, "reader", "cat");
    apply(engine, &reader).await;
    assert_eq!(watch.finished(&reader.id).await.phase, Phase::Succeeded);
}

/// A signal reaches the process; an end by it is told as shells do.
pub async fn signals_reach_the_process(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let cases =
        [(Signal::Terminate, 143), (Signal::Kill, 137), (Signal::Hangup, 129), (Signal::Interrupt, 130)];
    for (signal, code) in cases {
        let workload = once(env, &format!("signal-{code}"), "exec sleep 1000");
        let id = running(engine, &mut watch, &workload).await;
        engine.signal(&id, signal).await.expect("it is sent");
        match watch.finished(&workload.id).await.container {
            Container::Terminated(exit) => assert_eq!(exit.status, ExitStatus::Code(code), "{signal:?}"),
            other => panic!("{other:?}"),
        }
    }
}
