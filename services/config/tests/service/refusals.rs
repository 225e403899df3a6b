//! Every refusal: code, reason, HTTP status and the fields that are wrong.

use std::sync::atomic::Ordering;

use api::config::v1::{CreateToolRequest, RenewCredentialsRequest};
use config_core::{Repository as _, UNIX_IDS};
use tonic::Code;

use crate::world::{World, refused};

#[tokio::test]
async fn a_name_must_be_one() {
    let world = World::new();
    for name in ["", "No", "a.b", &"x".repeat(54)] {
        let (code, reason, _, fields, _) = refused(world.create(name).await);
        assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "TOOL_NAME_INVALID"), "{name:?}");
        assert_eq!(fields, ["name"]);
    }
}

#[tokio::test]
async fn a_request_id_must_be_a_uuid() {
    let world = World::new();
    let request = CreateToolRequest { name: "alpha".into(), request_id: Some("again".into()) };
    let (code, reason, _, fields, _) = refused(world.tools().create_tool(request).await);
    assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "INVALID_ARGUMENT"));
    assert_eq!(fields, ["request_id"]);
    assert!(world.get("alpha").await.is_err());
}

#[tokio::test]
async fn what_is_not_there_and_what_is_there_already() {
    let world = World::new();
    let (code, reason, http, _, text) = refused(world.get("alpha").await);
    assert_eq!((code, reason.as_str(), http), (Code::NotFound, "TOOL_NOT_FOUND", None));
    assert_eq!(text, "Tool 'alpha' does not exist");
    assert_eq!(refused(world.delete("alpha", false).await).1, "TOOL_NOT_FOUND");
    let renewal = RenewCredentialsRequest { name: "alpha".into() };
    assert_eq!(refused(world.tools().renew_credentials(renewal).await).1, "TOOL_NOT_FOUND");
    world.create("alpha").await.unwrap();
    let (code, reason, http, _, text) = refused(world.create("alpha").await);
    assert_eq!((code, reason.as_str(), http), (Code::AlreadyExists, "TOOL_EXISTS", None));
    assert_eq!(text, "A tool with the name alpha already exists");
}

#[tokio::test]
async fn a_tool_on_its_way_out_is_409() {
    let world = World::new();
    world.create("alpha").await.unwrap();
    world.ports.fail(Some("remove"));
    assert_eq!(refused(world.delete("alpha", false).await).1, "INTERNAL");
    assert!(world.get("alpha").await.unwrap().removing);
    let (code, reason, http, ..) = refused(world.create("alpha").await);
    assert_eq!((code, reason.as_str(), http), (Code::FailedPrecondition, "TOOL_REMOVING", Some(409)));
    let renewal = RenewCredentialsRequest { name: "alpha".into() };
    assert_eq!(refused(world.tools().renew_credentials(renewal).await).1, "TOOL_REMOVING");
}

#[tokio::test]
async fn the_end_of_the_ids_is_409() {
    let world = World::new();
    for _ in UNIX_IDS {
        world.records.next_unix_id().await.unwrap().unwrap();
    }
    let (code, reason, http, ..) = refused(world.create("alpha").await);
    assert_eq!((code, reason.as_str(), http), (Code::FailedPrecondition, "UNIX_IDS_EXHAUSTED", Some(409)));
}

#[tokio::test]
async fn others_that_are_always_faster_make_a_call_abort() {
    let world = World::new();
    world.create("alpha").await.unwrap();
    world.records.on.store(true, Ordering::Relaxed);
    let (code, reason, ..) = refused(world.delete("alpha", false).await);
    assert_eq!((code, reason.as_str()), (Code::Aborted, "CONTENDED"));
}

#[tokio::test]
async fn failures_below_are_internal_and_keep_their_causes() {
    let world = World::new();
    world.ports.fail(Some("issue"));
    let (code, reason, http, fields, text) = refused(world.create("alpha").await);
    assert_eq!((code, reason.as_str(), http, fields), (Code::Internal, "INTERNAL", None, vec![]));
    assert!(!text.contains("issue") && !text.contains("told to fail"), "{text}");
}
