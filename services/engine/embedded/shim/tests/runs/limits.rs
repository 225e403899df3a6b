//! Memory, processes, output; and that nothing is left of many runs.

use std::fs;
use std::path::PathBuf;

use engine_shim::protocol::{Event, Message, Request};
use engine_shim::{Client, ExitReason, Parent, Tier};

use crate::harness::{Need, Test};
use crate::world::{PATIENCE, World, finish, probed, until};

pub(crate) const TESTS: &[Test] = &[
    ("too_much_memory_is_told_from_other_kills", Need::Group, too_much_memory),
    ("memory_limits_hold_for_all_processes_together", Need::Group, memory_together),
    ("version_2_groups_hold_a_run", Need::Root, version_2_groups),
    ("a_fork_bomb_is_bounded", Need::Group, a_fork_bomb_is_bounded),
    ("without_groups_limits_hold_per_process", Need::Nothing, without_groups),
    ("a_log_flood_is_bounded", Need::Nothing, a_log_flood_is_bounded),
    ("a_slow_client_does_not_hold_the_run", Need::Nothing, a_slow_client),
    ("many_short_runs_leave_nothing", Need::Nothing, many_short_runs_leave_nothing),
    ("a_shim_is_small", Need::Root, a_shim_is_small),
];

fn too_much_memory() {
    let mut world = World::attack(&["eat", "200000000"]);
    world.spec.limits.memory_bytes = Some(64 << 20);
    let record = world.run();
    assert_eq!((record.code, record.signal, record.reason), (Some(137), Some(9), ExitReason::OutOfMemory));
    let mut world = World::attack(&["eat", "20000000"]);
    world.spec.limits.memory_bytes = Some(64 << 20);
    assert_eq!(world.run().reason, ExitReason::Completed);
}

fn memory_together() {
    let mut world = World::attack(&[]);
    world.spec.argv = ["/bin/sh", "-c", "/attack inside eat 200000000; exit $?"].map(str::to_owned).to_vec();
    world.spec.limits.memory_bytes = Some(64 << 20);
    let record = world.run();
    // with version 2 the whole group is killed, with version 1 the shell tells of its child
    assert_eq!((record.code, record.reason), (Some(137), ExitReason::OutOfMemory));
}

fn a_fork_bomb_is_bounded() {
    let mut world = World::attack(&["fork-bomb"]);
    world.spec.limits.pids = Some(50);
    assert_eq!(world.run().reason, ExitReason::Completed);
    let children: u32 = world.stdout().strip_prefix("children: ").unwrap().parse().unwrap();
    assert!((40..50).contains(&children), "{children}");
}

fn without_groups() {
    let mut world = World::attack(&["eat", "400000000"]);
    world.spec.limits.cgroup = None;
    world.spec.limits.memory_bytes = Some(64 << 20);
    let record = world.run();
    assert!(matches!(record.reason, ExitReason::Error), "{record:?}");
}

fn a_log_flood_is_bounded() {
    let world = World::attack(&["flood", "50000"]);
    assert_eq!(world.run().reason, ExitReason::Completed);
    let bytes: u64 = fs::read_dir(&world.spec.logs.dir)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes <= world.spec.logs.max_total_bytes, "{bytes}");
    let last = world.log().pop().unwrap();
    assert!(last.starts_with("1 49999 "), "{last}");
}

fn a_slow_client() {
    let mut world = World::attack(&["flood", "100000"]);
    world.spec.logs.max_total_bytes = 64 << 20;
    world.spec.logs.max_segment_bytes = 8 << 20;
    world.spec.stdin = true;
    world.spec.argv =
        ["/bin/sh", "-c", "read go; exec /attack inside flood 100000"].map(str::to_owned).to_vec();
    let (mut slow, _) = world.start();
    slow.send(&Request::Attach).unwrap();
    let mut other = world.connect();
    other.input(b"go\n").unwrap();
    until("it has ended, though nobody reads", || engine_shim::read_exit(&world.dir()).unwrap().is_some());
    assert_eq!(world.log().len(), 100_000);
    // it gets what it can take, and is told of the rest
    let (mut seen, mut lagged) = (0, 0);
    let end = loop {
        match slow.next(PATIENCE).unwrap().unwrap() {
            Message::Stdout(bytes) => seen += bytes.len() as u64,
            Message::Event(Event::Lagged { bytes }) => lagged += bytes,
            Message::Event(Event::Exited { record }) => break record,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.reason, ExitReason::Completed);
    assert_eq!(finish(other), end);
    assert!(seen > 0 && lagged > 0, "{seen} {lagged}");
    assert_eq!(seen + lagged, world.log().iter().map(|line| line.len() as u64 - 1).sum::<u64>());
}

/// The parents of the groups of runs.
pub(crate) fn groups() -> Vec<PathBuf> {
    match &probed().cgroup {
        None => Vec::new(),
        Some(Parent::V2 { dir, .. }) => vec![dir.clone()],
        Some(Parent::V1 { memory, cpu, pids }) => {
            [memory, cpu, pids].into_iter().flatten().cloned().collect()
        }
    }
}

pub(crate) fn left(name: &str) -> bool {
    groups().iter().any(|dir| dir.join(name).exists())
}

fn many_short_runs_leave_nothing() {
    let rounds = if std::env::var_os("SHIM_TEST_LONG").is_some() { 1000 } else { 100 };
    for round in 0..rounds {
        let world = World::shell(&format!("exit {}", round % 7));
        assert_eq!(world.run().code, Some(round % 7));
        let name = &world.spec.instance;
        assert!(!left(name), "round {round}");
        let marker = world.dir().to_str().unwrap().to_owned();
        assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&marker));
        let mut files: Vec<_> = fs::read_dir(world.dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["exit.json", "lock", "spec.json", "started.json"]);
    }
}

/// Memory that no file backs, shared parts counted once over all processes, in kilobytes.
fn own(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    text.lines()
        .filter(|line| line.starts_with("Pss_Anon"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum()
}

fn a_shim_is_small() {
    let world = World::in_tier(Tier::Process, &["/bin/sleep", "60"]);
    world.spawn();
    let mut client = Client::connect(&world.dir()).unwrap();
    let Message::Event(Event::Welcome { shim, .. }) = client.next(PATIENCE).unwrap().unwrap() else {
        panic!("no welcome")
    };
    until("it runs", || engine_shim::read_started(&world.dir()).unwrap().is_some());
    let started = engine_shim::read_started(&world.dir()).unwrap().unwrap();
    let kilobytes = own(shim) + own(started.pid);
    println!("    a shim and the first process of its run have {kilobytes} KiB of their own");
    assert!(kilobytes <= 2048, "{kilobytes} KiB");
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
}

/// Where version 2 is mounted, whether it has controllers or not.
fn version_2() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts
        .lines()
        .find(|line| line.contains(" - cgroup2 "))
        .and_then(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
}

fn version_2_groups() {
    let Some(mount) = version_2() else { return };
    let dir = mount.join("toolforged-test-v2");
    fs::create_dir(&dir).unwrap();
    let script = "setsid sleep 4446 & grep ^0:: /proc/self/cgroup; exit 4";
    let mut world = World::in_tier(Tier::Process, &["/bin/sh", "-c", script]);
    world.spec.limits.cgroup = Some(Parent::V2 { dir: dir.clone(), controllers: Vec::new() });
    let record = world.run();
    fs::remove_dir(&dir).unwrap();
    assert_eq!(record.code, Some(4), "{record:?}");
    assert_eq!(world.stdout(), format!("0::/toolforged-test-v2/{}", world.spec.instance));
    let limits = engine_shim::read_started(&world.dir()).unwrap().unwrap().limits;
    assert_ne!(limits.memory, engine_shim::Enforcement::Enforced);
}
