//! Health checks.

use std::time::Duration;

use super::{Harness, Watch, always, apply, changed};
use crate::{Command, Engine, ExitReason, Probe, ProbeCheck};

fn probe(script: &str) -> Probe {
    Probe {
        timeout: Duration::from_secs(2),
        startup_failures: 2,
        ..Probe::new(ProbeCheck::Exec(Command::Shell(script.to_owned())))
    }
}

/// An instance is ready when its probe has succeeded.
pub async fn a_good_probe_makes_ready(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload =
        changed(&always(env, "good", "sleep 1000"), |workload| workload.probe = Some(probe("true")));
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    assert_eq!(watch.of(&workload.id)[0].restarts, 0);
}

/// An instance whose probe fails too often is never ready, and its process is restarted for it.
pub async fn a_bad_probe_restarts(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload =
        changed(&always(env, "bad", "sleep 1000"), |workload| workload.probe = Some(probe("exit 1")));
    apply(engine, &workload).await;
    let mut ready = false;
    let unhealthy = |watch: &Watch<'_>| {
        ready |= watch.ready(&workload.id) > 0;
        let exits = watch.of(&workload.id).into_iter().filter_map(|instance| instance.last_exit.as_ref());
        exits.into_iter().any(|exit| exit.reason == ExitReason::Unhealthy)
    };
    watch.until("restarted for its health", unhealthy).await;
    assert!(!ready, "never ready");
    assert_eq!(watch.of(&workload.id).len(), 1);
    assert!(watch.gone.is_empty(), "the instance stays");
}
