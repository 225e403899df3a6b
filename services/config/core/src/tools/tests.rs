//! Tools come, are renewed and go, with a failure at every step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use crate::memory::World;
use crate::{Error, Issuer as _, Repository as _, ToolName, Tools};

fn world() -> (Arc<World>, Tools) {
    let world = Arc::new(World::default());
    let tools = Tools::new(world.clone(), world.clone(), world.clone(), world.clone(), world.clone());
    (world, tools)
}

fn name(text: &str) -> ToolName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_new_tool_has_an_id_a_home_and_a_certificate() {
    let (world, tools) = world();
    let alpha = tools.create(&name("alpha"), None).await.unwrap();
    let beta = tools.create(&name("beta"), None).await.unwrap();
    assert_eq!((alpha.tool.unix_id, beta.tool.unix_id), (50_001, 50_002));
    let serial = alpha.tool.certificate.unwrap().serial;
    assert_eq!(world.home_of(&name("alpha")), Some(Some(serial)));
    assert!(matches!(tools.create(&name("alpha"), None).await, Err(Error::Exists(_))));
}

#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let (_, tools) = world();
    let first = tools.create(&name("alpha"), Some("r1")).await.unwrap();
    let again = tools.create(&name("alpha"), Some("r1")).await.unwrap();
    assert_eq!(first, again);
    tools.remove(&name("alpha"), false, Some("r2")).await.unwrap();
    tools.remove(&name("alpha"), false, Some("r2")).await.unwrap();
    assert!(matches!(tools.remove(&name("alpha"), false, None).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_a_failure_left_out_is_made_good() {
    for step in ["create", "issue", "install"] {
        let (world, tools) = world();
        world.fail(Some(step));
        assert!(matches!(tools.create(&name("alpha"), None).await, Err(Error::Internal(_))), "{step}");
        world.fail(None);
        tools.converge().await.unwrap();
        let tool = tools.get(&name("alpha")).await.unwrap().tool;
        assert_eq!(world.home_of(&name("alpha")), Some(Some(tool.certificate.unwrap().serial)), "{step}");
    }
}

#[tokio::test]
async fn renewal_revokes_the_former_certificate() {
    let (world, tools) = world();
    let before = tools.create(&name("alpha"), None).await.unwrap().tool.certificate.unwrap().serial;
    let after = tools.renew(&name("alpha")).await.unwrap().tool.certificate.unwrap().serial;
    assert_ne!(before, after);
    assert!(world.is_revoked(&before) && !world.is_revoked(&after));
}

#[tokio::test]
async fn a_certificate_is_renewed_thirty_days_before_its_end() {
    let (world, tools) = world();
    let before = tools.create(&name("alpha"), None).await.unwrap().tool.certificate;
    world.advance(jiff::SignedDuration::from_hours(24 * 334));
    tools.converge().await.unwrap();
    assert_eq!(tools.get(&name("alpha")).await.unwrap().tool.certificate, before);
    world.advance(jiff::SignedDuration::from_hours(48));
    tools.converge().await.unwrap();
    assert_ne!(tools.get(&name("alpha")).await.unwrap().tool.certificate, before);
}

#[tokio::test]
async fn an_interrupted_removal_is_finished() {
    for step in ["revoke", "remove", "delete"] {
        let (world, tools) = world();
        let serial = tools.create(&name("alpha"), None).await.unwrap().tool.certificate.unwrap().serial;
        world.fail(Some(step));
        assert!(tools.remove(&name("alpha"), true, None).await.is_err(), "{step}");
        assert!(tools.get(&name("alpha")).await.unwrap().tool.removing.is_some(), "{step}");
        assert!(matches!(tools.create(&name("alpha"), None).await, Err(Error::Removing(_))), "{step}");
        world.fail(None);
        tools.converge().await.unwrap();
        assert!(matches!(tools.get(&name("alpha")).await, Err(Error::NotFound(_))), "{step}");
        assert!(world.is_revoked(&serial) && world.home_of(&name("alpha")).is_none(), "{step}");
    }
}

#[tokio::test]
async fn an_id_is_never_given_twice() {
    let (_, tools) = world();
    tools.create(&name("alpha"), None).await.unwrap();
    tools.remove(&name("alpha"), true, None).await.unwrap();
    assert_eq!(tools.create(&name("alpha"), None).await.unwrap().tool.unix_id, 50_002);
}

#[tokio::test]
async fn the_end_of_the_range_is_a_clear_answer() {
    let (world, tools) = world();
    for _ in crate::UNIX_IDS {
        world.next_unix_id().await.unwrap();
    }
    assert!(matches!(tools.create(&name("alpha"), None).await, Err(Error::OutOfIds)));
}

#[test]
fn a_key_is_never_printed() {
    let world = World::default();
    let credentials = futures_util::FutureExt::now_or_never(world.issue(&name("alpha"))).unwrap().unwrap();
    assert!(!format!("{credentials:?}").contains("key_pem"));
}
