#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use engine::{Container, Exit, ExitReason, ExitStatus, InstanceId, Phase, WorkloadId};

use super::*;
use crate::tests::{continuous, job, moment, one_off, run_of, scheduled_job};
use crate::{RunState, Trigger};

const CREATED: &str = "2026-11-23T10:00:00Z";
const STARTED: &str = "2026-11-23T10:00:10Z";
const CHANGED: &str = "2026-11-23T10:00:20Z";
const NOW: &str = "2026-11-23T10:01:00Z";

fn exit(code: i32) -> Exit {
    Exit {
        status: ExitStatus::Code(code),
        reason: if code == 0 { ExitReason::Completed } else { ExitReason::Error },
        started: Some(moment(STARTED)),
        finished: moment(CHANGED),
    }
}

fn pod(workload: &str, phase: Phase, container: Container) -> Instance {
    Instance {
        id: InstanceId(format!("{phase:?}{container:?}")),
        workload: WorkloadId(workload.to_owned()),
        generation: 1,
        tool: "alpha".to_owned(),
        name: "a".to_owned(),
        phase,
        container,
        last_exit: None,
        restarts: 0,
        ready: false,
        created: moment(CREATED),
        changed: moment(CHANGED),
        message: None,
    }
}

fn running() -> Container {
    Container::Running { started: moment(STARTED) }
}

fn condition(workload: &str, kind: ConditionKind) -> Condition {
    Condition { workload: WorkloadId(workload.to_owned()), kind, since: moment(CHANGED) }
}

/// What a status shows: word, duration, messages, `status_short`.
fn shown(facts: &Facts<'_>) -> (Short, String, Vec<String>, String) {
    let status = Status::derive(facts);
    let legacy = LegacyStatus::derive(facts, &status);
    (status.short, status.duration(facts.now), status.messages, legacy.short)
}

fn facts<'a>(
    job: &'a Job,
    runs: &'a [Run],
    instances: &'a [Instance],
    conditions: &'a [Condition],
) -> Facts<'a> {
    Facts {
        job,
        runs,
        instances,
        conditions,
        replicas: 1,
        up_to_date: true,
        next_schedule: None,
        now: moment(NOW),
    }
}

#[test]
fn each_state_of_an_instance_has_its_word_hints_and_time() {
    let waiting = |message: Option<&str>| Container::Waiting { message: message.map(str::to_owned) };
    let told = |instance: Instance| Instance { message: Some("no place".to_owned()), ..instance };
    let crashed = |instance: Instance| Instance { restarts: 2, last_exit: Some(exit(3)), ..instance };
    let cases = [
        (pod("run-uid", Phase::Pending, Container::Absent), Short::Pending, "40s", vec!["scheduling"]),
        (
            told(pod("run-uid", Phase::Pending, Container::Absent)),
            Short::Pending,
            "40s",
            vec!["scheduling", "no place"],
        ),
        (pod("run-uid", Phase::Pending, waiting(None)), Short::Pending, "40s", vec!["initializing"]),
        (
            pod("run-uid", Phase::Pending, waiting(Some("unpacking"))),
            Short::Pending,
            "40s",
            vec!["initializing", "unpacking"],
        ),
        (pod("run-uid", Phase::Running, running()), Short::Running, "50s", vec![]),
        (
            Instance { restarts: 1, ..pod("run-uid", Phase::Running, Container::Terminated(exit(3))) },
            Short::Pending,
            "40s",
            vec!["restarted (1)", "exitcode 3"],
        ),
        (
            crashed(pod("run-uid", Phase::Running, waiting(None))),
            Short::Pending,
            "40s",
            vec!["restarted (2)", "exitcode 3"],
        ),
        (
            Instance { restarts: 2, ..pod("run-uid", Phase::Running, waiting(None)) },
            Short::Pending,
            "40s",
            vec!["restarted (2)"],
        ),
        (pod("run-uid", Phase::Succeeded, Container::Terminated(exit(0))), Short::Succeeded, "40s", vec![]),
        (
            pod("run-uid", Phase::Failed, Container::Terminated(exit(137))),
            Short::Failed,
            "40s",
            vec!["exitcode 137"],
        ),
    ];
    let job = job(&one_off("a", "x"), CREATED);
    let runs = [Run { state: RunState::Running, ..run_of(&job, CREATED) }];
    for (instance, short, duration, messages) in cases {
        let instances = [instance];
        let found = shown(&facts(&job, &runs, &instances, &[]));
        assert_eq!(
            (found.0, found.1.as_str(), found.2),
            (short, duration, messages.iter().map(|m| (*m).to_owned()).collect())
        );
    }
}

#[test]
fn of_several_instances_the_class_that_counts_most_wins() {
    let order = [
        pod("run-uid", Phase::Failed, Container::Terminated(exit(1))),
        pod("run-uid", Phase::Pending, Container::Absent),
        pod("run-uid", Phase::Pending, Container::Waiting { message: None }),
        pod("run-uid", Phase::Running, running()),
        pod("run-uid", Phase::Running, Container::Terminated(exit(1))),
        pod("run-uid", Phase::Succeeded, Container::Terminated(exit(0))),
        pod("run-uid", Phase::Succeeded, Container::Absent),
    ];
    for (index, strongest) in order.iter().enumerate() {
        let weaker: Vec<Instance> = order[index..].iter().rev().cloned().collect();
        let found = pod::Pod::most_telling(&weaker).unwrap();
        assert_eq!(found.class, pod::Pod::of(strongest).class);
        assert_eq!(found.class as usize, index, "the order is the contract's");
    }
}

#[test]
fn a_one_off_without_instances_is_as_recorded_or_cannot_start() {
    let job = job(&one_off("a", "x"), CREATED);
    let run = run_of(&job, CREATED);
    let ended = |state, code| Run { state, exit_code: code, finished: Some(moment(CHANGED)), ..run.clone() };
    let case =
        |run: &Run, conditions: &[Condition]| shown(&facts(&job, std::slice::from_ref(run), &[], conditions));
    assert_eq!(case(&run, &[]), (Short::Pending, "1m".into(), vec![], "Not running".into()));
    let found = case(&ended(RunState::Succeeded, Some(0)), &[]);
    assert_eq!(found, (Short::Succeeded, "40s".into(), vec![], "Completed".into()));
    let found = case(&ended(RunState::Failed, Some(2)), &[]);
    assert_eq!(found, (Short::Failed, "40s".into(), vec!["exitcode 2".into()], "Failed".into()));
    let quota = ["limits.memory", "requests.cpu", "limits.cpu"].map(str::to_owned).to_vec();
    let text = "Unable to start, out of quota for cpu, memory";
    let found = case(&run, &[condition("run-uid", ConditionKind::OutOfQuota(quota))]);
    assert_eq!(found, (Short::Failed, "40s".into(), vec![text.into()], text.into()));
    let found = case(&run, &[condition("run-uid", ConditionKind::CannotCreate("no".into()))]);
    let text = "Unable to start".to_owned();
    assert_eq!(found, (Short::Failed, "40s".into(), vec![text.clone()], text));
    let running = [pod("run-uid", Phase::Running, running())];
    let found = shown(&facts(&job, std::slice::from_ref(&run), &running, &[]));
    assert_eq!(found.3, "Running for 50s");
    let found = shown(&facts(&job, &[], &[], &[]));
    assert_eq!((found.0, found.3.as_str()), (Short::Unknown, "Unknown"));
}

#[test]
fn a_scheduled_job_shows_its_newest_run_that_counts() {
    let mut job = scheduled_job("0 * * * *", CREATED);
    let next = Some(moment("2026-11-23T11:00:00Z"));
    let base = |runs| Facts { next_schedule: next, ..facts(&job, runs, &[], &[]) };
    let waiting = base(&[]);
    assert_eq!(shown(&waiting), (Short::Pending, "1m".into(), vec![], "Waiting for scheduled time".into()));
    assert_eq!(Status::derive(&waiting).schedule, Some(ScheduleTimes { previous: None, next }));

    let due = Trigger::Schedule { due: moment(STARTED) };
    let first = Run {
        trigger: due,
        state: RunState::Succeeded,
        finished: Some(moment(CHANGED)),
        ..run_of(&job, STARTED)
    };
    let mut other = run_of(&job, CHANGED);
    other.trigger = Trigger::Manual;
    other.command = Some("something else".to_owned());
    let runs = [first.clone(), other.clone()];
    let found = Status::derive(&base(&runs));
    assert_eq!((found.short, found.schedule.unwrap().previous), (Short::Succeeded, Some(moment(STARTED))));
    assert_eq!(shown(&base(&runs)).3, format!("Last schedule time: {STARTED}"));
    other.command.clone_from(&job.definition.cmd);
    let runs = [first, other];
    let found = Status::derive(&base(&runs));
    assert_eq!((found.short, found.schedule.unwrap().previous), (Short::Pending, Some(moment(CHANGED))));
    assert_eq!(shown(&base(&runs)).3, "Not running");

    job.last_scheduled = Some(moment(STARTED));
    let left = facts(&job, &[], &[], &[]);
    assert_eq!(
        shown(&left),
        (Short::Pending, "50s".into(), vec![], format!("Last schedule time: {STARTED}"))
    );
}

#[test]
fn a_continuous_job_has_ten_minutes_to_become_available() {
    let job = job(&continuous("a", "x"), CREATED);
    let waiting = [pod("job-uid", Phase::Pending, Container::Absent)];
    let crashing = [Instance {
        restarts: 4,
        last_exit: Some(exit(1)),
        ..pod("job-uid", Phase::Running, Container::Waiting { message: None })
    }];
    let running = [Instance { ready: true, ..pod("job-uid", Phase::Running, running()) }];
    let at = |now: &str, instances| shown(&Facts { now: moment(now), ..facts(&job, &[], instances, &[]) });
    let early = "2026-11-23T10:10:00Z";
    let late = "2026-11-23T10:10:05Z";
    assert_eq!(at(early, &running), (Short::Running, "9m50s".into(), vec![], "Running".into()));
    assert_eq!(at(late, &running).0, Short::Running);
    assert_eq!(at(early, &[]), (Short::Pending, "10m".into(), vec![], "Not running".into()));
    assert_eq!(at(early, &waiting).2, ["scheduling"]);
    let hints = vec!["restarted (4)".to_owned(), "exitcode 1".to_owned()];
    let crash = "Specified command fails to run".to_owned();
    assert_eq!(at(early, &crashing), (Short::Pending, "9m40s".into(), hints.clone(), crash.clone()));
    assert_eq!(at(late, &crashing), (Short::Failed, "5s".into(), hints, crash));
    let restarted = Job { restarted_at: Some(moment(early)), ..job.clone() };
    let found = shown(&Facts { now: moment(late), ..facts(&restarted, &[], &crashing, &[]) });
    assert_eq!(found.0, Short::Pending);
    let none = Facts { replicas: 0, ..facts(&job, &[], &[], &[]) };
    assert_eq!(shown(&none).0, Short::Running);
}

#[test]
fn a_continuous_job_without_quota_has_failed_and_replaced_instances_do_not_count() {
    let job = job(&continuous("a", "x"), CREATED);
    let quota = [condition("job-uid", ConditionKind::OutOfQuota(vec!["pods".into(), "pods".into()]))];
    let text = "Unable to start, out of quota for pods".to_owned();
    let found = shown(&facts(&job, &[], &[], &quota));
    assert_eq!(found, (Short::Failed, "40s".into(), vec![text.clone()], text));
    let replaced = [
        pod("job-uid", Phase::Failed, Container::Terminated(exit(143))),
        pod("job-uid", Phase::Running, running()),
    ];
    assert_eq!(shown(&facts(&job, &[], &replaced, &quota)).0, Short::Running);
}

#[test]
fn the_long_text_is_a_chain_of_sentences() {
    let job = job(&one_off("a", "x"), CREATED);
    let runs = [Run { started: Some(moment(STARTED)), ..run_of(&job, CREATED) }];
    let long = |facts: &Facts<'_>| LegacyStatus::derive(facts, &Status::derive(facts)).long;
    assert_eq!(long(&facts(&job, &[], &[], &[])), "No pods were created for this job.");
    let failed = [Instance {
        message: Some("killed".into()),
        ..pod("run-uid", Phase::Failed, Container::Terminated(exit(137)))
    }];
    assert_eq!(
        long(&facts(&job, &runs, &failed, &[])),
        "Last run at 2026-11-23T10:00:10Z. Pod in 'Failed' phase. State 'terminated'. Reason 'Error'. \
         Started at '2026-11-23T10:00:10Z'. Finished at '2026-11-23T10:00:20Z'. Exit code '137'. \
         Additional message:'killed'."
    );
    let always = crate::tests::job(&continuous("a", "x"), CREATED);
    let restarted = [Instance { restarts: 3, ..pod("job-uid", Phase::Running, running()) }];
    assert_eq!(
        long(&facts(&always, &[], &restarted, &[])),
        "Pod in 'Running' phase. Pod has been restarted 3 times. State 'running'. \
         Started at '2026-11-23T10:00:10Z'."
    );
    let scheduled = scheduled_job("@daily", CREATED);
    assert_eq!(long(&facts(&scheduled, &[], &[], &[])), "Run not attempted yet.");
    let behind = Facts { up_to_date: false, ..facts(&always, &[], &[], &[]) };
    assert_eq!(
        long(&behind),
        "The running version of job 'a' is different from what was configured, please recreate or redeploy."
    );
}

#[test]
fn without_facts_the_texts_say_so() {
    let status = Status::unavailable();
    assert_eq!(
        (status.short, status.messages),
        (Short::Unknown, vec!["Failed retrieving status".to_owned()])
    );
    let legacy = LegacyStatus::unavailable();
    assert_eq!(
        (legacy.short.as_str(), legacy.long.as_str()),
        ("Toolforge error", "Failed retrieving status")
    );
}

#[test]
fn an_unknown_exit_is_said_to_be_unknown() {
    let job = job(&one_off("a", "x"), CREATED);
    let runs = [run_of(&job, CREATED)];
    let lost = Exit { status: ExitStatus::Unknown, reason: ExitReason::Lost, ..exit(0) };
    let instances = [Instance {
        message: Some("the shim died".into()),
        ..pod("run-uid", Phase::Failed, Container::Terminated(lost))
    }];
    assert_eq!(shown(&facts(&job, &runs, &instances, &[])).2, ["exitcode unknown", "the shim died"]);
}
