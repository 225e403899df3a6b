//! Prints every route of a descriptor set, and on stderr what was left out: `routes DESCRIPTOR_SET`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a tool for people")]
#![allow(missing_docs, reason = "a tool for people")]

use transcode::{CompileOptions, GoogleRules, Program};

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let files = transcode::files_of_set(&std::fs::read(path).unwrap()).unwrap();
    let compiled = Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap();
    for (method, template, grpc) in compiled.program.routes() {
        println!("{method} {template} -> {grpc}");
    }
    for warning in &compiled.warnings {
        eprintln!("{warning}");
    }
}
