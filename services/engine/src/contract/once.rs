//! Workloads that run once.

use std::time::Duration;

use super::{Harness, QUIET, Watch, apply, changed, once};
use crate::{Command, Container, Engine, ExitReason, ExitStatus, Instance, Kind, Phase, WorkloadId};

/// How an instance ended.
fn exit(instance: &Instance) -> (Phase, ExitStatus, ExitReason) {
    match &instance.container {
        Container::Terminated(exit) => {
            assert!(exit.started.is_none_or(|started| started <= exit.finished), "{exit:?}");
            (instance.phase, exit.status, exit.reason)
        }
        other => panic!("it has not ended: {other:?}"),
    }
}

/// The exit code is the true one, and decides the phase.
pub async fn exit_codes_are_true(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let cases = [
        ("true", Phase::Succeeded, 0, ExitReason::Completed),
        ("exit 3", Phase::Failed, 3, ExitReason::Error),
        ("exit 255", Phase::Failed, 255, ExitReason::Error),
        ("no-such-command-anywhere", Phase::Failed, 127, ExitReason::Error),
    ];
    for (number, (script, phase, code, reason)) in cases.into_iter().enumerate() {
        let workload = once(env, &format!("exit-{number}"), script);
        apply(engine, &workload).await;
        let instance = watch.finished(&workload.id).await;
        assert_eq!(exit(&instance), (phase, ExitStatus::Code(code), reason), "{script}");
        assert!(!instance.ready && instance.restarts == 0);
        assert_eq!((instance.generation, instance.name.as_str()), (1, "job"));
        assert!(instance.id.0.starts_with("job-"), "{} begins with the name of the job", instance.id);
    }
    let words = Command::Argv(["sleep", "0"].map(str::to_owned).to_vec());
    let workload = changed(&once(env, "argv", ""), |workload| workload.command = words);
    apply(engine, &workload).await;
    assert_eq!(exit(&watch.finished(&workload.id).await).1, ExitStatus::Code(0));
}

/// A failure is tried again as often as asked, each time in a new instance; the failed ones can still be seen.
pub async fn retries_are_new_instances(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let mut workload = once(env, "retry", "exit 4");
    workload.kind = Kind::Once { retries: 1, deadline: None };
    let never = once(env, "no-retry", "exit 4");
    apply(engine, &workload).await;
    apply(engine, &never).await;
    let failed =
        |watch: &Watch<'_>| watch.of(&workload.id).iter().filter(|i| i.phase == Phase::Failed).count();
    watch.until("two failures", |watch| failed(watch) == 2).await;
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id).len(), 2, "no more than one retry");
    assert_eq!(watch.ids(&never.id).len(), 1, "no retry, in the time of one");
}

/// A success is not tried again.
pub async fn success_ends_the_retries(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let mut workload = once(env, "success", "true");
    workload.kind = Kind::Once { retries: 5, deadline: None };
    apply(engine, &workload).await;
    watch.finished(&workload.id).await;
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id).len(), 1);
}

/// A deadline ends the process and the retries, and is the reason.
pub async fn a_deadline_ends_it(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let mut workload = once(env, "deadline", "sleep 1000");
    workload.kind = Kind::Once { retries: 3, deadline: Some(Duration::from_secs(1)) };
    apply(engine, &workload).await;
    let instance = watch.finished(&workload.id).await;
    let (phase, _, reason) = exit(&instance);
    assert_eq!((phase, reason), (Phase::Failed, ExitReason::DeadlineExceeded));
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id).len(), 1, "no retry after a deadline");
}

/// Applying again what has finished starts nothing.
pub async fn finished_is_not_started_again(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "again", "true");
    apply(engine, &workload).await;
    let instance = watch.finished(&workload.id).await;
    apply(engine, &workload).await;
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id), [instance.id]);
}

/// A deleted instance reports its end before it is gone; deleting again, or what never was, is fine.
pub async fn delete_is_idempotent_and_reports_the_end(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "delete", "sleep 1000");
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    let id = watch.ids(&workload.id).remove(0);
    engine.delete(&workload.id).await.expect("it is deleted");
    engine.delete(&workload.id).await.expect("deleting again is fine");
    watch.until("gone", |watch| watch.gone.contains_key(&id)).await;
    let (_, status, reason) = exit(&watch.gone[&id]);
    assert_eq!((status, reason), (ExitStatus::Code(143), ExitReason::Stopped));
    let finished = once(env, "delete-finished", "true");
    apply(engine, &finished).await;
    let instance = watch.finished(&finished.id).await;
    engine.delete(&finished.id).await.expect("what has finished is deleted too");
    watch.until("gone", |watch| watch.gone.contains_key(&instance.id)).await;
    engine.delete(&WorkloadId("never-applied".to_owned())).await.expect("an unknown workload is fine");
}

/// A process that ignores the polite signal is killed after its grace.
pub async fn a_stubborn_process_is_killed_after_its_grace(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = once(env, "stubborn", "trap '' TERM; echo ready; sleep 1000");
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    // the trap is set before the line is written
    let mut lines = engine.follow(super::output_of(&workload)).await.expect("output can be followed");
    super::watch::next(env, &mut lines).await.expect("a line");
    let id = watch.ids(&workload.id).remove(0);
    let begin = env.now();
    engine.delete(&workload.id).await.expect("it is deleted");
    watch.until("gone", |watch| watch.gone.contains_key(&id)).await;
    assert_eq!(exit(&watch.gone[&id]).1, ExitStatus::Code(137));
    assert!(
        Duration::try_from(env.now().duration_since(begin)).unwrap() >= workload.grace,
        "not before its grace"
    );
}
