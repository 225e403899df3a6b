//! What is refused, and what an engine says of itself.

use super::{Harness, QUIET, Watch, apply, changed, once, output_of};
use crate::{Cursor, Engine, Error, InstanceId, LogQuery, Signal, WorkloadId};

/// Unknown workloads, instances and images are named as such.
pub async fn unknown_things_are_refused(engine: &dyn Engine, env: &dyn Harness) {
    let workload = WorkloadId("never-applied".to_owned());
    let error = engine.restart(&workload, env.now()).await.expect_err("there is no such workload");
    assert!(matches!(&error, Error::UnknownWorkload(id) if *id == workload), "{error:?}");
    let instance = InstanceId("no-such-instance".to_owned());
    let error = engine.signal(&instance, Signal::Kill).await.expect_err("there is no such instance");
    assert!(matches!(&error, Error::UnknownInstance(id) if *id == instance), "{error:?}");
    let error = engine.attach(&instance).await.expect_err("there is no such instance");
    assert!(matches!(&error, Error::UnknownInstance(id) if *id == instance), "{error:?}");
    let mut watch = Watch::new(engine, env).await;
    let foreign =
        changed(&once(env, "image", "true"), |workload| "no-such-image".clone_into(&mut workload.image));
    let error = engine.apply(foreign.clone()).await.expect_err("there is no such image");
    assert!(matches!(&error, Error::UnknownImage(image) if image == "no-such-image"), "{error:?}");
    watch.quiet(QUIET).await;
    assert!(watch.of(&foreign.id).is_empty(), "a refused workload leaves nothing behind");
    let ran_once = once(env, "once", "true");
    apply(engine, &ran_once).await;
    watch.finished(&ran_once.id).await;
    let error = engine.restart(&ran_once.id, env.now()).await.expect_err("it runs once");
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
}

/// A cursor that the engine did not make is refused.
pub async fn foreign_cursors_are_refused(engine: &dyn Engine, env: &dyn Harness) {
    let query = output_of(&once(env, "cursor", "true"));
    for text in ["", "x", "1.", "0", "....", "%", "\u{fffd}", &"1".repeat(10_000)] {
        let query = LogQuery { cursor: Some(Cursor(text.to_owned())), ..query.clone() };
        let error = engine.logs(query).await.expect_err("it is no cursor");
        assert!(matches!(error, Error::BadCursor), "{text}: {error:?}");
    }
}

/// There is a catalogue that holds the image of the harness, with names that mean one image each, and there is an
/// honest word about what is enforced.
pub async fn it_has_images_and_capabilities(engine: &dyn Engine, env: &dyn Harness) {
    let images = engine.images().await.expect("a catalogue");
    assert!(images.iter().any(|image| image.is_called(&env.image())), "{images:#?}");
    for image in &images {
        assert!(!image.shortname.is_empty() && !image.url.is_empty(), "{image:?}");
        let called = images.iter().filter(|other| other.is_called(&image.shortname)).count();
        assert_eq!(called, 1, "{} means one image", image.shortname);
        if let Some(web) = &image.web {
            assert!(web.port > 0, "{image:?}");
        }
    }
    let capabilities = engine.capabilities().await.expect("capabilities");
    assert!(capabilities.notes.iter().all(|note| !note.trim().is_empty()), "{capabilities:?}");
}
