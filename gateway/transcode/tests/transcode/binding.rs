//! The program of `test/binding.proto`, and requests through it.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use transcode::{Body, CompileOptions, Compiled, GoogleRules, Program, RequestError, Rules, UnknownFields};

pub(crate) fn compile(rules: &dyn Rules, options: CompileOptions) -> Compiled {
    static FILES: OnceLock<Vec<Bytes>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
        let mut compiler = protox::Compiler::new([root]).unwrap();
        compiler.include_imports(true).open_files(["test/binding.proto"]).unwrap();
        transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap()
    });
    Program::compile(files, rules, options).unwrap()
}

/// The program with Google's mapping.
pub(crate) fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| compile(&GoogleRules, CompileOptions::default()).program)
}

/// The wire bytes of a request such as `GET /path?query`.
pub(crate) fn wire(program: &Program, target: &str, body: &str) -> Result<Vec<u8>, RequestError> {
    let (method, rest) = target.split_once(' ').unwrap();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let bound = program.route(method, path).unwrap().bind(path, query)?;
    let frame = bound.request(Some(Body { content_type: None, data: body.as_bytes() }))?;
    Ok(frame[transcode::FRAME_HEADER..].to_vec())
}

/// The request message as JSON.
pub(crate) fn request(program: &Program, target: &str, body: &str) -> Result<String, String> {
    let (method, rest) = target.split_once(' ').unwrap();
    let route = program.route(method, rest.split('?').next().unwrap()).unwrap();
    let wire = wire(program, target, body).map_err(|e| e.to_string())?;
    let mut json = Vec::new();
    program.message_to_json(route.method().input_type(), &wire, &mut json).unwrap();
    // and the same again from what was printed
    let mut again = Vec::new();
    let read = program.json_to_message(route.method().input_type(), &json, UnknownFields::Reject, &mut again);
    assert!(read.unwrap().is_ok());
    Ok(String::from_utf8(json).unwrap())
}
