//! Who may call what, at the service itself.

use api::config::v1::{
    CreateToolRequest, DeleteToolRequest, GetHealthRequest, GetMetricsRequest, GetToolRequest,
    ListToolsRequest, RenewCredentialsRequest, WatchToolsRequest,
};
use tonic::Code;

use crate::world::World;

/// The codes of `ListTools`, `GetTool`, `WatchTools`, `RenewCredentials`, `CreateTool` and `DeleteTool`.
async fn codes(world: &World, caller: &str) -> [Code; 6] {
    let mut tools = world.tools_as(caller);
    let name = || "gone".to_owned();
    macro_rules! code {
        ($call:expr) => {
            $call.await.map_or_else(|status| status.code(), |_| Code::Ok)
        };
    }
    [
        code!(tools.list_tools(ListToolsRequest::default())),
        code!(tools.get_tool(GetToolRequest { name: name() })),
        code!(tools.watch_tools(WatchToolsRequest {})),
        code!(tools.renew_credentials(RenewCredentialsRequest { name: name() })),
        code!(tools.create_tool(CreateToolRequest { name: "new".into(), request_id: None })),
        code!(tools.delete_tool(DeleteToolRequest { name: "new".into(), ..Default::default() })),
    ]
}

#[tokio::test]
async fn each_kind_of_caller_reaches_what_it_may() {
    use Code::{NotFound, Ok, PermissionDenied as No, Unauthenticated};
    let world = World::new();
    assert_eq!(codes(&world, "admin:root").await, [Ok, NotFound, Ok, NotFound, Ok, Ok]);
    assert_eq!(codes(&world, "service:jobs").await, [Ok, NotFound, Ok, No, No, No]);
    assert_eq!(codes(&world, "service:gateway").await, [No, No, Ok, No, No, No]);
    assert_eq!(codes(&world, "service:web").await, [No; 6]);
    assert_eq!(codes(&world, "tool:gone").await, [No; 6]);
    assert_eq!(codes(&world, "deploy:gone").await, [No; 6]);
    assert_eq!(codes(&world, "anonymous").await, [Unauthenticated; 6]);
}

#[tokio::test]
async fn health_and_metrics_are_for_everybody() {
    let world = World::new();
    let health = world.status().get_health(GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.health.unwrap().status, "OK");
    let metrics = world.status().get_metrics(GetMetricsRequest {}).await.unwrap().into_inner();
    assert_eq!(metrics.content_type, "text/plain; version=0.0.4");
    assert_eq!(metrics.data, b"tools_total 1\n".as_slice());
}
