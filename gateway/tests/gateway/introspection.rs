//! What the gateway says of itself: documents, reflection, health.

use serde_json::Value;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse as Older;
use tonic_reflection::pb::{v1, v1alpha};

use crate::pki::Identity;
use crate::world::{Setup, World, start, start_with, within};

#[tokio::test]
async fn documents_list_every_route() {
    let world = start().await;
    let mut connection = world.connect_as(&Identity::default()).await;
    let mut all = Vec::new();
    for (target, prefix, count) in [
        ("/jobs/openapi.json", "/jobs/v1/", 14),
        ("/logs/openapi.json", "/logs/v1/", 3),
        ("/openapi.json", "/", 17),
    ] {
        let reply = connection.request("GET", target, "", b"").await;
        assert_eq!(reply.line, "HTTP/1.1 200 OK");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let document = reply.json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3."));
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        assert!(paths.iter().all(|path| path.starts_with(prefix)), "{paths:?}");
        assert_eq!(paths.len(), count, "{paths:?}");
        all = paths.into_iter().cloned().collect();
        let error = &document["components"]["schemas"]["Error"];
        assert!(error["properties"]["messages"].is_object(), "the error body is described: {error}");
    }
    for (path, methods) in [
        ("/jobs/v1/tool/{tool}/jobs", &["get", "post", "put", "patch", "delete"][..]),
        ("/jobs/v1/tool/{tool}/jobs/{name}", &["get", "delete"]),
        ("/jobs/v1/healthz", &["get"]),
        ("/logs/v1/tool/{tool}/job/{name}/logs_stream", &["get"]),
    ] {
        assert!(all.iter().any(|known| known == path), "{path} of {all:?}");
        let document: Value = connection.request("GET", "/openapi.json", "", b"").await.json();
        for method in methods {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
    assert_eq!(connection.request("GET", "/nowhere/openapi.json", "", b"").await.status(), 404);
}

pub(crate) async fn reflect(
    world: &World,
    identity: &Identity,
    ask: MessageRequest,
) -> Result<MessageResponse, tonic::Status> {
    let request = v1::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(world.channel(identity));
    let answers = client.server_reflection_info(tokio_stream::once(request)).await?;
    Ok(within(answers.into_inner().message()).await?.unwrap().message_response.unwrap())
}

#[tokio::test]
async fn reflection_has_every_service_with_its_options() {
    let world = start().await;
    let nobody = Identity::default();
    let listed = reflect(&world, &nobody, MessageRequest::ListServices(String::new())).await.unwrap();
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let names: Vec<&str> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for service in [
        "toolforge.jobs.v1.Jobs",
        "toolforge.jobs.v1.Runs",
        "toolforge.logs.v1.Logs",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ] {
        assert!(names.contains(&service), "{service} of {names:?}");
        let file = MessageRequest::FileContainingSymbol(service.to_owned());
        let answer = reflect(&world, &nobody, file).await.unwrap();
        let MessageResponse::FileDescriptorResponse(file) = answer else { panic!("{answer:?}") };
        let bytes = &file.file_descriptor_proto[0];
        let rule = b"/jobs/v1/tool/{tool}/jobs/{name}/restart";
        let has_rule = bytes.windows(rule.len()).any(|window| window == rule);
        assert_eq!(has_rule, service.ends_with(".Jobs"), "{service}");
    }
}

#[tokio::test]
async fn reflection_speaks_its_older_version_too() {
    let world = start().await;
    let ask = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
        "toolforge.jobs.v1.Jobs.RestartJob".to_owned(),
    );
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let channel = world.channel(&world.alpha);
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = within(answers.message()).await.unwrap().unwrap();
    assert!(matches!(answer.message_response, Some(Older::FileDescriptorResponse(_))), "{answer:?}");
}

#[tokio::test]
async fn reflection_knows_extensions_and_goes_on_after_an_error() {
    const HTTP: i32 = 72_295_728;
    let world = start().await;
    let of_methods = || "google.protobuf.MethodOptions".to_owned();
    let extension =
        |extension_number| v1::ExtensionRequest { containing_type: of_methods(), extension_number };
    let questions = [
        MessageRequest::FileContainingSymbol("nobody.v1.Nothing".to_owned()),
        MessageRequest::FileByFilename("nothing.proto".to_owned()),
        MessageRequest::FileContainingExtension(extension(1)),
        MessageRequest::AllExtensionNumbersOfType("nobody.v1.Nothing".to_owned()),
        MessageRequest::FileContainingExtension(extension(HTTP)),
        MessageRequest::AllExtensionNumbersOfType(of_methods()),
    ];
    let asked = questions.map(|question| v1::ServerReflectionRequest {
        host: "here".to_owned(),
        message_request: Some(question),
    });
    let channel = world.channel(&world.alpha);
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel);
    let stream = tokio_stream::iter(asked.clone());
    let mut answers = client.server_reflection_info(stream).await.unwrap().into_inner();
    let mut said = Vec::new();
    for question in asked {
        let answer = within(answers.message()).await.unwrap().unwrap();
        assert_eq!((&*answer.valid_host, answer.original_request), ("here", Some(question)));
        said.push(answer.message_response.unwrap());
    }
    for error in said.drain(..4) {
        let MessageResponse::ErrorResponse(error) = error else { panic!("{error:?}") };
        assert_eq!(Code::from(error.error_code), Code::NotFound, "{error:?}");
    }
    let MessageResponse::FileDescriptorResponse(file) = &said[0] else { panic!("{said:?}") };
    let name = b"google/api/annotations.proto";
    assert!(file.file_descriptor_proto[0].windows(name.len()).any(|window| window == name));
    let MessageResponse::AllExtensionNumbersResponse(numbers) = &said[1] else { panic!("{said:?}") };
    assert!(numbers.extension_number.contains(&HTTP), "{numbers:?}");
}

#[tokio::test]
async fn reflection_can_be_for_known_callers_alone() {
    let world = start_with(Setup { private_reflection: true, ..Setup::default() }).await;
    let list = || MessageRequest::ListServices(String::new());
    let refused = reflect(&world, &Identity::default(), list()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(reflect(&world, &world.alpha, list()).await.is_ok());
}

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_is_told_by_service() {
    let world = start().await;
    let mut client = HealthClient::new(world.channel(&Identity::default()));
    // the first word of the backend's health may still be on its way
    let mut watch = client.watch(ask("toolforge.jobs.v1.Jobs")).await.unwrap().into_inner();
    while within(watch.message()).await.unwrap().unwrap().status() != ServingStatus::Serving {}
    for service in ["", "toolforge.jobs.v1.Jobs", "toolforge.logs.v1.Logs", "grpc.health.v1.Health"] {
        let status = client.check(ask(service)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    assert_eq!(client.check(ask("nobody.v1.Nothing")).await.unwrap_err().code(), Code::NotFound);
    let mut unknown = client.watch(ask("nobody.v1.Nothing")).await.unwrap().into_inner();
    assert_eq!(within(unknown.message()).await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);

    world.backend.begin();
    while within(watch.message()).await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    let status = client.check(ask("toolforge.jobs.v1.Jobs")).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);
}
