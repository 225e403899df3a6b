//! Both codecs on three payloads, against the dynamic way (`prost-reflect`) and two typed ways (`pbjson` with
//! `serde_json` and with `sonic-rs`), in turn in one run. The last lines are ratios to the dynamic way, beside the goals.
#![allow(missing_docs, clippy::pedantic, reason = "a benchmark")]

mod ratios;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use transcode::{CompileOptions, GoogleRules, Program, UnknownFields};

#[allow(clippy::all, reason = "generated")]
mod messages {
    include!(concat!(env!("OUT_DIR"), "/bench.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/bench.v1.serde.rs"));
}
use messages::Books;

const SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bench.pb"));
const LIST: &str = "bench.v1.Books";

/// What the contenders read with.
struct Contenders {
    program: Program,
    descriptor: MessageDescriptor,
}

impl Contenders {
    fn new() -> Self {
        let files = transcode::files_of_set(SET).unwrap();
        let program = Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program;
        let descriptor = DescriptorPool::decode(SET).unwrap().get_message_by_name(LIST).unwrap();
        Self { program, descriptor }
    }

    fn ours_read(&self, json: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len());
        let read = self.program.json_to_message(LIST, json.as_bytes(), UnknownFields::Reject, &mut out);
        read.unwrap().unwrap();
        out
    }

    fn reflect_read(&self, json: &str) -> Vec<u8> {
        let mut reader = serde_json::Deserializer::from_str(json);
        DynamicMessage::deserialize(self.descriptor.clone(), &mut reader).unwrap().encode_to_vec()
    }

    fn ours_print(&self, wire: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(wire.len() * 2);
        self.program.message_to_json(LIST, wire, &mut out).unwrap();
        out
    }

    fn reflect_print(&self, wire: &[u8]) -> Vec<u8> {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let message = DynamicMessage::decode(self.descriptor.clone(), wire).unwrap();
        let mut out = Vec::with_capacity(wire.len() * 2);
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut out), &options).unwrap();
        out
    }
}

fn pbjson_read(json: &str) -> Vec<u8> {
    serde_json::from_str::<Books>(json).unwrap().encode_to_vec()
}

fn sonic_read(json: &str) -> Vec<u8> {
    sonic_rs::from_str::<Books>(json).unwrap().encode_to_vec()
}

fn pbjson_print(wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(wire.len() * 2);
    serde_json::to_writer(&mut out, &Books::decode(wire).unwrap()).unwrap();
    out
}

fn sonic_print(wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(wire.len() * 2);
    sonic_rs::to_writer(&mut out, &Books::decode(wire).unwrap()).unwrap();
    out
}

/// Every contender must have done the same work.
fn agree(contenders: &Contenders, json: &str, wire: &[u8]) {
    let wanted = Books::decode(wire).unwrap();
    for read in [contenders.reflect_read(json), pbjson_read(json), sonic_read(json)] {
        assert_eq!(Books::decode(&read[..]).unwrap(), wanted);
    }
    for print in
        [contenders.ours_print(wire), contenders.reflect_print(wire), pbjson_print(wire), sonic_print(wire)]
    {
        assert_eq!(serde_json::from_slice::<Books>(&print).unwrap(), wanted);
    }
}

fn one(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    payload: &str,
    mut work: impl FnMut() -> Vec<u8>,
) {
    group.bench_function(BenchmarkId::new(name, payload), |b| b.iter(|| black_box(work())));
}

fn codecs(c: &mut Criterion) {
    configuration();
    let contenders = Contenders::new();
    for (payload, json) in transcode_bench::payloads() {
        let wire = contenders.ours_read(&json);
        agree(&contenders, &json, &wire);
        println!("{payload}: {} bytes of JSON, {} on the wire", json.len(), wire.len());
        let (json, wire) = (&*json, &*wire);
        let mut group = c.benchmark_group("json_to_wire");
        group.throughput(Throughput::Bytes(json.len() as u64));
        one(&mut group, "transcode", payload, || contenders.ours_read(black_box(json)));
        one(&mut group, "prost-reflect", payload, || contenders.reflect_read(black_box(json)));
        one(&mut group, "pbjson+serde_json", payload, || pbjson_read(black_box(json)));
        one(&mut group, "pbjson+sonic-rs", payload, || sonic_read(black_box(json)));
        group.finish();
        let mut group = c.benchmark_group("wire_to_json");
        group.throughput(Throughput::Bytes(json.len() as u64));
        one(&mut group, "transcode", payload, || contenders.ours_print(black_box(wire)));
        one(&mut group, "prost-reflect", payload, || contenders.reflect_print(black_box(wire)));
        one(&mut group, "pbjson+serde_json", payload, || pbjson_print(black_box(wire)));
        one(&mut group, "pbjson+sonic-rs", payload, || sonic_print(black_box(wire)));
        group.finish();
    }
}

/// What the figures are worth: the machine and how the code was built.
fn configuration() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("unknown");
    println!("processor: {}", model.trim_start_matches([' ', '\t', ':']));
    println!(
        "target: {} ({}), portable: {}",
        std::env::consts::ARCH,
        std::env::consts::OS,
        !cfg!(target_feature = "avx2")
    );
    println!(
        "profile: release, no LTO, system allocator; one thread; output buffers fresh for every message"
    );
    println!("transcode: strict defaults, names as in the proto file");
}

criterion_group!(benches, codecs);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    let only_asked = |arg: String| matches!(&*arg, "--list" | "--test");
    if !std::env::args().any(only_asked) {
        ratios::print(&Contenders::new());
    }
}
