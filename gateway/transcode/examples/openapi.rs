//! Prints the OpenAPI document of an encoded descriptor set: `openapi SET [3.1|3.2] [canonical|accepted] [SEGMENT]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test tool that may stop at the first surprise"
)]

use std::time::Instant;

use transcode::{
    CompileOptions, GoogleRules, NameStyle, OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Program,
};

fn main() {
    let mut args = std::env::args().skip(1);
    let set = std::fs::read(args.next().unwrap()).unwrap();
    let version =
        if args.next().as_deref() == Some("3.2") { OpenApiVersion::V3_2 } else { OpenApiVersion::V3_1 };
    let accepted = args.next().as_deref() == Some("accepted");
    let forms = if accepted { OpenApiForms::Accepted } else { OpenApiForms::Canonical };
    let segment = args.next();
    let files = transcode::files_of_set(&set).unwrap();
    let options = CompileOptions { names: NameStyle::Json, ..CompileOptions::default() };
    let compiled = Program::compile(&files, &GoogleRules, options).unwrap();
    let info = OpenApiInfo { title: "API".to_owned(), version: "1".to_owned(), ..OpenApiInfo::default() };
    let began = Instant::now();
    let view = OpenApiView { version, forms, first_segment: segment.as_deref() };
    let document = compiled.program.openapi(&info, view);
    let routes = compiled.program.routes().count();
    eprintln!("{routes} routes, {} bytes in {:?}", document.len(), began.elapsed());
    println!("{document}");
}
