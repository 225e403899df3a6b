//! A run and its shim outlive the server; a lost shim takes its run with it.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine_shim::protocol::{Event, Message, Request, State, StopReason};
use engine_shim::{Client, ExitReason, Liveness, Spec, Tier, liveness};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Need, Test};
use crate::world::{PATIENCE, World, exe, finish, probed, until};

pub(crate) const TESTS: &[Test] = &[
    ("a_second_shim_is_refused", Need::Nothing, a_second_shim_is_refused),
    ("a_directory_serves_one_run", Need::Nothing, a_directory_serves_one_run),
    ("impossible_specifications_are_refused", Need::Nothing, impossible_specifications),
    ("a_run_survives_the_kill_of_its_server", Need::Nothing, a_run_survives),
    ("an_exit_is_known_without_a_server", Need::Nothing, an_exit_is_known),
    ("a_lost_shim_takes_its_run_with_it", Need::Nothing, a_lost_shim),
    ("a_shim_may_die_at_any_moment", Need::Root, a_shim_may_die_at_any_moment),
    ("an_end_that_cannot_be_written_is_tried_again", Need::Root, an_end_is_tried_again),
    ("a_shim_that_is_terminated_stops_its_run", Need::Nothing, a_terminated_shim),
];

/// Is a server that starts a shim and waits to be killed.
pub(crate) fn server(words: &[String]) -> ! {
    let [dir, spec] = words else { panic!("server DIR SPEC") };
    let spec: Spec = serde_json::from_str(spec).unwrap();
    engine_shim::spawn(&exe(), Path::new(dir), &spec, &[]).unwrap();
    println!("spawned");
    loop {
        std::thread::park();
    }
}

/// Starts the run by a server of its own, and kills that server.
fn spawned_by_a_killed_server(world: &World) {
    let mut server = Command::new(exe())
        .arg("server")
        .arg(world.dir())
        .arg(serde_json::to_string(&world.spec).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 8];
    server.stdout.take().unwrap().read_exact(&mut said).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
}

fn a_second_shim_is_refused() {
    let world = World::shell("exec sleep 60");
    let (mut client, _) = world.start();
    assert_eq!(liveness(&world.dir()), Liveness::Held);
    let error = engine_shim::spawn(&exe(), &world.dir(), &world.spec, &[]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy, "{error}");
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
    assert_eq!(liveness(&world.dir()), Liveness::Free);
}

fn a_directory_serves_one_run() {
    let world = World::shell("exit 0");
    world.run();
    let error = engine_shim::spawn(&exe(), &world.dir(), &world.spec, &[]).unwrap_err();
    assert!(error.to_string().contains("of an earlier run"), "{error}");
}

fn impossible_specifications() {
    let world = World::shell("exit 0");
    let refused = |change: fn(&mut Spec), environment: &[(&str, &str)]| {
        let mut spec = world.spec.clone();
        change(&mut spec);
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let error = engine_shim::spawn(&exe(), &world.dir(), &spec, &environment).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        error.to_string()
    };
    assert_eq!(refused(|spec| spec.argv.clear(), &[]), "argv is empty");
    assert_eq!(refused(|spec| spec.argv.push("a\0".to_owned()), &[]), "argv has a NUL byte");
    assert_eq!(
        refused(|spec| "../x".clone_into(&mut spec.instance), &[]),
        "instance name \"../x\" is not possible"
    );
    assert_eq!(refused(|_| {}, &[("A=B", "")]), "environment name \"A=B\" is not possible");
    let message = refused(|_| {}, &[("KEY", "sec\0ret")]);
    assert_eq!(message, "the value of environment variable KEY has a NUL byte");
    assert!(!world.dir().join("spec.json").exists());
}

fn a_run_survives() {
    for tier in [Tier::Process, probed().isolation] {
        let world =
            World::in_tier(tier, &["/bin/sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.02; done"]);
        spawned_by_a_killed_server(&world);
        until("it runs", || engine_shim::read_started(&world.dir()).unwrap().is_some());
        assert_eq!(liveness(&world.dir()), Liveness::Held);
        let mut client = world.connect();
        let Message::Event(Event::Welcome { state: State::Running { started }, .. }) =
            client.next(PATIENCE).unwrap().unwrap()
        else {
            panic!("it does not run")
        };
        assert_eq!(Some(started), engine_shim::read_started(&world.dir()).unwrap());
        std::thread::sleep(Duration::from_millis(100));
        client.send(&Request::Stop { grace: PATIENCE, reason: StopReason::Stopped }).unwrap();
        assert_eq!(finish(client).code, Some(9));
    }
}

fn an_exit_is_known() {
    let world = World::shell("exit 42");
    spawned_by_a_killed_server(&world);
    until("it has ended", || engine_shim::read_exit(&world.dir()).unwrap().is_some());
    let record = engine_shim::read_exit(&world.dir()).unwrap().unwrap();
    assert_eq!((record.code, &record.reason), (Some(42), &ExitReason::Error));
    // whoever comes later can still ask, and lets the shim go
    assert_eq!(finish(world.connect()), record);
}

fn shim(client: &mut Client) -> Pid {
    match client.next(PATIENCE).unwrap().unwrap() {
        Message::Event(Event::Welcome { shim, .. }) => Pid::from_raw(shim).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn a_lost_shim() {
    for tier in [Tier::Process, probed().isolation] {
        let world = World::in_tier(tier, &["/bin/sh", "-c", "sleep 4444 & sleep 4444"]);
        world.spawn();
        let mut client = world.connect();
        let shim = shim(&mut client);
        until("it runs", || engine_shim::read_started(&world.dir()).unwrap().is_some());
        let started = engine_shim::read_started(&world.dir()).unwrap().unwrap();
        kill_process(shim, Signal::KILL).unwrap();
        until("it is free", || liveness(&world.dir()) == Liveness::Free);
        until("the run is dead", || {
            let _ = engine_shim::clear(&world.dir()).unwrap();
            fs::read_to_string(format!("/proc/{}/stat", started.pid)).is_err()
        });
        assert_eq!(engine_shim::read_exit(&world.dir()).unwrap(), None);
        assert!(!world.dir().join("scratch").exists());
        assert!(!engine_shim::clear(&world.dir()).unwrap());
    }
}

fn a_terminated_shim() {
    let world = World::shell("exec sleep 60");
    world.spawn();
    let mut client = world.connect();
    let shim = shim(&mut client);
    until("it runs", || engine_shim::read_started(&world.dir()).unwrap().is_some());
    kill_process(shim, Signal::TERM).unwrap();
    let record = finish(client);
    assert_eq!((record.code, record.reason), (Some(143), ExitReason::Stopped));
}

/// Processes whose directory or mounts have to do with the run.
fn processes_of(world: &World) -> Vec<i32> {
    let dir = world.dir();
    let marker = dir.to_str().unwrap();
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid| {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
            let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo"));
            cwd.is_ok_and(|cwd| cwd == dir) || mounts.is_ok_and(|mounts| mounts.contains(marker))
        })
        .collect()
}

fn a_shim_may_die_at_any_moment() {
    for round in 0..40_u64 {
        let tier = if round % 4 == 0 { Tier::Process } else { probed().isolation };
        let world = World::in_tier(tier, &["/bin/sh", "-c", "exec sleep 4445"]);
        world.spawn();
        std::thread::sleep(Duration::from_micros(round * 600));
        // the shim is the one that is in the directory; its first process may be as well
        for pid in processes_of(&world) {
            let name = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent =
                name.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)).map(str::to_owned);
            let is_inner = parent.is_some_and(|parent| {
                fs::read_to_string(format!("/proc/{parent}/comm"))
                    .is_ok_and(|comm| comm.trim() == "toolforged-shim")
            });
            if !is_inner {
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
        }
        until("it is free", || liveness(&world.dir()) == Liveness::Free);
        until("nothing of it lives", || {
            let _ = engine_shim::clear(&world.dir());
            processes_of(&world).is_empty()
        });
        engine_shim::clear(&world.dir()).unwrap();
        assert!(!crate::limits::left(&world.spec.instance), "round {round}");
        assert!(!world.dir().join("scratch").exists());
        assert_eq!(engine_shim::read_exit(&world.dir()).unwrap(), None);
    }
}

fn an_end_is_tried_again() {
    let mut world = World::shell("read line; exit 11");
    world.spec.stdin = true;
    let (mut client, _) = world.start();
    // a directory in the way is a disk that takes nothing
    let obstacle = world.dir().join("exit.json.new");
    fs::create_dir(&obstacle).unwrap();
    client.send(&Request::CloseInput).unwrap();
    until("it has ended", || {
        matches!(
            client.next(PATIENCE).unwrap().unwrap(),
            Message::Event(Event::Exited { record }) if record.code == Some(11)
        )
    });
    assert_eq!(engine_shim::read_exit(&world.dir()).unwrap(), None);
    fs::remove_dir(&obstacle).unwrap();
    until("it is kept", || engine_shim::read_exit(&world.dir()).unwrap().is_some());
    client.send(&Request::Acknowledge).unwrap();
    assert!(client.next(PATIENCE).unwrap().is_none());
}
