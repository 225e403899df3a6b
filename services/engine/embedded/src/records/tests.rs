//! Records survive the way to disk and back, and strangers are refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use engine::{
    Command, ExitReason, ExitStatus, Expose, Kind, Mounts, Port, Probe, ProbeCheck, Protocol, Resources,
};

use super::*;

/// A workload with everything set.
pub(crate) fn workload(id: &str) -> Workload {
    Workload {
        id: WorkloadId(id.to_owned()),
        generation: 7,
        tool: "alpha".to_owned(),
        name: "migrate".to_owned(),
        kind: Kind::Once { retries: 2, deadline: Some(Duration::from_secs(90)) },
        image: "bookworm".to_owned(),
        command: Command::Shell("echo hello".to_owned()),
        env: vec![("A".to_owned(), "1=2\n".to_owned())],
        secrets: true,
        mounts: Mounts::All,
        resources: Resources {
            cpu_request_millis: 100,
            cpu_limit_millis: 1000,
            memory_request_bytes: 1 << 28,
            memory_limit_bytes: 1 << 29,
        },
        probe: Some(Probe::new(ProbeCheck::Exec(Command::Argv(vec!["true".to_owned()])))),
        port: Some(Port { number: 8000, protocol: Protocol::Tcp }),
        expose: Some(Expose { host: "alpha".to_owned(), path: "/".to_owned() }),
        grace: Duration::from_secs(15),
        stdin: false,
    }
}

#[test]
fn a_workload_survives_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let directories = Directories::open(data.path()).unwrap();
    let mut record = WorkloadRecord::new(workload("w-1"));
    record.restarted_at = Some(Timestamp::from_second(1_700_000_000).unwrap());
    directories.save_workload(&record).unwrap();
    assert_eq!(directories.load_workloads().unwrap(), vec![record.clone()]);
    directories.remove_workload(&record.workload.id).unwrap();
    assert_eq!(directories.load_workloads().unwrap(), vec![]);
}

#[test]
fn an_instance_survives_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let directories = Directories::open(data.path()).unwrap();
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let mut record = InstanceRecord::new(InstanceId("migrate-abcde".to_owned()), workload("w-1"), None, now);
    record.run = 3;
    record.ready_run = 2;
    record.end = Some(Exit {
        status: ExitStatus::Code(137),
        reason: ExitReason::OutOfMemory,
        started: None,
        finished: now,
    });
    directories.save_instance(&record).unwrap();
    assert_eq!(directories.load_instances().unwrap(), vec![record.clone()]);
    assert!(directories.is_used(&record.id));
    directories.remove_instance(&record.id).unwrap();
    assert_eq!(directories.load_instances().unwrap(), vec![]);
}

#[test]
fn leftovers_of_a_cut_write_are_cleared() {
    let data = tempfile::tempdir().unwrap();
    let directories = Directories::open(data.path()).unwrap();
    fs::write(directories.workloads.join("w-1.json.new"), b"{").unwrap();
    fs::create_dir(directories.instances.join("migrate-abcde")).unwrap();
    assert_eq!(directories.load_workloads().unwrap(), vec![]);
    assert_eq!(directories.load_instances().unwrap(), vec![]);
    assert_eq!(fs::read_dir(&directories.instances).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&directories.workloads).unwrap().count(), 0);
}

#[test]
fn a_newer_record_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let directories = Directories::open(data.path()).unwrap();
    let mut record = WorkloadRecord::new(workload("w-1"));
    record.version = 2;
    directories.save_workload(&record).unwrap();
    let error = directories.load_workloads().unwrap_err().to_string();
    assert!(error.contains("w-1.json has version 2"), "{error}");
}
