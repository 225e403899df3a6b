//! `jobs run --wait`: told by the server, not asked again and again.

use api::jobs::v1::{ChangeType, Job, JobStatus, StatusShort, WatchJobsResponse};

use crate::platform::{Platform, done};
use crate::samples;

const RUN: &str = "jobs run j1 --image i --command c --wait";

fn put(short: StatusShort) -> WatchJobsResponse {
    let status = Some(JobStatus { short: short.into(), ..JobStatus::default() });
    let job = Some(Job { name: Some("j1".into()), status, ..Job::default() });
    WatchJobsResponse { r#type: ChangeType::Put.into(), job }
}

fn change(kind: ChangeType) -> WatchJobsResponse {
    WatchJobsResponse { r#type: kind.into(), job: None }
}

fn platform(watches: Vec<(Vec<WatchJobsResponse>, bool)>) -> Platform {
    let platform = Platform::start();
    platform.state().jobs = samples::jobs();
    platform.state().watches = watches.into();
    platform
}

#[test]
fn success_ends_with_nothing() {
    let changes = vec![put(StatusShort::Pending), change(ChangeType::Synced), put(StatusShort::Succeeded)];
    let platform = platform(vec![(changes, true)]);
    let done = platform.run(RUN);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", "INFO: job 'j1' completed\n"));
    assert_eq!(platform.state().calls, ["create j1", "watch j1"]);
}

#[test]
fn failure_shows_the_job_and_ends_with_one() {
    let platform = platform(vec![(vec![put(StatusShort::Running), put(StatusShort::Failed)], true)]);
    let done = platform.run(RUN);
    assert_eq!((done.code, done.err.as_str()), (1, "ERROR: job 'j1' failed:\n"));
    assert_eq!(done.out, include_str!("../golden/show-j1.txt"));
}

#[test]
fn a_job_that_is_gone_has_completed() {
    for changes in [
        vec![put(StatusShort::Running), change(ChangeType::Synced), change(ChangeType::Deleted)],
        vec![change(ChangeType::Synced)],
    ] {
        let done = platform(vec![(changes, true)]).run(RUN);
        assert_eq!((done.code, done.err.as_str()), (0, "INFO: job 'j1' completed (and already deleted)\n"));
    }
}

#[test]
fn the_time_ends_with_two() {
    let platform = platform(vec![(vec![put(StatusShort::Running)], true)]);
    let done = platform.run(&format!("{RUN}=1"));
    let expected = "ERROR: timed out 1 seconds waiting for job 'j1' to complete:\n";
    assert_eq!((done.code, done.err.as_str()), (2, expected));
    assert_eq!(done.out, include_str!("../golden/show-j1.txt"));
}

#[test]
fn a_watch_that_breaks_is_begun_again() {
    let platform = platform(vec![
        (vec![put(StatusShort::Running)], false),
        (vec![put(StatusShort::Running), change(ChangeType::Synced), put(StatusShort::Succeeded)], true),
    ]);
    let child = platform.spawn(RUN);
    let done = done(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.err.as_str()), (0, "INFO: job 'j1' completed\n"));
    assert_eq!(platform.state().calls, ["create j1", "watch j1", "watch j1"]);
}
