//! Transcodes the largest bodies of the gateway's benchmark many times, so that a profiler sees the codecs alone:
//! `depot post|list TIMES`, for `valgrind --tool=callgrind` or `perf record`. Two counts, subtracted, leave the start out.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test tool that may stop at the first surprise"
)]

use std::hint::black_box;
use std::path::Path;

use transcode::{Body, CompileOptions, GoogleRules, Program, UnknownFields};

/// A parcel of `put_body` of `gateway/bench/run`, in the spelling of Python's `json.dumps`.
const PARCEL: &str = r#""contents": "Spare parts, \"class 7\", wrapped twice \u2014 keep dry", "handling": "HANDLING_FRAGILE", "sender": {"name": "M\u00f8ller & S\u00f8nner", "town": "Aarhus", "lines": ["Havnegade 7", "Port 3"]}, "marks": ["this side up", "do not stack", "heavy"], "labels": {"route": "north", "bay": "17"}, "weight_kg": 12.75, "insured": true, "accepted": "2025-10-09T08:53:20.250Z", "signature": "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWl", "cents": 1349"#;

fn program() -> Program {
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let includes = [gateway.join("bench/proto"), gateway.join("transcode/tests/proto")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).open_files(["bench/v1/depot.proto"]).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program
}

fn body() -> String {
    let parcels: Vec<String> =
        (0..100).map(|number| format!("{{\"number\": \"{number}\", {PARCEL}}}")).collect();
    format!("{{\"parcels\": [{}]}}", parcels.join(", "))
}

fn main() {
    const LIST: &str = "bench.v1.ListParcelsResponse";
    let mut args = std::env::args().skip(1);
    let (what, times) = (args.next().unwrap(), args.next().unwrap().parse::<usize>().unwrap());
    let (program, json) = (program(), body());
    let mut wire = Vec::new();
    program.json_to_message(LIST, json.as_bytes(), UnknownFields::Reject, &mut wire).unwrap().unwrap();
    for _ in 0..times {
        if what == "post" {
            let path = "/v1/depots/aarhus/parcels:takeIn";
            let bound = program.route("POST", path).unwrap().bind(path, None).unwrap();
            let body = Body { content_type: None, data: black_box(json.as_bytes()) };
            black_box(bound.request(Some(body)).unwrap());
        } else {
            let mut out = Vec::with_capacity(wire.len() * 2);
            program.message_to_json(LIST, black_box(&wire), &mut out).unwrap();
            black_box(out);
        }
    }
    println!("{what}: {} bytes of JSON, {} on the wire, {times} times", json.len(), wire.len());
}
