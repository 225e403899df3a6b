//! Tools come, are looked at, renewed and go.

use api::config::v1::{
    ChangeType, CreateToolRequest, DeleteToolRequest, ListToolsRequest, RenewCredentialsRequest,
    WatchToolsRequest, WatchToolsResponse,
};
use tonic::{Code, Streaming};

use crate::world::{World, refused};

const ID: &str = "6f1c1a1e-7d0b-4b6e-9f2e-0d4e3d1c2b5a";

#[tokio::test]
async fn a_new_tool_has_an_id_a_home_and_a_certificate() {
    let world = World::new();
    let tool = world.create("alpha").await.unwrap();
    assert_eq!((tool.name.as_str(), tool.unix_id, tool.home.as_str()), ("alpha", 50_001, "/project/alpha"));
    assert!(!tool.uid.is_empty() && !tool.removing);
    let lasts = tool.certificate_expire_time.unwrap().seconds - tool.create_time.unwrap().seconds;
    assert_eq!(lasts, 365 * 86_400);
    assert!(world.home_of("alpha").unwrap().is_some());
    assert_eq!(world.get("alpha").await.unwrap(), tool);
}

#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let world = World::new();
    let request = CreateToolRequest { name: "alpha".into(), request_id: Some(ID.into()) };
    let first = world.tools().create_tool(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, world.tools().create_tool(request).await.unwrap().into_inner());
    let request =
        DeleteToolRequest { name: "alpha".into(), delete_home: None, request_id: Some(ID.replace('6', "7")) };
    world.tools().delete_tool(request.clone()).await.unwrap();
    world.tools().delete_tool(request).await.unwrap();
    assert_eq!(world.home_of("alpha"), Some(None), "the home stays unless it is to go");
}

#[tokio::test]
async fn renewal_replaces_the_certificate() {
    let world = World::new();
    world.create("alpha").await.unwrap();
    let before = world.home_of("alpha").unwrap().unwrap();
    let request = RenewCredentialsRequest { name: "alpha".into() };
    let tool = world.tools().renew_credentials(request).await.unwrap().into_inner().tool.unwrap();
    assert_eq!(tool.name, "alpha");
    assert_ne!(world.home_of("alpha").unwrap().unwrap(), before);
    assert!(world.ports.is_revoked(&before));
}

#[tokio::test]
async fn a_removed_tool_is_gone_with_its_home_where_told() {
    let world = World::new();
    world.create("alpha").await.unwrap();
    let serial = world.home_of("alpha").unwrap().unwrap();
    world.delete("alpha", true).await.unwrap();
    assert!(world.ports.is_revoked(&serial) && world.home_of("alpha").is_none());
    assert_eq!(refused(world.get("alpha").await).0, Code::NotFound);
}

#[tokio::test]
async fn a_change_whose_caller_leaves_is_carried_to_its_end() {
    let world = World::new();
    let paused = world.records.pause.lock().await;
    let mut tools = world.tools();
    let call = tools.create_tool(CreateToolRequest { name: "alpha".into(), request_id: None });
    let installed = async {
        while world.home_of("alpha").is_none_or(|serial| serial.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = call => panic!("its record cannot be written yet"),
        () = installed => {}
    }
    // The server learns that the caller has left.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    drop(paused);
    let mut recorded = None;
    for _ in 0..1000 {
        recorded = world.get("alpha").await.unwrap().certificate_expire_time;
        if recorded.is_some() {
            break;
        }
    }
    assert!(recorded.is_some());
}

#[tokio::test]
async fn pages_follow_one_another_and_tokens_are_of_the_list() {
    let world = World::new();
    for name in ["c", "a", "b"] {
        world.create(name).await.unwrap();
    }
    let list = async |size, token: Option<String>| {
        let request = ListToolsRequest { page_size: size, page_token: token };
        let page = world.tools().list_tools(request).await?.into_inner();
        let names: Vec<_> = page.tools.into_iter().map(|tool| tool.name).collect();
        Ok::<_, tonic::Status>((names, page.next_page_token))
    };
    let (names, next) = list(Some(2), None).await.unwrap();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(list(Some(2), next).await.unwrap(), (vec!["c".to_owned()], None));
    assert_eq!(list(None, None).await.unwrap().0.len(), 3);
    assert_eq!(refused(list(None, Some("b".into())).await).3, ["page_token"]);
    for size in [-1, 1001] {
        let (code, reason, _, fields, _) = refused(list(Some(size), None).await);
        assert_eq!(
            (code, reason.as_str(), fields),
            (Code::InvalidArgument, "INVALID_ARGUMENT", vec!["page_size".into()])
        );
    }
}

async fn told(watch: &mut Streaming<WatchToolsResponse>) -> (ChangeType, Option<String>) {
    let change = watch.message().await.unwrap().expect("the watch ended");
    (change.r#type(), change.tool.map(|tool| tool.name))
}

#[tokio::test]
async fn a_watch_tells_what_is_there_and_every_change() {
    let world = World::new();
    world.create("alpha").await.unwrap();
    let mut watch =
        world.tools_as("service:jobs").watch_tools(WatchToolsRequest {}).await.unwrap().into_inner();
    assert_eq!(told(&mut watch).await, (ChangeType::Put, Some("alpha".into())));
    assert_eq!(told(&mut watch).await, (ChangeType::Synced, None));
    world.delete("alpha", false).await.unwrap();
    let mut last = told(&mut watch).await;
    while last.0 == ChangeType::Put {
        last = told(&mut watch).await;
    }
    assert_eq!(last, (ChangeType::Deleted, Some("alpha".into())));
}
