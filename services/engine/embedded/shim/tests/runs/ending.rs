//! Stopping: polite signal, grace, kill, deadline.

use std::time::{Duration, Instant};

use engine_shim::protocol::{Request, StopReason};
use engine_shim::{ExitReason, Tier};

use crate::harness::{Need, Test};
use crate::world::{World, finish, probed, until};

pub(crate) const TESTS: &[Test] = &[
    ("a_polite_stop_lets_the_program_end", Need::Nothing, a_polite_stop),
    ("a_program_that_ignores_it_is_killed_after_grace", Need::Nothing, killed_after_grace),
    ("what_the_program_started_may_end_by_itself", Need::Sandbox, children_may_end),
    ("a_later_stop_can_shorten_the_grace", Need::Nothing, a_later_stop_shortens),
    ("a_deadline_ends_a_run", Need::Nothing, a_deadline_ends_a_run),
    ("an_unhealthy_run_says_so", Need::Nothing, an_unhealthy_run),
    ("signals_reach_the_program", Need::Nothing, signals_reach_the_program),
    ("nothing_outlives_a_plain_process", Need::Nothing, nothing_outlives_a_plain_process),
    ("nothing_outlives_the_program", Need::Sandbox, nothing_outlives_the_program),
];

const TRAP: &str = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done";
const DEAF: &str = "trap '' TERM; echo up; while :; do sleep 0.02; done";

fn up(world: &World) {
    until("it is up", || world.stdout().contains("up"));
}

fn stop(grace: Duration) -> Request {
    Request::Stop { grace, reason: StopReason::Stopped }
}

fn tiers() -> Vec<Tier> {
    let mut tiers = vec![Tier::Process, probed().isolation];
    tiers.dedup();
    tiers
}

fn in_tiers(script: &str, mut test: impl FnMut(World)) {
    for tier in tiers() {
        test(World::in_tier(tier, &["/bin/sh", "-c", "--", script]));
    }
}

fn a_polite_stop() {
    in_tiers(TRAP, |world| {
        let (mut client, _) = world.start();
        up(&world);
        client.send(&stop(Duration::from_secs(50))).unwrap();
        let record = finish(client);
        assert_eq!((record.code, record.signal, record.reason), (Some(5), None, ExitReason::Stopped));
        assert!(world.stdout().contains("bye"));
    });
}

fn killed_after_grace() {
    in_tiers(DEAF, |world| {
        let (mut client, _) = world.start();
        up(&world);
        let begun = Instant::now();
        client.send(&stop(Duration::from_millis(300))).unwrap();
        let record = finish(client);
        assert!(begun.elapsed() >= Duration::from_millis(300));
        assert_eq!((record.code, record.signal, record.reason), (Some(137), Some(9), ExitReason::Stopped));
    });
}

fn children_may_end() {
    // the shell has no trap and dies at once; its child takes a moment
    let world = World::shell(
        "sh -c \"trap 'sleep 0.2; echo tidy; exit 0' TERM; echo up; while :; do sleep 0.02; done\"; :",
    );
    let (mut client, _) = world.start();
    up(&world);
    client.send(&stop(Duration::from_secs(50))).unwrap();
    let record = finish(client);
    assert_eq!((record.signal, record.reason), (Some(15), ExitReason::Stopped));
    assert!(world.stdout().contains("tidy"), "{}", world.stdout());
}

fn a_later_stop_shortens() {
    let world = World::shell(DEAF);
    let (mut client, _) = world.start();
    up(&world);
    client.send(&stop(Duration::from_hours(1))).unwrap();
    client.send(&Request::Stop { grace: Duration::ZERO, reason: StopReason::Unhealthy }).unwrap();
    assert_eq!(finish(client).reason, ExitReason::Stopped);
}

fn a_deadline_ends_a_run() {
    let mut world = World::shell("exec sleep 60");
    world.spec.deadline = Some(Duration::from_millis(200));
    let record = world.run();
    assert_eq!(record.reason, ExitReason::DeadlineExceeded);
    assert_eq!((record.code, record.signal), (Some(143), Some(15)));
}

fn an_unhealthy_run() {
    let world = World::shell("exec sleep 60");
    let (mut client, _) = world.start();
    client.send(&Request::Stop { grace: Duration::from_secs(50), reason: StopReason::Unhealthy }).unwrap();
    assert_eq!(finish(client).reason, ExitReason::Unhealthy);
}

fn signals_reach_the_program() {
    in_tiers("trap 'echo reloaded; exit 4' HUP; echo up; while :; do sleep 0.02; done", |world| {
        let (mut client, _) = world.start();
        up(&world);
        client.send(&Request::Signal { number: 1 }).unwrap();
        let record = finish(client);
        assert_eq!((record.code, record.reason), (Some(4), ExitReason::Error));
    });
}

/// A marker that is in the arguments of a process for as long as it lives.
fn lives(marker: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().any(|entry| {
        let cmdline = std::fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        cmdline.split(|byte| *byte == 0).any(|word| word == marker.as_bytes())
    })
}

fn outlive(world: &World, marker: &str) {
    let (client, _) = world.start();
    until("both live", || lives(marker));
    let record = finish(client);
    assert_eq!(record.code, Some(6));
    assert!(!lives(marker));
}

fn nothing_outlives_a_plain_process() {
    for (group, marker) in [(true, "4321.125"), (false, "4321.25")] {
        let script = format!("(setsid sh -c 'sleep {marker} & sleep {marker}' &); sleep 0.3; exit 6");
        let mut world = World::in_tier(Tier::Process, &["/bin/sh", "-c", &script]);
        if !group {
            world.spec.limits.cgroup = None;
        }
        outlive(&world, marker);
    }
}

fn nothing_outlives_the_program() {
    let world = World::shell("(setsid sh -c 'sleep 4321.5 & sleep 4321.5' &); sleep 0.3; exit 6");
    outlive(&world, "4321.5");
}
