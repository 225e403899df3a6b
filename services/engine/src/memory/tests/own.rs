//! What the memory engine has beyond the contract: exact times, scripts, faults.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::{Command, Container, Instance, Kind, Mounts, Phase, Probe, ProbeCheck, Resources};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn workload(kind: Kind, script: &str) -> Workload {
    Workload {
        id: WorkloadId("w".to_owned()),
        generation: 1,
        tool: "alpha".to_owned(),
        name: "job".to_owned(),
        kind,
        image: "tf-bookworm".to_owned(),
        command: Command::Shell(script.to_owned()),
        env: Vec::new(),
        secrets: false,
        mounts: Mounts::None,
        resources: Resources {
            cpu_request_millis: 1,
            cpu_limit_millis: 1,
            memory_request_bytes: 1,
            memory_limit_bytes: 1,
        },
        probe: None,
        port: None,
        expose: None,
        grace: secs(15),
        stdin: false,
    }
}

const ONE: Kind = Kind::Always { replicas: 1 };

fn once(retries: u32, deadline: Option<Duration>) -> Kind {
    Kind::Once { retries, deadline }
}

/// An engine whose processes do what a function says.
fn scripted(choose: impl Fn(u32) -> Script + Send + Sync + 'static) -> (Memory, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let options = Options { choose: Box::new(move |_, attempt| choose(attempt)), ..Options::default() };
    (Memory::with(&clock, options), clock)
}

fn plain() -> (Memory, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    (Memory::new(&clock), clock)
}

/// What holds now; nothing in this engine makes a call wait.
fn snapshot(engine: &Memory) -> Vec<Observation> {
    let stream = engine.observe().now_or_never().unwrap().unwrap();
    let known = stream.take_while(|seen| std::future::ready(*seen != Observation::Synced));
    known.collect::<Vec<_>>().now_or_never().unwrap()
}

fn instances(engine: &Memory) -> Vec<Instance> {
    let only = |seen| match seen {
        Observation::Instance(instance) => Some(instance),
        _ => None,
    };
    snapshot(engine).into_iter().filter_map(only).collect()
}

fn apply(engine: &Memory, workload: Workload) {
    engine.apply(workload).now_or_never().unwrap().unwrap();
}

#[test]
fn restarts_back_off_and_start_over_after_ten_minutes() {
    let (engine, clock) = plain();
    apply(&engine, workload(ONE, "sleep 1; exit 1"));
    let mut starts = Vec::new();
    for second in 0..85 {
        if let Container::Running { started } = instances(&engine)[0].container {
            starts.push(started.as_second());
        }
        clock.advance(secs(1));
        assert_eq!(clock.now().as_second(), second + 1);
    }
    starts.dedup();
    assert_eq!(starts, [0, 1, 12, 33, 74]);
    assert_eq!(instances(&engine)[0].restarts, 4);
    let waiting = instances(&engine)[0].message.clone();
    assert_eq!(waiting.as_deref(), Some("back-off 80s before restart"));
}

#[test]
fn retries_wait_and_a_deadline_ends_the_waiting() {
    let (engine, clock) = plain();
    apply(&engine, workload(once(5, Some(secs(40))), "exit 1"));
    let mut counts = Vec::new();
    for _ in 0..120 {
        counts.push(instances(&engine).len());
        clock.advance(secs(1));
    }
    let at = |count: usize| counts.iter().position(|seen| *seen == count);
    assert_eq!([at(1), at(2), at(3), at(4)], [Some(0), Some(10), Some(30), None]);
}

#[test]
fn a_process_may_start_late_run_and_say_things_at_its_times() {
    let (engine, clock) =
        scripted(|_| Script { start_after: secs(5), ..Script::parse("sleep 2; echo x; exit 9") });
    apply(&engine, workload(once(0, None), ""));
    assert_eq!(instances(&engine)[0].container, Container::Absent);
    clock.advance(secs(100));
    let instance = instances(&engine).remove(0);
    let Container::Terminated(exit) = instance.container else {
        panic!("it ended");
    };
    let times =
        (exit.started.map(Timestamp::as_second), exit.finished.as_second(), instance.changed.as_second());
    assert_eq!(times, (Some(5), 7, 7));
}

#[test]
fn http_probes_follow_the_script() {
    let healthy = Script { healthy_after: Some(secs(3)), healthy_until: Some(secs(60)), ..Script::forever() };
    let (engine, clock) = scripted(move |_| healthy.clone());
    let mut web = workload(ONE, "");
    web.probe = Some(Probe::new(ProbeCheck::Http { path: "/".to_owned(), port: 8000 }));
    apply(&engine, web);
    clock.advance(secs(2));
    assert!(!instances(&engine)[0].ready);
    clock.advance(secs(1));
    assert!(instances(&engine)[0].ready);
    clock.advance(secs(79));
    assert_eq!(instances(&engine)[0].restarts, 0);
    clock.advance(secs(2));
    let instance = instances(&engine).remove(0);
    assert_eq!(instance.restarts, 1);
    assert_eq!(instance.last_exit.unwrap().reason, ExitReason::Unhealthy);
}

#[test]
fn an_instance_that_cannot_run_says_why() {
    let broken = || Script { cannot_run: Some("no such file".to_owned()), ..Script::default() };
    let (engine, _clock) = scripted(move |attempt| if attempt == 0 { broken() } else { Script::default() });
    apply(&engine, workload(once(0, None), ""));
    let instance = instances(&engine).remove(0);
    assert_eq!((instance.phase, instance.message.as_deref()), (Phase::Failed, Some("no such file")));
    let Container::Terminated(exit) = instance.container else {
        panic!("it ended");
    };
    assert_eq!((exit.status, exit.reason), (ExitStatus::Unknown, ExitReason::CannotRun));
}

#[test]
fn a_refusal_is_a_condition_until_it_is_taken_back() {
    let (engine, _clock) = plain();
    engine.refuse(Some(ConditionKind::OutOfQuota(vec!["pods".to_owned()])));
    apply(&engine, workload(ONE, "sleep 10"));
    let kinds = |engine: &Memory| -> Vec<ConditionKind> {
        let only = |seen| match seen {
            Observation::Condition(condition) => Some(condition.kind),
            _ => None,
        };
        snapshot(engine).into_iter().filter_map(only).collect()
    };
    assert!(instances(&engine).is_empty());
    assert_eq!(kinds(&engine), [ConditionKind::OutOfQuota(vec!["pods".to_owned()])]);
    engine.refuse(None);
    assert_eq!(instances(&engine).len(), 1);
    assert_eq!(kinds(&engine), [ConditionKind::Progressing]);
}

#[test]
fn a_fault_is_given_once() {
    let (engine, _clock) = plain();
    engine.fail_next(Call::Apply, Error::Unavailable("draining".to_owned()));
    let result = engine.apply(workload(ONE, "sleep 10")).now_or_never().unwrap();
    assert!(matches!(result, Err(Error::Unavailable(_))));
    assert!(engine.workloads().is_empty());
    apply(&engine, workload(ONE, "sleep 10"));
    assert_eq!(engine.workloads().len(), 1);
}

#[test]
fn a_slow_observer_is_ended_after_what_it_missed_nothing_of() {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let engine = Memory::with(&clock, Options { observer_capacity: 3, ..Options::default() });
    let stream = engine.observe().now_or_never().unwrap().unwrap();
    apply(&engine, workload(ONE, "sleep 1; exit 1"));
    clock.advance(secs(1000));
    let seen = stream.collect::<Vec<_>>().now_or_never().unwrap();
    assert_eq!(seen.len(), 1 + 3, "synced, as many changes as fit, and the end");
}

#[test]
fn an_update_has_at_most_one_instance_too_many() {
    let (engine, clock) = scripted(|_| Script { start_after: secs(1), ..Script::forever() });
    apply(&engine, workload(Kind::Always { replicas: 3 }, "old"));
    clock.advance(secs(2));
    let mut new = workload(Kind::Always { replicas: 3 }, "new");
    new.generation = 2;
    apply(&engine, new);
    for _ in 0..40 {
        assert!(instances(&engine).len() <= 4);
        assert!(instances(&engine).iter().filter(|instance| instance.ready).count() >= 3);
        clock.advance(Duration::from_millis(100));
    }
    assert!(instances(&engine).iter().all(|instance| instance.generation == 2));
    assert_eq!(instances(&engine).len(), 3);
}

#[test]
fn an_instance_can_be_lost() {
    let (engine, clock) = plain();
    apply(&engine, workload(ONE, "sleep 1000"));
    let id = instances(&engine)[0].id.clone();
    engine.end(&id, ExitStatus::Unknown, ExitReason::Lost);
    clock.advance(secs(1));
    let instance = instances(&engine).remove(0);
    assert_eq!((instance.restarts, instance.last_exit.unwrap().reason), (1, ExitReason::Lost));
}

#[test]
fn the_same_calls_give_the_same_result() {
    let run = || {
        let (engine, clock) = plain();
        let stream = engine.observe().now_or_never().unwrap().unwrap();
        apply(&engine, workload(Kind::Always { replicas: 2 }, "sleep 3; exit 1"));
        clock.advance(secs(120));
        engine.delete(&WorkloadId("w".to_owned())).now_or_never().unwrap().unwrap();
        engine.drop_observers();
        stream.collect::<Vec<_>>().now_or_never().unwrap()
    };
    assert_eq!(run(), run());
}
