//! OpenAPI documents against the official JSON Schemas of OpenAPI 3.1 and 3.2 (PyPI `openapi-spec-validator`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use gateway_suite::{npm_package, python};
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};
use transcode::{
    CompileOptions, GoogleRules, OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Program,
    SecurityScheme,
};

/// A program of these files, which are found in these folders.
fn program(folders: &[PathBuf], files: &[&str]) -> Program {
    let mut resolver = ChainFileResolver::new();
    // first, for npm has them in a newer edition than protox reads
    resolver.add(GoogleFileResolver::new());
    for folder in folders {
        resolver.add(IncludeFileResolver::new(folder.clone()));
    }
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program
}

fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// Makes every document of a program, and has all of them judged at once.
fn validate(name: &str, program: &Program) {
    let folder = tempfile::tempdir().unwrap();
    let security =
        vec![SecurityScheme::MutualTls, SecurityScheme::Bearer, SecurityScheme::ApiKey("x-key".into())];
    let info = OpenApiInfo {
        title: name.to_owned(),
        version: "1".to_owned(),
        servers: vec!["https://api.example.org".to_owned()],
        security,
        ..OpenApiInfo::default()
    };
    let segments = program.first_segments();
    let parts: Vec<Option<&str>> =
        [None].into_iter().chain(segments.iter().map(|s| Some(s.as_str()))).collect();
    let (began, mut count, mut bytes) = (Instant::now(), 0, 0);
    for (version, number) in [(OpenApiVersion::V3_1, "3.1"), (OpenApiVersion::V3_2, "3.2")] {
        let mut files = Vec::new();
        for forms in [OpenApiForms::Canonical, OpenApiForms::Accepted] {
            for (index, first_segment) in parts.iter().copied().enumerate() {
                let document = program.openapi(&info, OpenApiView { version, forms, first_segment });
                bytes += document.len();
                let file = folder.path().join(format!("{number}-{forms:?}-{index}.json"));
                std::fs::write(&file, document).unwrap();
                files.push(file);
            }
        }
        count += files.len();
        let mut validator = Command::new(python("openapi-spec-validator").unwrap());
        let judged = validator.args(["--schema", number]).args(&files).output().unwrap();
        let said = String::from_utf8_lossy(&judged.stdout) + String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success(), "{name}, OpenAPI {number}:\n{said}");
        assert_eq!(said.matches(": OK").count(), files.len(), "{said}");
    }
    let mut out = std::io::stdout();
    let line = format!(
        "{name}: {} routes, {count} documents of {bytes} bytes are valid OpenAPI 3.1 and 3.2, in {:.1} s\n",
        program.routes().count(),
        began.elapsed().as_secs_f64()
    );
    std::io::Write::write_all(&mut out, line.as_bytes()).unwrap();
}

#[test]
fn documents_of_the_test_services_are_valid() {
    let folders = [repository("gateway/suite/proto"), repository("proto")];
    validate("library", &program(&folders, &["library/v1/library.proto", "library/v1/shapes.proto"]));
    let folders = [repository("gateway/transcode/tests/proto")];
    validate("test", &program(&folders, &["test/all.proto", "test/legacy.proto", "test/library.proto"]));
}

#[test]
fn documents_of_toolforge_are_valid() {
    let mut files = Vec::new();
    for package in ["toolforge/jobs/v1", "toolforge/logs/v1", "toolforge/config/v1"] {
        for file in std::fs::read_dir(repository("proto").join(package)).unwrap() {
            files.push(format!("{package}/{}", file.unwrap().file_name().into_string().unwrap()));
        }
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    validate("toolforge", &program(&[repository("proto")], &files));
}

#[test]
fn documents_of_google_are_valid() {
    let folder = npm_package("google-proto-files").unwrap();
    for file in [
        "google/pubsub/v1/pubsub.proto",
        "google/longrunning/operations.proto",
        "google/cloud/vision/v1/image_annotator.proto",
        "google/spanner/v1/spanner.proto",
    ] {
        validate(file, &program(std::slice::from_ref(&folder), &[file]));
    }
}
