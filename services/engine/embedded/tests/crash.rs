//! A server that is killed at any moment: what runs goes on and is taken over, exit codes stay true, nothing is left.
//!
//! This binary is the test, the server that is killed, and the holder of its runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod scenario;
mod support;

use std::collections::BTreeSet;
use std::time::Instant;

use engine::{Container, Engine, ExitReason, ExitStatus, Phase};
use scenario::{Line, PATIENCE, Place, Server};

type Case = fn(&tokio::runtime::Runtime);

fn main() {
    engine_shim::dispatch();
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if arguments.get(1).is_some_and(|word| word == scenario::SERVER) {
        runtime.block_on(scenario::serve(&arguments[2..]));
        return;
    }
    let cases: [(&str, Case); 5] = [
        ("what_runs_is_taken_over", |runtime| runtime.block_on(what_runs_is_taken_over())),
        ("a_killed_holder_is_told_as_lost", |runtime| runtime.block_on(a_killed_holder_is_told_as_lost())),
        ("without_root_everything_but_addresses_works", |_| without_root_everything_but_addresses_works()),
        ("plain_processes_share_the_machine_honestly", |_| plain_processes_share_the_machine_honestly()),
        ("a_kill_after_any_step_is_recovered_from", |runtime| {
            runtime.block_on(a_kill_after_any_step_is_recovered_from());
        }),
    ];
    let wanted = arguments.iter().skip(1).find(|word| !word.starts_with('-'));
    for (name, case) in cases {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            let begin = Instant::now();
            case(&runtime);
            println!("test {name} ... ok ({:.1} s)", begin.elapsed().as_secs_f32());
        }
    }
}

async fn what_runs_is_taken_over() {
    let place = Place::new();
    let mut server = Server::start(&place, scenario::HOLD, "", 0);
    server.until(&Line::Idle);
    // a shell that is about to execute something looks like two for a moment
    support::until(PATIENCE, || place.processes().len() == 2);
    let before = place.processes();
    server.kill();
    assert_eq!(place.processes(), before, "both go on without their server");
    // the one that runs once ends while nobody looks
    support::until(PATIENCE, || place.processes().len() == 1);

    let (engine, mut seen) = place.open().await;
    seen.until("taken over", |seen| seen.ready("always") == 1 && seen.is_finished("once")).await;
    let always = seen.of("always").remove(0);
    assert_eq!((always.restarts, always.last_exit.is_none()), (0, true), "it was not restarted");
    let once = seen.of("once").remove(0);
    let Container::Terminated(exit) = &once.container else { panic!("{once:?}") };
    assert_eq!((exit.status, exit.reason), (ExitStatus::Code(7), ExitReason::Error));
    assert_eq!(place.ran("once"), 1);
    let page = engine.logs(place.output_of("once")).await.unwrap();
    let lines: Vec<_> = page.entries.into_iter().map(|entry| entry.message).collect();
    assert_eq!(lines, ["begin", "end"], "output is kept while nobody looks");
    place.finish(&engine, seen).await;
}

async fn a_killed_holder_is_told_as_lost() {
    let place = Place::new();
    let (engine, mut seen) = place.open().await;
    engine.apply(place.workload("once", 1, "sleep 1000")).await.unwrap();
    engine.apply(place.workload("always", 1, "sleep 1000")).await.unwrap();
    seen.until("running", |seen| seen.ready("once") == 1 && seen.ready("always") == 1).await;
    for holder in place.holders() {
        support::kill(holder);
    }
    seen.until("lost and restarted", |seen| {
        seen.is_finished("once") && seen.of("always").iter().any(|one| one.restarts == 1 && one.ready)
    })
    .await;
    let once = seen.of("once").remove(0);
    assert_eq!(once.phase, Phase::Failed);
    let Container::Terminated(exit) = &once.container else { panic!("{once:?}") };
    assert_eq!((exit.status, exit.reason), (ExitStatus::Unknown, ExitReason::Lost));
    let last = seen.of("always").remove(0).last_exit.unwrap();
    assert_eq!(last.reason, ExitReason::Lost);
    support::until(PATIENCE, || place.processes().len() == 1);
    place.finish(&engine, seen).await;
}

/// The same as another user: where this test runs as root it gives itself up for the server.
fn without_root_everything_but_addresses_works() {
    let place = Place::new();
    let seen = serve_as_nobody(&place, &[]);
    assert_eq!(seen, BTreeSet::from(["200".to_owned()]));
}

/// Where the kernel gives no namespaces, instances are plain processes, and what that cannot do is refused.
fn plain_processes_share_the_machine_honestly() {
    let forbid = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let wrapper = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid, "sh"];
    let tried = std::process::Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("    skipped: namespaces cannot be forbidden here");
        return;
    }
    let place = Place::new();
    let seen = serve_as_nobody(&place, &wrapper);
    assert_eq!(seen, BTreeSet::from(["200".to_owned(), "plain".to_owned()]));
}

fn serve_as_nobody(place: &Place, wrapper: &[&str]) -> BTreeSet<String> {
    let mut server = Server::start_as_nobody(place, scenario::ROOTLESS, wrapper);
    server.until(&Line::Idle);
    let answers = server.called("answer");
    server.kill();
    support::until(PATIENCE, || place.processes().is_empty() && place.holders().is_empty());
    answers
}

/// The scenario is run once to learn its steps, then once for each step with a kill right after it, and the recovery
/// is killed after its own first step too.
async fn a_kill_after_any_step_is_recovered_from() {
    let steps = {
        let place = Place::new();
        let mut server = Server::start(&place, scenario::CHANGE, "", 0);
        server.until(&Line::Idle);
        let steps = server.steps();
        server.kill();
        let (engine, seen) = place.open().await;
        place.finish(&engine, seen).await;
        steps
    };
    let distinct: BTreeSet<&String> = steps.iter().map(|(name, _)| name).collect();
    assert!(distinct.len() >= 10, "{distinct:?}");
    for (step, occurrence) in &steps {
        kill_at(step, *occurrence).await;
    }
    println!("    {} kills at {} distinct steps", steps.len(), distinct.len());
}

async fn kill_at(step: &str, occurrence: u32) {
    let place = Place::new();
    let mut first = Server::start(&place, scenario::CHANGE, step, occurrence);
    // the order of steps of different tasks may differ from run to run: it may also have come to its end
    first.until_end();
    let mut second = Server::start(&place, scenario::RECOVER, "", 1);
    second.until_end();
    let (engine, mut seen) = place.open().await;
    let (deleted, applied) = (first.called("delete"), first.called("apply"));
    for (name, generation) in [("always", 2), ("once", 1)] {
        let id = place.id(name);
        if deleted.contains(name) {
            engine.delete(&id).await.unwrap();
        } else {
            engine.apply(place.workload(name, generation, scenario::script(name))).await.unwrap();
        }
    }
    let what = format!("converged after {step} ({occurrence}), applied {applied:?}, deleted {deleted:?}");
    seen.until(&what, |seen| {
        let always = if deleted.contains("always") {
            seen.of("always").is_empty()
        } else {
            seen.ready("always") == 1 && seen.of("always").iter().all(|one| one.generation == 2)
        };
        let once =
            if deleted.contains("once") { seen.of("once").is_empty() } else { seen.is_finished("once") };
        always && once
    })
    .await;
    if let Some(once) = seen.of("once").first() {
        let Container::Terminated(exit) = &once.container else { panic!("{once:?}") };
        assert_eq!((exit.status, exit.reason), (ExitStatus::Code(7), ExitReason::Error), "{what}");
        assert_eq!(seen.of("once").len(), 1, "{what}");
    }
    assert!(place.ran("once") <= 1, "{what}");
    let alive = usize::from(!deleted.contains("always"));
    support::until(PATIENCE, || place.processes().len() == alive);
    place.finish(&engine, seen).await;
}
