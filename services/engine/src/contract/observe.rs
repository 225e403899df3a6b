//! What observers see.

use super::{Harness, Watch, always, apply};
use crate::Engine;

/// What holds now is told before it is said that everything was told.
pub async fn conditions_and_instances_come_first(engine: &dyn Engine, env: &dyn Harness) {
    let mut first = Watch::new(engine, env).await;
    assert!(first.instances.is_empty(), "the tool has nothing yet");
    let workload = always(env, "snapshot", "sleep 1000");
    apply(engine, &workload).await;
    first.until_ready(&workload.id, 1).await;
    let second = Watch::new(engine, env).await;
    assert_eq!(second.instances, first.instances);
}

/// Observers do not take anything away from each other.
pub async fn every_observer_sees_every_change(engine: &dyn Engine, env: &dyn Harness) {
    let mut first = Watch::new(engine, env).await;
    let mut second = Watch::new(engine, env).await;
    let workload = always(env, "observers", "sleep 1000");
    apply(engine, &workload).await;
    first.until_ready(&workload.id, 1).await;
    second.until_ready(&workload.id, 1).await;
    assert_eq!(first.instances, second.instances);
    engine.delete(&workload.id).await.expect("it is deleted");
    first.until("gone", |watch| watch.gone.len() == 1).await;
    second.until("gone", |watch| watch.gone.len() == 1).await;
    assert_eq!(first.gone, second.gone);
    drop(first);
    let after = Watch::new(engine, env).await;
    assert!(after.instances.is_empty(), "what is gone is not told of again");
}
