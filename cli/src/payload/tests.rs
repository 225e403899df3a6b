//! Every refusal of contract 7.4, and what is sent.
#![allow(clippy::unwrap_used, reason = "tests")]

use clap::Parser as _;

use super::*;
use crate::args::jobs::Entry;

fn parse(arguments: &str) -> Run {
    let arguments = std::iter::once("run").chain(arguments.split_whitespace());
    Entry::try_parse_from(arguments).unwrap().run
}

fn refused(arguments: &str) -> String {
    match payload(&parse(arguments)) {
        Err(Failure::User(text)) => text,
        other => panic!("{arguments}: {other:?}"),
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let cases = [
        ("j --image i", "the following arguments are required: --command"),
        ("--image i --command c", "the following arguments are required: name"),
        ("j --image i --command c --port 1", "--port is only valid for continuous/webservice jobs"),
        ("j --image i --command c --replicas 2", "--replicas is only valid for continuous/webservice jobs"),
        ("j --image i --command c --filelog --mount none", "Specifying --filelog requires --mount=all"),
        (
            "j --image i --command c --health-check-script s",
            "Health checks are only supported for continuous/webservice jobs.",
        ),
        (
            "j --image i --command c --schedule @daily --health-check-http /",
            "Health checks are only supported for continuous/webservice jobs.",
        ),
        ("j --image i --command c --timeout 5", "--timeout is only valid for scheduled jobs"),
        (
            "j --image i --command c --continuous --retry 0",
            "--retry is only valid for one-off and scheduled jobs",
        ),
        (
            "j --image i --command c --publish",
            "--publish is only valid for continuous jobs. Add --continuous to use it.",
        ),
        (
            "j --image i --webservice --publish",
            "--publish is only valid for continuous jobs. Add --continuous to use it.",
        ),
        (
            "j --image i --command c --continuous --health-check-http /",
            "--health-check-http requires --port to be set as well",
        ),
        ("--image i --webservice --filelog", "--filelog is not supported for webservice jobs"),
        ("--image i --webservice --no-filelog", "--filelog is not supported for webservice jobs"),
        ("--image i --webservice -o out", "--filelog is not supported for webservice jobs"),
        (
            "j --image i --command c --continuous --port x/tcp",
            "--port: \"x\" is not a port, expected a number from 1 to 65535",
        ),
        (
            "j --image i --command c --continuous --port 80/sctp",
            "--port: \"sctp\" is not a protocol, expected tcp or udp",
        ),
        (
            "j --image i --command c --time-zone UTC",
            "--concurrency, --catch-up, --time-zone and --suspended are only valid for scheduled jobs",
        ),
    ];
    for (arguments, text) in cases {
        assert_eq!(refused(arguments), text, "{arguments}");
    }
}

#[test]
fn only_what_is_set_is_sent() {
    let job = payload(&parse("j --image i --command c")).unwrap();
    let mut expected = JobSpec { name: Some("j".into()), imagename: Some("i".into()), ..JobSpec::default() };
    expected.cmd = Some("c".into());
    expected.set_job_type(JobType::OneOff);
    assert_eq!(job, expected);
}

#[test]
fn each_kind_has_its_fields() {
    let job = payload(&parse("j --image i --command c --schedule @daily --timeout 0 --retry 2 --suspended"))
        .unwrap();
    assert_eq!((job.job_type(), job.timeout, job.retry), (JobType::Scheduled, Some(0), Some(2)));
    assert_eq!((job.schedule(), job.suspended), ("@daily", Some(true)));
    let job =
        payload(&parse("j --image i --command c --continuous -p 53/udp --publish --replicas 0")).unwrap();
    assert_eq!((job.port, job.port_protocol(), job.publish()), (Some(53), PortProtocol::Udp, "/"));
    assert_eq!((job.replicas, job.continuous), (Some(0), None));
    let job = payload(&parse("--image i --webservice --port 8000/tcp --health-check-http /h")).unwrap();
    assert_eq!((job.name(), job.port, job.port_protocol), ("webservice", Some(8000), None));
    assert_eq!(job.health_check.unwrap().path(), "/h");
}

#[test]
fn file_logs_are_on_off_or_not_said() {
    let filelog = |flag: &str| payload(&parse(&format!("j --image i --command c {flag}"))).unwrap().filelog;
    assert_eq!((filelog("--filelog"), filelog("--no-filelog"), filelog("")), (Some(true), Some(false), None));
}

#[test]
fn kinds_exclude_each_other() {
    for flags in [
        "--continuous --webservice",
        "--wait --continuous",
        "--schedule x --wait 5",
        "--filelog --no-filelog",
    ] {
        let arguments = format!("run j --image i --command c {flags}");
        assert!(Entry::try_parse_from(arguments.split_whitespace()).is_err(), "{flags}");
    }
}

#[test]
fn waiting_has_a_default() {
    let wait = |flags: &str| parse(&format!("j --image i --command c {flags}")).wait;
    assert_eq!(
        (wait("--wait"), wait("--wait 5"), wait("--wait=7"), wait("")),
        (Some(600), Some(5), Some(7), None)
    );
}
