//! What must hold for any input: nothing panics, and what was taken once is printed and taken again as the same.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};
use transcode::{
    CompileOptions, GoogleRules, HttpRule, InputFormat, Program, RequestErrorKind, SelectedHttpRule,
    StreamReader, UnknownFields,
};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: &[Target] = &[
    ("template", template),
    ("url", url),
    ("query", query),
    ("json", json),
    ("wire", wire),
    ("chunks", chunks),
];

/// The messages that are read and printed.
const MESSAGES: &[&str] = &[
    "test.v1.All",
    "test.legacy.Old",
    "test.library.Book",
    "test.library.ListBooksRequest",
    "google.protobuf.Any",
    "google.protobuf.Value",
    "google.protobuf.Timestamp",
    "google.protobuf.FieldMask",
];

/// No value of a stream is longer.
const LONGEST: usize = 64;

/// A path template, a line feed, and a path that may match it.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (template, path) = text.split_once('\n').unwrap_or((text, "/a/b:c"));
    let rule = HttpRule { method: "GET".to_owned(), path: template.to_owned(), ..HttpRule::default() };
    let selector = "*".parse().expect("a selector of everything");
    let http_rules = vec![SelectedHttpRule { selector, rule }];
    let options = CompileOptions { http_rules, ..CompileOptions::default() };
    let compiled = Program::compile(&[tiny()], &GoogleRules, options).expect("the file is good");
    bind(&compiled.program, "GET", path, None);
}

/// A byte that names the method of HTTP, and a path.
pub fn url(data: &[u8]) {
    let Some((first, path)) = data.split_first() else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "REPORT", "HEAD", "get"];
    let method = methods[usize::from(*first) % methods.len()];
    if let Ok(allowed) = program().allow(path) {
        let routed = program().route(method, path).is_ok();
        assert!(!routed || !allowed.is_empty(), "{method} {path} is routed, and nothing is allowed");
    }
    bind(program(), method, path, None);
}

/// A query for a message with a field of every kind. What is bound can be printed.
pub fn query(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    if let Some(framed) = bind(program(), "GET", "/all", Some(query)) {
        let wire = framed.get(transcode::FRAME_HEADER..).expect("a frame has its header");
        let mut out = Vec::new();
        program().message_to_json("test.v1.All", wire, &mut out).expect("what a query said can be printed");
    }
}

/// A byte that names the message, and JSON. What is taken is printed, taken again, and printed as the same.
pub fn json(data: &[u8]) {
    let Some((message, json)) = message(data) else { return };
    for unknown in [UnknownFields::Ignore, UnknownFields::Reject] {
        let Some(wire) = read(message, json, unknown) else { continue };
        let mut printed = Vec::new();
        program().message_to_json(message, &wire, &mut printed).expect("what was read can be printed");
        stable(message, &printed);
    }
}

/// A byte that names the message, and bytes from a backend. What is printed is JSON, and is taken.
pub fn wire(data: &[u8]) {
    let Some((message, wire)) = message(data) else { return };
    let mut printed = Vec::new();
    if program().message_to_json(message, wire, &mut printed).is_ok() {
        let text = std::str::from_utf8(&printed).expect("JSON is UTF-8");
        let value: Result<serde_json::Value, _> = serde_json::from_str(text);
        value.unwrap_or_else(|error| panic!("{error} in {text}"));
        stable(message, &printed);
    }
}

/// A byte for the form, one for the length of chunks, and a streamed body: the same values however it is cut.
pub fn chunks(data: &[u8]) {
    let [form, length, body @ ..] = data else { return };
    let form = if form & 1 == 0 { InputFormat::Json } else { InputFormat::NdJson };
    let length = usize::from(*length).max(1);
    let whole = records(form, &mut std::iter::once(body));
    let cut = records(form, &mut body.chunks(length));
    assert_eq!(whole, cut, "chunks of {length} bytes");
}

type Records = (Vec<(Vec<u8>, usize)>, Option<String>);

/// The values, each with its place, and the refusal that ends them.
fn records(form: InputFormat, chunks: &mut dyn Iterator<Item = &[u8]>) -> Records {
    let mut reader = StreamReader::new(form, LONGEST);
    let mut found = Vec::new();
    for chunk in chunks {
        let mut chunk = Bytes::copy_from_slice(chunk);
        loop {
            match reader.next(&mut chunk) {
                Ok(Some(record)) => found.push((record.json.to_vec(), record.position)),
                Ok(None) => break,
                Err(error) => return (found, Some(format!("{:?} {:?}", error.kind(), error.record()))),
            }
        }
    }
    match reader.end() {
        Ok(last) => found.extend(last.map(|record| (record.json.to_vec(), record.position))),
        Err(error) => return (found, Some(format!("{:?} {:?}", error.kind(), error.record()))),
    }
    (found, None)
}

/// The request that path and query say, without a body.
fn bind(program: &Program, method: &str, path: &str, query: Option<&str>) -> Option<Vec<u8>> {
    let bound = program.route(method, path).ok()?.bind(path, query).ok()?;
    for (name, value) in bound.path_values() {
        assert_eq!(bound.path_value(name), Some(value));
    }
    bound.request(None).ok()
}

/// The message that the first byte names, and the rest.
fn message(data: &[u8]) -> Option<(&'static str, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((MESSAGES[usize::from(*first) % MESSAGES.len()], rest))
}

fn read(message: &str, json: &[u8], unknown: UnknownFields) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    program().json_to_message(message, json, unknown, &mut wire).expect("the message is known").ok()?;
    Some(wire)
}

/// What was printed is taken, and printed as the same.
fn stable(message: &str, printed: &[u8]) {
    let text = || String::from_utf8_lossy(printed).into_owned();
    let mut wire = Vec::new();
    let taken = program().json_to_message(message, printed, UnknownFields::Reject, &mut wire);
    match taken.expect("the message is known") {
        Ok(()) => {}
        // a backend may leave out what proto2 requires, a client may not
        Err(error) if error.kind() == RequestErrorKind::MissingField => return,
        Err(error) => panic!("{error} in {}", text()),
    }
    let mut again = Vec::new();
    program()
        .message_to_json(message, &wire, &mut again)
        .unwrap_or_else(|error| panic!("{error} in {}", text()));
    assert_eq!(String::from_utf8_lossy(&again), text());
}

/// The test protos with Google's mapping.
fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // of the crate itself, or of the one beside it
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let roots = [own.join("tests/proto"), own.join("../tests/proto")];
        let root = roots.iter().find(|root| root.is_dir()).expect("the test protos");
        let mut compiler = protox::Compiler::new([root]).expect("a folder of protos");
        compiler.include_imports(true);
        let files = ["test/all.proto", "test/binding.proto", "test/legacy.proto", "test/library.proto"];
        compiler.open_files(files).expect("good protos");
        let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).expect("a set");
        Program::compile(&files, &GoogleRules, CompileOptions::default()).expect("a program").program
    })
}

/// `service S { rpc R(M) returns (M); }`, where M has a text and itself.
fn tiny() -> Bytes {
    let field = |name: &str, number, kind: Type, type_name: Option<&str>| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        type_name: type_name.map(str::to_owned),
        ..FieldDescriptorProto::default()
    };
    let fields = vec![field("a", 1, Type::String, None), field("m", 2, Type::Message, Some(".t.M"))];
    let method = MethodDescriptorProto {
        name: Some("R".to_owned()),
        input_type: Some(".t.M".to_owned()),
        output_type: Some(".t.M".to_owned()),
        ..MethodDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("t.proto".to_owned()),
        package: Some("t".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![DescriptorProto {
            name: Some("M".to_owned()),
            field: fields,
            ..DescriptorProto::default()
        }],
        service: vec![ServiceDescriptorProto {
            name: Some("S".to_owned()),
            method: vec![method],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    };
    file.encode_to_vec().into()
}
