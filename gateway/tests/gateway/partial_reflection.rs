//! Reflection that does not know all that it lists, and reflection of the older version alone.

use gateway::Backend;
use mesh::client::{Channel, Endpoint};

use crate::echo::{self, Echo, file, message};
use crate::process::output;
use crate::world::{World, start_with_backend, within};

const BODY: &[u8] = br#"{"text":"x"}"#;

/// A file of a service by this name, which imports these.
fn service(name: &str, imports: &[&str]) -> prost_types::FileDescriptorProto {
    let (file_name, package) = (format!("{name}.proto"), name.to_owned());
    let message = message("M", &[("text", 1, "string")]);
    file((&file_name, &package), imports, vec![message], &[("S", &[("Echo", &format!(".{name}.M"))])])
}

async fn world(echo: &Echo, directory: &tempfile::TempDir) -> World {
    let path = directory.path().join("echo");
    echo.serve(&path);
    let backend = Backend::new("echo", &Channel::new(Endpoint::unix(&path)));
    let (world, ready) = start_with_backend(backend, echo::setup()).await;
    within(ready).await.unwrap();
    world
}

async fn status(world: &World, path: &str) -> u16 {
    world.send("POST", path, BODY).await.status()
}

#[tokio::test]
async fn a_service_that_reflection_does_not_know_is_left_out_and_the_rest_serves() {
    let directory = tempfile::tempdir().unwrap();
    let mut echo = Echo::new(vec![service("a", &[])]);
    echo.unknown = vec!["by.Hand".to_owned()];
    let world = world(&echo, &directory).await;
    assert_eq!(status(&world, "/a.S/Echo").await, 200);
    let told = "the service by.Hand of the backend echo is left out: reflection does not know it: there is nothing of that \
                name";
    assert_eq!(world.gateway.state().warnings, [told]);

    let backend = format!("echo=unix:{}", directory.path().join("echo").display());
    let checked = output(&["--backend", &backend, "--check"]).await;
    assert!(!checked.status.success());
    let out = String::from_utf8(checked.stdout).unwrap();
    assert!(out.contains(told), "{out}");
}

#[tokio::test]
async fn a_service_that_lacks_a_file_is_left_out_and_the_rest_serves() {
    let directory = tempfile::tempdir().unwrap();
    let between = file(("between.proto", "between"), &["nowhere.proto"], vec![], &[]);
    let files = vec![service("a", &["common.proto"]), service("b", &["common.proto", "between.proto"])];
    let common = file(("common.proto", "common"), &[], vec![], &[]);
    let echo = Echo::new([files, vec![between, common]].concat());
    let world = world(&echo, &directory).await;
    assert_eq!(status(&world, "/a.S/Echo").await, 200);
    assert_eq!(status(&world, "/b.S/Echo").await, 404);
    let told =
        "the service b.S of the backend echo is left out: reflection does not tell the file nowhere.proto";
    assert_eq!(world.gateway.state().warnings, [told]);
    assert_eq!(world.gateway.state().backends[0].services, ["a.S"]);
}

#[tokio::test]
async fn the_older_version_of_reflection_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let mut echo =
        Echo::new(vec![service("a", &["common.proto"]), file(("common.proto", "c"), &[], vec![], &[])]);
    echo.only_older = true;
    echo.unknown = vec!["by.Hand".to_owned()];
    let world = world(&echo, &directory).await;
    assert_eq!(status(&world, "/a.S/Echo").await, 200);
    assert_eq!(world.gateway.state().warnings.len(), 1, "by.Hand");
}
