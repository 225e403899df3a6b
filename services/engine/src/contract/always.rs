//! Workloads that run always.

use super::{Harness, QUIET, Watch, always, apply, changed};
use crate::{Command, Engine, ExitStatus, Kind, Phase, Probe, ProbeCheck};

/// A process that ends is started again inside the same instance, which tells how it ended.
pub async fn always_restarts_in_place(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = always(env, "restarts", "sleep 1; exit 3");
    apply(engine, &workload).await;
    let restarted = |watch: &Watch<'_>| watch.of(&workload.id).iter().any(|instance| instance.restarts >= 1);
    watch.until("restarted", restarted).await;
    assert!(watch.gone.is_empty(), "the instance stays");
    let of = watch.of(&workload.id);
    assert_eq!(of.len(), 1);
    assert_eq!(of[0].phase, Phase::Running, "it has been started at least once");
    let exit = of[0].last_exit.as_ref().expect("how it ended");
    assert_eq!(exit.status, ExitStatus::Code(3));
}

/// The number of instances follows the definition; those that run are not replaced for it.
pub async fn replicas_scale_without_replacing(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let one = always(env, "scale", "sleep 1000");
    apply(engine, &one).await;
    watch.until_ready(&one.id, 1).await;
    let first = watch.ids(&one.id).remove(0);
    let three = changed(&one, |workload| workload.kind = Kind::Always { replicas: 3 });
    apply(engine, &three).await;
    watch.until_ready(&one.id, 3).await;
    assert!(watch.ids(&one.id).contains(&first), "what runs goes on");
    let two = changed(&three, |workload| workload.kind = Kind::Always { replicas: 2 });
    apply(engine, &two).await;
    watch.until_ready(&one.id, 2).await;
    let none = changed(&two, |workload| workload.kind = Kind::Always { replicas: 0 });
    apply(engine, &none).await;
    watch.until_ready(&one.id, 0).await;
}

/// During an update there are never fewer ready instances than before, and each says which definition it has.
pub async fn update_is_never_fewer_ready(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    for replicas in [1u32, 2] {
        let wanted = replicas as usize;
        let mut old = always(env, &format!("update-{replicas}"), "sleep 1000");
        old.kind = Kind::Always { replicas };
        apply(engine, &old).await;
        watch.until_ready(&old.id, wanted).await;
        let before = watch.ids(&old.id);
        watch.fewest_ready = Some((old.id.clone(), wanted));
        let new = changed(&old, |workload| workload.command = Command::Shell("sleep 2000".to_owned()));
        apply(engine, &new).await;
        let all_new = |watch: &Watch<'_>| watch.of(&old.id).iter().all(|instance| instance.generation == 2);
        watch.until("replaced", |watch| all_new(watch) && watch.ready(&old.id) == wanted).await;
        assert_eq!(watch.fewest_ready.take(), Some((old.id.clone(), wanted)), "never fewer ready");
        assert!(before.iter().all(|id| watch.gone.get(id).is_some_and(|instance| instance.generation == 1)));
    }
}

/// An update that never becomes ready leaves the old instance in service.
pub async fn a_broken_update_keeps_the_old_instance(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let old = always(env, "broken", "sleep 1000");
    apply(engine, &old).await;
    watch.until_ready(&old.id, 1).await;
    let id = watch.ids(&old.id).remove(0);
    let check = ProbeCheck::Exec(Command::Shell("exit 1".to_owned()));
    let new = changed(&old, |workload| workload.probe = Some(Probe::new(check)));
    apply(engine, &new).await;
    watch.until("a new instance", |watch| watch.of(&old.id).len() == 2).await;
    watch.quiet(QUIET).await;
    assert!(watch.instances.get(&id).is_some_and(|instance| instance.ready), "the old one serves");
}

/// A definition that is older than the applied one is ignored.
pub async fn a_lower_generation_changes_nothing(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let mut new = always(env, "lower", "sleep 1000");
    new.generation = 5;
    apply(engine, &new).await;
    watch.until_ready(&new.id, 1).await;
    let before = watch.ids(&new.id);
    let mut old = always(env, "lower", "sleep 2000");
    old.generation = 4;
    apply(engine, &old).await;
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&new.id), before);
    assert_eq!(watch.of(&new.id)[0].generation, 5);
}

/// Applying the same again changes nothing.
pub async fn the_same_generation_changes_nothing(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = always(env, "same", "sleep 1000");
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    let before = watch.ids(&workload.id);
    apply(engine, &workload).await;
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id), before);
}

/// A restart replaces the instance, a ready one first; the same restart again does nothing.
pub async fn a_restart_is_done_once_per_time(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let workload = always(env, "restart", "sleep 1000");
    apply(engine, &workload).await;
    watch.until_ready(&workload.id, 1).await;
    let before = watch.ids(&workload.id).remove(0);
    watch.fewest_ready = Some((workload.id.clone(), 1));
    let at = env.now();
    engine.restart(&workload.id, at).await.expect("it is restarted");
    watch.until("replaced", |watch| watch.gone.contains_key(&before)).await;
    watch.until_ready(&workload.id, 1).await;
    assert_eq!(watch.fewest_ready.take(), Some((workload.id.clone(), 1)), "never fewer ready");
    let after = watch.ids(&workload.id);
    engine.restart(&workload.id, at).await.expect("the same again is fine");
    watch.quiet(QUIET).await;
    assert_eq!(watch.ids(&workload.id), after);
}

/// Retain forgets every workload that is not listed, and leaves the listed ones alone.
pub async fn retain_forgets_the_rest(engine: &dyn Engine, env: &dyn Harness) {
    let mut watch = Watch::new(engine, env).await;
    let (kept, other) = (always(env, "kept", "sleep 1000"), always(env, "other", "sleep 1000"));
    apply(engine, &kept).await;
    apply(engine, &other).await;
    watch.until_ready(&kept.id, 1).await;
    watch.until_ready(&other.id, 1).await;
    let before = watch.ids(&kept.id);
    engine.retain(std::slice::from_ref(&kept.id)).await.expect("the rest is forgotten");
    watch.until("the other is gone", |watch| watch.of(&other.id).is_empty()).await;
    assert_eq!(watch.ids(&kept.id), before);
    engine.retain(&[]).await.expect("all are forgotten");
    watch.until("all are gone", |watch| watch.instances.is_empty()).await;
}
