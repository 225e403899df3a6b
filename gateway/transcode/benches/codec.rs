//! Both codecs against `prost-reflect` with `serde_json`, on a message of 600 bytes and on a list of 60 KB.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use transcode::{CompileOptions, GoogleRules, Program, UnknownFields};

const LIST: &str = "bench.v1.Books";

/// One book of about 600 bytes of JSON.
fn book(number: usize) -> String {
    format!(
        r#"{{"id":"{number}","title":"A Title of Ordinary Length, Volume {number}","author":{{"given_name":"Ursula","family_name":"Example","pen_names":["U. E.","Someone Else"]}},"genre":"GENRE_FICTION","tags":["one","two","three","a longer tag"],"labels":{{"shelf":"top","colour":"green","note":"says \"hello\""}},"rating":4.625,"available":true,"published":"2024-02-29T12:34:56.789Z","cover":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","years":[1999,2004,2011,2023],"summary":"A summary that says in a sentence or two what happens, and where, and to whom, without giving away how it ends."}}"#
    )
}

fn list(count: usize) -> String {
    let books: Vec<String> = (0..count).map(book).collect();
    format!(r#"{{"books":[{}]}}"#, books.join(","))
}

fn codecs(c: &mut Criterion) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).open_files(["test/bench.proto"]).unwrap();
    let set = compiler.encode_file_descriptor_set();
    let files = transcode::files_of_set(&set).unwrap();
    let program = Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program;
    let descriptor = DescriptorPool::decode(&set[..]).unwrap().get_message_by_name(LIST).unwrap();
    for count in [1, 100] {
        let json = list(count);
        let mut wire = Vec::new();
        let read = program.json_to_message(LIST, json.as_bytes(), UnknownFields::Reject, &mut wire);
        read.unwrap().unwrap();
        let mut group = c.benchmark_group("json_to_wire");
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_with_input(BenchmarkId::new("transcode", json.len()), &json, |b, json| {
            b.iter(|| {
                let mut out = Vec::with_capacity(json.len());
                program
                    .json_to_message(LIST, json.as_bytes(), UnknownFields::Reject, &mut out)
                    .unwrap()
                    .unwrap();
                black_box(out)
            });
        });
        group.bench_with_input(BenchmarkId::new("prost-reflect", json.len()), &json, |b, json| {
            b.iter(|| {
                let mut reader = serde_json::Deserializer::from_str(json);
                let message = DynamicMessage::deserialize(descriptor.clone(), &mut reader).unwrap();
                black_box(message.encode_to_vec())
            });
        });
        group.finish();
        let mut group = c.benchmark_group("wire_to_json");
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_with_input(BenchmarkId::new("transcode", json.len()), &wire, |b, wire| {
            b.iter(|| {
                let mut out = Vec::with_capacity(wire.len() * 2);
                program.message_to_json(LIST, wire, &mut out).unwrap();
                black_box(out)
            });
        });
        let options = SerializeOptions::new().use_proto_field_name(true);
        group.bench_with_input(BenchmarkId::new("prost-reflect", json.len()), &wire, |b, wire| {
            b.iter(|| {
                let message = DynamicMessage::decode(descriptor.clone(), wire.as_slice()).unwrap();
                let mut out = Vec::with_capacity(wire.len() * 2);
                message.serialize_with_options(&mut serde_json::Serializer::new(&mut out), &options).unwrap();
                black_box(out)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, codecs);
criterion_main!(benches);
