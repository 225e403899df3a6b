//! What every engine must do, as tests: an implementation runs them all with [`contract_tests!`](crate::contract_tests).
//!
//! Each function takes an engine without workloads of its own tool, and panics where the engine breaks its word. Commands
//! are real shell, of the few words that [`memory::Script`](crate::memory::Script) understands too.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test suite reports by panicking"
)]

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Command, Engine, Kind, LogQuery, Mounts, Resources, Workload, WorkloadId};

mod always;
mod attach;
mod logs;
mod observe;
mod once;
mod probes;
mod refusals;
mod watch;

pub use always::{
    a_broken_update_keeps_the_old_instance, a_lower_generation_changes_nothing,
    a_restart_is_done_once_per_time, always_restarts_in_place, replicas_scale_without_replacing,
    retain_forgets_the_rest, the_same_generation_changes_nothing, update_is_never_fewer_ready,
};
pub use attach::{
    attach_carries_both_directions, attach_tells_the_exit, no_standard_input_unless_asked,
    signals_reach_the_process,
};
pub use logs::{
    follow_ends_at_once_after_the_end, follow_ends_with_the_job, lines_are_the_most_recent,
    logs_of_one_workload, logs_outlive_the_workload, logs_page_in_both_directions, logs_select_a_stream,
    logs_select_a_window,
};
pub use observe::{conditions_and_instances_come_first, every_observer_sees_every_change};
pub use once::{
    a_deadline_ends_it, a_stubborn_process_is_killed_after_its_grace,
    delete_is_idempotent_and_reports_the_end, exit_codes_are_true, finished_is_not_started_again,
    retries_are_new_instances, success_ends_the_retries,
};
pub use probes::{a_bad_probe_restarts, a_good_probe_makes_ready};
pub use refusals::{foreign_cursors_are_refused, it_has_images_and_capabilities, unknown_things_are_refused};

use watch::{Watch, collect};

/// What the suite needs of the place where an engine runs.
#[async_trait]
pub trait Harness: Send + Sync {
    /// Lets so much time pass for the engine, by waiting or by advancing its clock.
    async fn pass(&self, time: Duration);

    /// The engine's time.
    fn now(&self) -> Timestamp;

    /// A tool whose workloads may run, another one for each harness.
    fn tool(&self) -> String;

    /// An image with `/bin/sh`.
    fn image(&self) -> String;
}

/// How much of the engine's time something that must happen may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much of the engine's time something that must not happen is waited for.
const QUIET: Duration = Duration::from_secs(2);

/// Makes a test of each function of the suite. `$open` is the path of a function without arguments whose future answers
/// with an engine in an `Arc` or `Box`, and its [`Harness`]. The caller needs tokio's `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests! { $open:
            exit_codes_are_true, retries_are_new_instances, success_ends_the_retries, a_deadline_ends_it,
            finished_is_not_started_again, delete_is_idempotent_and_reports_the_end,
            a_stubborn_process_is_killed_after_its_grace,
            always_restarts_in_place, replicas_scale_without_replacing, update_is_never_fewer_ready,
            a_broken_update_keeps_the_old_instance, a_lower_generation_changes_nothing,
            the_same_generation_changes_nothing, a_restart_is_done_once_per_time, retain_forgets_the_rest,
            conditions_and_instances_come_first, every_observer_sees_every_change,
            logs_page_in_both_directions, lines_are_the_most_recent, logs_select_a_stream, logs_select_a_window,
            logs_of_one_workload, logs_outlive_the_workload, follow_ends_with_the_job,
            follow_ends_at_once_after_the_end,
            attach_carries_both_directions, attach_tells_the_exit, no_standard_input_unless_asked,
            signals_reach_the_process,
            a_good_probe_makes_ready, a_bad_probe_restarts,
            unknown_things_are_refused, foreign_cursors_are_refused, it_has_images_and_capabilities,
        }
    };
    ($open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (engine, env) = $open().await;
                $crate::contract::$case(&*engine, &env).await;
            }
        )+
    };
}

/// A workload that runs a script once, without retries.
fn once(env: &dyn Harness, id: &str, script: &str) -> Workload {
    Workload {
        id: WorkloadId(format!("{}-{id}", env.tool())),
        generation: 1,
        tool: env.tool(),
        name: "job".to_owned(),
        kind: Kind::Once { retries: 0, deadline: None },
        image: env.image(),
        command: Command::Shell(script.to_owned()),
        env: Vec::new(),
        secrets: false,
        mounts: Mounts::All,
        resources: Resources {
            cpu_request_millis: 50,
            cpu_limit_millis: 500,
            memory_request_bytes: 64 << 20,
            memory_limit_bytes: 128 << 20,
        },
        probe: None,
        port: None,
        expose: None,
        grace: Duration::from_secs(1),
        stdin: false,
    }
}

/// A workload that runs a script always, in one instance.
fn always(env: &dyn Harness, id: &str, script: &str) -> Workload {
    Workload { kind: Kind::Always { replicas: 1 }, ..once(env, id, script) }
}

/// The next definition of a workload.
fn changed(workload: &Workload, change: impl FnOnce(&mut Workload)) -> Workload {
    let mut next = workload.clone();
    next.generation += 1;
    change(&mut next);
    next
}

/// All the output of a workload's job.
fn output_of(workload: &Workload) -> LogQuery {
    LogQuery {
        tool: workload.tool.clone(),
        name: workload.name.clone(),
        workload: None,
        stream: None,
        since: None,
        until: None,
        lines: None,
        direction: crate::Direction::OldestFirst,
        page_size: 500,
        cursor: None,
    }
}

/// Applies a workload that must be taken.
async fn apply(engine: &dyn Engine, workload: &Workload) {
    engine.apply(workload.clone()).await.expect("the workload is taken");
}
