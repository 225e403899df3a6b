//! Health and reflection, as their protocols want them.

use mesh::serve::{BuildError, Server, Services};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::descriptors;
use crate::echo::Echo;
use crate::world::{self, World};

fn service(name: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: name.into() }
}

#[tokio::test]
async fn health_begins_not_serving_and_ends_so() {
    let world = world::start().await;
    let mut health = HealthClient::new(world.channel("anonymous"));
    for name in ["", "test.v1.Echo"] {
        let answer = health.check(service(name)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::NotServing);
    }
    let mut watch = health.watch(service("test.v1.Echo")).await.unwrap().into_inner();
    let mut next = async || watch.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::NotServing);
    world.health.ready();
    assert_eq!(next().await, ServingStatus::Serving);
    assert_eq!(health.check(service("")).await.unwrap().into_inner().status(), ServingStatus::Serving);
    world.drain.begin();
    assert_eq!(next().await, ServingStatus::NotServing);
}

#[tokio::test]
async fn one_service_that_does_not_serve_takes_the_whole_down() {
    let world = world::start().await;
    let mut health = HealthClient::new(world.channel("anonymous"));
    world.health.ready();
    world.health.set("test.v1.Echo", false);
    assert_eq!(health.check(service("")).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    world.health.set("test.v1.Echo", true);
    assert_eq!(health.check(service("")).await.unwrap().into_inner().status(), ServingStatus::Serving);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_not_found_and_its_watch_stays() {
    let world = world::start().await;
    let mut health = HealthClient::new(world.channel("anonymous"));
    assert_eq!(health.check(service("no.Such")).await.unwrap_err().code(), Code::NotFound);
    let mut watch = health.watch(service("no.Such")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    let more = tokio::time::timeout(std::time::Duration::from_mins(10), watch.message()).await;
    assert!(more.is_err(), "the watch must stay open");
}

async fn reflect(
    world: &World,
    peer: &str,
    request: MessageRequest,
) -> Result<ServerReflectionResponse, tonic::Status> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut client = ServerReflectionClient::new(world.channel(peer));
    let requests = Request::new(futures_util::stream::iter([request]));
    let mut answers = client.server_reflection_info(requests).await?.into_inner();
    answers.message().await.map(Option::unwrap)
}

#[tokio::test]
async fn reflection_names_the_services_and_keeps_options() {
    let world = world::start().await;
    let answer = reflect(&world, "tool:alpha", MessageRequest::ListServices(String::new())).await.unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "test.v1.Echo",
    ];
    assert_eq!(names, expected);
    for name in expected {
        let symbol = MessageRequest::FileContainingSymbol(name.into());
        let answer = reflect(&world, "tool:alpha", symbol).await.unwrap();
        let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else {
            panic!("no file of {name}")
        };
        if name == "test.v1.Echo" {
            // the file is the only one of its set: tag 1, its length, and then the bytes that reflection gives
            assert!(
                descriptors::encoded().ends_with(&files.file_descriptor_proto[0]),
                "the bytes have changed"
            );
        }
    }
}

#[tokio::test]
async fn the_older_reflection_answers_too() {
    use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
    let world = world::start().await;
    let request = tonic_reflection::pb::v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileByFilename("test/v1/echo.proto".into())),
    };
    let mut client = ServerReflectionClient::new(world.channel("service:gateway"));
    let requests = Request::new(futures_util::stream::iter([request]));
    let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
    let answer = format!("{:?}", answers.message().await.unwrap().unwrap());
    assert!(answer.contains("FileDescriptorResponse"), "{answer}");
}

#[tokio::test]
async fn reflection_is_for_callers_with_a_credential() {
    let world = world::start().await;
    let refused =
        reflect(&world, "anonymous", MessageRequest::ListServices(String::new())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[test]
fn a_service_without_descriptors_is_not_served() {
    let built = Server::builder(Services::new().add(Echo::default())).build();
    assert!(matches!(built, Err(BuildError::Undescribed(name)) if name == "test.v1.Echo"));
}
