//! The two usual gRPC-Web clients of the web: Connect's in the binary form, Google's in the text form.

use std::path::Path;
use std::process::Command;

use gateway_suite::{Backend, Gateway, npm_package, proto};
use serde_json::{Value, json};

/// What the clients saw, as their script tells it.
fn seen(url: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let descriptors = folder.path().join("library.bin");
    std::fs::write(&descriptors, proto::LIBRARY_DESCRIPTORS).unwrap();
    // Node finds packages beside the script's real place
    let script = folder.path().join("grpc_web.mjs");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/grpc_web.mjs"), &script).unwrap();
    let packages = npm_package("grpc-web").unwrap();
    std::os::unix::fs::symlink(packages.parent().unwrap(), folder.path().join("node_modules")).unwrap();
    let output = Command::new("node").arg(script).arg(url).arg(descriptors).output().expect("node starts");
    let told = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("the clients failed: {told}{error}"))
}

#[test]
fn both_clients_call_stream_and_fail() {
    let backend = Backend::start().unwrap();
    let gateway = Gateway::before(&backend.uri()).unwrap();
    let seen = seen(gateway.url().unwrap());
    let names = |count| (1..=count).map(|n| json!(format!("shelves/a/books/{n}"))).collect::<Vec<_>>();
    assert_eq!(seen["unary"]["value"], "shelves/a/books/1", "{seen:#}");
    assert_eq!((&seen["failed"]["code"], &seen["failed"]["message"]), (&json!(9), &json!("not now: ü")));
    assert_ne!(seen["failed"]["details"], json!([]), "details of errors arrive");
    assert_eq!(seen["stream"], json!({"names": names(3)}));
    assert_eq!(seen["broken"], json!({"names": names(2), "code": 10}));
    assert_eq!(seen["late"]["code"], 4, "{seen:#}");
    assert_eq!(seen["metadata"], json!({"header": "before", "asked": ["yes"]}));
    assert_eq!(seen["textUnary"], "shelves/ü/books/1");
    assert_eq!(seen["textFailed"], json!({"code": 5, "message": "nowhere"}));
    assert_eq!(seen["textStream"], json!(names(3)));
}
