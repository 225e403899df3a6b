//! Several backends whose files have the same names, or define the same types in other ways.

use std::path::Path;

use gateway::Backend;
use mesh::client::{Channel, Endpoint};
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::echo::{self, Echo, file, message};
use crate::introspection::reflect;
use crate::process::output;
use crate::world::{World, start_with_backends, within};

/// `service.proto` of a package, whose message holds a `common.Thing`.
fn service(package: &str) -> FileDescriptorProto {
    let name = format!(".{package}.Request");
    let request = message("Request", &[("thing", 1, ".common.Thing")]);
    file(("service.proto", package), &["common.proto"], vec![request], &[("S", &[("Echo", &name)])])
}

fn common(kind: &str) -> FileDescriptorProto {
    file(("common.proto", "common"), &[], vec![message("Thing", &[("size", 1, kind)])], &[])
}

/// Two backends with files of the same names and other content.
fn clashing(directory: &Path) -> ([Echo; 2], [String; 2]) {
    let echoes = [("a", "string"), ("b", "int32")]
        .map(|(package, kind)| (package, Echo::new(vec![service(package), common(kind)])));
    let paths = echoes.each_ref().map(|(package, echo)| {
        let path = directory.join(package);
        echo.serve(&path);
        path.display().to_string()
    });
    (echoes.map(|(_, echo)| echo), paths)
}

async fn world(paths: &[String]) -> World {
    let backends = paths.iter().zip(["first", "second"]);
    let backends = backends.map(|(path, name)| Backend::new(name, &Channel::new(Endpoint::unix(path))));
    let (world, ready) = start_with_backends(backends.collect(), echo::setup()).await;
    within(ready).await.unwrap();
    world
}

#[tokio::test]
async fn each_backend_is_served_by_its_own_files() {
    let directory = tempfile::tempdir().unwrap();
    let (echoes, paths) = clashing(directory.path());
    let world = world(&paths).await;
    for (path, body) in
        [("/a.S/Echo", r#"{"thing":{"size":"large"}}"#), ("/b.S/Echo", r#"{"thing":{"size":7}}"#)]
    {
        let reply = world.send("POST", path, body.as_bytes()).await;
        assert_eq!((reply.status(), reply.text()), (200, body));
    }
    let heard = echoes.map(|echo| echo.heard().into_iter().map(|(_, bytes)| bytes.to_vec()).next().unwrap());
    assert_eq!(heard, [b"\n\x07\n\x05large".to_vec(), vec![10, 2, 8, 7]]);
    let refused = world.send("POST", "/b.S/Echo", br#"{"thing":{"size":"large"}}"#).await;
    assert_eq!(refused.status(), 400);

    let schemas = world.request("GET", "/openapi.json").await.json()["components"]["schemas"].clone();
    assert_eq!(schemas["common.Thing"]["properties"]["size"]["type"], "string");
    assert_eq!(schemas["common.Thing-2"]["properties"]["size"]["type"], "integer");
    assert_eq!(
        world.gateway.state().warnings,
        [
            "the file common.proto of the backend second is another one than that of first: each is served by its own, \
             reflection tells that of first",
            "the file service.proto of the backend second is another one than that of first: each is served by its own, \
             reflection tells that of first",
        ]
    );
}

#[tokio::test]
async fn reflection_tells_the_first_file_of_a_name_and_every_service() {
    let directory = tempfile::tempdir().unwrap();
    let (_echoes, paths) = clashing(directory.path());
    let world = world(&paths).await;
    let told = async |ask| {
        let MessageResponse::FileDescriptorResponse(told) = reflect(&world, &world.alpha, ask).await.unwrap()
        else {
            panic!("no file")
        };
        FileDescriptorProto::decode(&*told.file_descriptor_proto[0]).unwrap()
    };
    assert_eq!(told(MessageRequest::FileByFilename("service.proto".into())).await, service("a"));
    assert_eq!(told(MessageRequest::FileContainingSymbol("b.S".into())).await, service("b"));
    assert_eq!(told(MessageRequest::FileContainingSymbol("common.Thing".into())).await, common("string"));
}

#[tokio::test]
async fn a_service_of_two_backends_is_told_and_the_first_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let echoes = ["string", "int32"].map(|kind| Echo::new(vec![service("a"), common(kind)]));
    let paths = ["one", "two"].map(|name| directory.path().join(name).display().to_string());
    for (echo, path) in echoes.iter().zip(&paths) {
        echo.serve(Path::new(path));
    }
    let world = world(&paths).await;
    let body = r#"{"thing":{"size":"large"}}"#;
    assert_eq!(world.send("POST", "/a.S/Echo", body.as_bytes()).await.text(), body);
    assert_eq!(echoes.map(|echo| echo.heard().len()), [1, 0]);
    let warnings = world.gateway.state().warnings;
    let told = "the service a.S of the backend second gets no calls, because first has it too";
    assert!(warnings.iter().any(|warning| warning == told), "{warnings:?}");
}

#[tokio::test]
async fn a_check_fails_where_files_clash() {
    let directory = tempfile::tempdir().unwrap();
    let (_echoes, paths) = clashing(directory.path());
    let [first, second] =
        paths.each_ref().map(String::as_str).map(|path| format!("{}=unix:{path}", &path[path.len() - 1..]));
    let checked = output(&["--backend", &first, "--backend", &second, "--check"]).await;
    assert!(!checked.status.success());
    let [out, log] = [checked.stdout, checked.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(out.contains("common.proto of the backend b is another one"), "{out}");
    assert!(log.contains("2 parts of the schema cannot be served"), "{log}");
}
