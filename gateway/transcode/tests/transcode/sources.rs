//! One program of several servers: each by its own files.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;
use transcode::{
    Body, CompileOptions, Compiled, GoogleRules, OpenApiInfo, OpenApiView, Program, Source, Warning,
};

/// The files of `main.proto`, which imports these others.
fn files(main: &str, others: &[(&str, &str)]) -> Vec<Bytes> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in others.iter().chain(&[("main.proto", main)]) {
        std::fs::write(directory.path().join(name), format!("syntax = \"proto3\";\n{text}")).unwrap();
    }
    let mut compiler = protox::Compiler::new([directory.path()]).unwrap();
    compiler.include_imports(true).open_files(["main.proto"]).unwrap();
    transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap()
}

fn service(package: &str, message: &str) -> String {
    format!(
        "package {package}; import \"shared.proto\"; import \"google/protobuf/any.proto\";
         message Box {{ {message} shared.Thing thing = 2; google.protobuf.Any any = 3; shared.Same same = 4; }}
         service S {{ rpc Echo(Box) returns (Box); }}"
    )
}

const FIRST: &str = "package shared; message Thing { string size = 1; } message Same { Deep deep = 1; }
    message Deep { int32 n = 1; } message Alone { Alike alike = 1; } message Alike { int32 n = 1; }";
const SECOND: &str =
    "package shared; message Thing { int32 size = 1; string more = 2; } message Same { Deep deep = 1; }
    message Deep { int64 n = 1; } message Alone { Alike alike = 1; } message Alike { int32 n = 1; }";

fn compile(sources: &[(&[Bytes], &[&str])]) -> Compiled {
    let services: Vec<Vec<String>> =
        sources.iter().map(|(_, names)| names.iter().map(|name| (*name).to_owned()).collect()).collect();
    let sources: Vec<_> =
        sources.iter().zip(&services).map(|((files, _), services)| Source { files, services }).collect();
    let options = CompileOptions { default_bindings: true, ..CompileOptions::default() };
    Program::compile_sources(&sources, &GoogleRules, options).unwrap()
}

fn wire(program: &Program, path: &str, body: &str) -> Result<Vec<u8>, String> {
    let bound = program.route("POST", path).unwrap().bind(path, None).unwrap();
    let frame = bound.request(Some(Body { content_type: None, data: body.as_bytes() }));
    Ok(frame.map_err(|error| error.to_string())?[transcode::FRAME_HEADER..].to_vec())
}

fn echo(program: &Program, path: &str, body: &str) -> String {
    let wire = wire(program, path, body).unwrap();
    let mut out = Vec::new();
    program.route("POST", path).unwrap().response(&wire, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn messages_are_those_of_a_method_s_own_source() {
    let first = files(&service("a", "string name = 1;"), &[("shared.proto", FIRST)]);
    let second = files(&service("b", "int32 count = 1;"), &[("shared.proto", SECOND)]);
    let compiled = compile(&[(&first, &["a.S"]), (&second, &["b.S"])]);
    assert_eq!(compiled.warnings, []);
    assert_eq!(compiled.contradictions, ["shared.Deep", "shared.Thing"]);
    let program = compiled.program;
    for (path, body) in [
        ("/a.S/Echo", r#"{"name":"n","thing":{"size":"large"}}"#),
        ("/b.S/Echo", r#"{"count":3,"thing":{"size":4,"more":"m"},"same":{"deep":{"n":"5000000000"}}}"#),
        // `Any` too has the types of the method's source
        ("/a.S/Echo", r#"{"any":{"@type":"type.googleapis.com/shared.Thing","size":"large"}}"#),
        ("/b.S/Echo", r#"{"any":{"@type":"type.googleapis.com/shared.Thing","size":4,"more":"m"}}"#),
    ] {
        assert_eq!(echo(&program, path, body), body, "{path}");
    }
    assert!(wire(&program, "/a.S/Echo", r#"{"thing":{"more":"m"}}"#).unwrap_err().contains("more"));
    let thing = [10, 1, b'x'];
    let detail = |path| {
        let mut json = Vec::new();
        program.method(path).unwrap().any_to_json("t/shared.Thing", &thing, &mut json).unwrap();
        String::from_utf8(json).unwrap()
    };
    assert_eq!(detail("/a.S/Echo"), r#"{"@type":"t/shared.Thing","size":"x"}"#);
    assert_eq!(detail("/b.S/Echo"), r#"{"@type":"t/shared.Thing"}"#);
}

#[test]
fn documents_tell_types_of_one_name_apart() {
    let first = files(&service("a", "string name = 1; shared.Alone alone = 5;"), &[("shared.proto", FIRST)]);
    let second =
        files(&service("b", "int32 count = 1; shared.Alone alone = 5;"), &[("shared.proto", SECOND)]);
    let program = compile(&[(&first, &["a.S"]), (&second, &["b.S"])]).program;
    let document: Value =
        serde_json::from_str(&program.openapi(&OpenApiInfo::default(), OpenApiView::default())).unwrap();
    let schemas = &document["components"]["schemas"];
    let names: BTreeSet<&str> = schemas.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "Error",
        "a.Box",
        "b.Box",
        "shared.Alike",
        "shared.Alone",
        "shared.Deep",
        "shared.Deep-2",
        "shared.Same",
        "shared.Same-2",
        "shared.Thing",
        "shared.Thing-2",
    ];
    assert_eq!(names, expected.into());
    let thing = |of: &str| schemas[of]["properties"]["thing"]["$ref"].as_str().unwrap().to_owned();
    assert_eq!(thing("a.Box"), "#/components/schemas/shared.Thing");
    assert_eq!(thing("b.Box"), "#/components/schemas/shared.Thing-2");
    assert_eq!(schemas["shared.Thing"]["properties"]["size"]["type"], "string");
    assert_eq!(schemas["shared.Thing-2"]["properties"]["size"]["type"], "integer");
    assert_eq!(schemas["shared.Same-2"]["properties"]["deep"]["$ref"], "#/components/schemas/shared.Deep-2");
}

#[test]
fn sources_that_agree_share_their_types() {
    // files of one name with other things in them, and the same types in files of other names
    let first = files(&service("a", "string name = 1;"), &[("shared.proto", FIRST)]);
    let second = files(
        &service("b", "int32 count = 1;").replace("shared.proto", "other.proto"),
        &[("other.proto", FIRST)],
    );
    let compiled = compile(&[(&first, &["a.S"]), (&second, &["b.S"])]);
    assert_eq!((compiled.warnings, compiled.contradictions), (vec![], vec![]));
    let body = r#"{"count":3,"thing":{"size":"4"}}"#;
    assert_eq!(echo(&compiled.program, "/b.S/Echo", body), body);
    assert_eq!(compiled.program.methods().count(), 2);
}

#[test]
fn versions_of_options_do_not_matter() {
    let option = |kind: &str| {
        format!(
            "import \"google/protobuf/descriptor.proto\"; package options; message Rule {{ {kind} rule = 1; }}
             extend google.protobuf.FieldOptions {{ Rule rule = 50001; }}"
        )
    };
    let main = |package: &str| {
        format!(
            "package {package}; import \"options.proto\"; message M {{ string s = 1 [(options.rule) = {{}}]; }}
             service S {{ rpc Echo(M) returns (M); }}"
        )
    };
    let first = files(&main("a"), &[("options.proto", &option("string"))]);
    let second = files(&main("b"), &[("options.proto", &option("int32"))]);
    assert!(compile(&[(&first, &["a.S"]), (&second, &["b.S"])]).contradictions.is_empty());
}

#[test]
fn a_service_belongs_to_the_first_that_has_it() {
    let first = files(&service("a", "string name = 1;"), &[("shared.proto", FIRST)]);
    let second = files(&service("a", "int32 name = 1;"), &[("shared.proto", SECOND)]);
    let number = r#"{"name":3}"#;
    let of_both = compile(&[(&first, &["a.S"]), (&second, &["a.S"])]);
    assert_eq!(of_both.warnings, []);
    assert!(wire(&of_both.program, "/a.S/Echo", number).is_err());
    // a file of it alone gives no claim
    let of_second = compile(&[(&first, &[]), (&second, &["a.S"])]);
    assert_eq!(echo(&of_second.program, "/a.S/Echo", number), number);
    assert_eq!(of_second.program.routes().count(), 1);
}

#[test]
fn routes_of_two_sources_collide_as_those_of_one() {
    let main = |package: &str| {
        format!(
            "package {package}; import \"http.proto\"; message M {{ string s = 1; }}
             service S {{ rpc Get(M) returns (M) {{ option (google.api.http) = {{ get: \"/v1/x\" }}; }} }}"
        )
    };
    let http = "package google.api; import \"google/protobuf/descriptor.proto\";
        message HttpRule { string get = 2; }
        extend google.protobuf.MethodOptions { HttpRule http = 72295728; }";
    let [first, second] = ["a", "b"].map(|package| files(&main(package), &[("http.proto", http)]));
    let compiled = compile(&[(&first, &["a.S"]), (&second, &["b.S"])]);
    let expected = Warning::Collision {
        method: "b.S.Get".into(),
        rule: "GET /v1/x".into(),
        taken_by: "a.S.Get".into(),
        taken_rule: "GET /v1/x".into(),
    };
    assert_eq!(compiled.warnings, [expected]);
}
