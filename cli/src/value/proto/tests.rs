//! Messages as REST shows them, and the tables of words against the protos.
#![allow(clippy::unwrap_used, reason = "tests")]

use api::jobs::v1::{self as jobs, GetJobResponse, Job, JobStatus, ListJobsResponse, WatchRunResponse};
use prost_reflect::DescriptorPool;

use super::super::{Value, json_line};
use super::{ENUM_VALUE, option_text, tree};
use crate::words::Word;

#[test]
fn names_words_and_times_are_those_of_rest() {
    let status = JobStatus {
        short: jobs::StatusShort::Running.into(),
        duration: "5m".into(),
        next_schedule: Some(prost_types::Timestamp { seconds: 60, nanos: 500_000_000 }),
        ..JobStatus::default()
    };
    let job = Job {
        name: Some("j".into()),
        job_type: Some(jobs::JobType::OneOff.into()),
        retry: Some(0),
        filelog: Some(false),
        status: Some(status),
        ..Job::default()
    };
    let reply = GetJobResponse { job: Some(job), messages: None };
    let expected = concat!(
        r#"{"job":{"name":"j","job_type":"one-off","filelog":false,"retry":0,"status":{"short":"running","#,
        r#""duration":"5m","up_to_date":false,"messages":[],"next_schedule":"1970-01-01T00:01:00.500Z"}},"messages":{}}"#
    );
    assert_eq!(json_line(&tree("toolforge.jobs.v1.GetJobResponse", &reply).unwrap()), expected);
}

#[test]
fn empty_lists_are_there_and_absent_things_are_not() {
    let reply = ListJobsResponse::default();
    let shown = tree("toolforge.jobs.v1.ListJobsResponse", &reply).unwrap();
    assert_eq!(json_line(&shown), r#"{"jobs":[],"messages":{}}"#);
    let run = jobs::Run { attempts: 2, ..jobs::Run::default() };
    let shown = tree("toolforge.jobs.v1.WatchRunResponse", &WatchRunResponse { run: Some(run) }).unwrap();
    assert_eq!(json_line(&shown), r#"{"run":{"attempts":2}}"#);
}

/// The words that the protos have for an enum.
fn wire<W: Word + Into<i32>>(name: &str) {
    let pool = DescriptorPool::decode(api::JOBS_DESCRIPTORS).unwrap();
    let option = pool.get_extension_by_name(ENUM_VALUE).unwrap();
    let descriptor = pool.get_enum_by_name(&format!("toolforge.jobs.v1.{name}")).unwrap();
    let words = descriptor.values().filter(|value| value.number() != 0);
    let mut expected: Vec<(i32, String)> = words
        .map(|value| (value.number(), option_text(&value.options(), &option, "wire").unwrap()))
        .collect();
    let mut ours: Vec<(i32, String)> =
        W::WORDS.iter().map(|&(value, word)| (value.into(), word.to_owned())).collect();
    expected.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, expected, "{name}");
}

#[test]
fn our_words_are_those_of_the_protos() {
    wire::<jobs::JobType>("JobType");
    wire::<jobs::Emails>("Emails");
    wire::<jobs::Mount>("Mount");
    wire::<jobs::PortProtocol>("PortProtocol");
    wire::<jobs::HealthCheckType>("HealthCheckType");
    wire::<jobs::ImageState>("ImageState");
    wire::<jobs::StatusShort>("StatusShort");
    wire::<jobs::Concurrency>("Concurrency");
    wire::<jobs::CatchUp>("CatchUp");
    wire::<jobs::RunTrigger>("RunTrigger");
    wire::<jobs::RunState>("RunState");
}

#[test]
fn a_message_that_nobody_describes_is_an_error() {
    assert!(tree("toolforge.jobs.v1.Nothing", &Job::default()).is_err());
    assert_eq!(tree("toolforge.jobs.v1.Job", &Job::default()).unwrap(), Value::Map(vec![]));
}
