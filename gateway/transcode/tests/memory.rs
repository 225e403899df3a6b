//! How much memory a hostile reply takes: a small multiple of its length, whatever it is made of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use transcode::{CompileOptions, GoogleRules, Program, ResponseError};

/// What is allocated, and the most that was.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe to write")]
// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

fn program() -> Program {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).open_files(["test/all.proto", "test/sets.proto"]).unwrap();
    let files = transcode::files_of_set(&compiler.encode_file_descriptor_set()).unwrap();
    Program::compile(&files, &GoogleRules, CompileOptions::default()).unwrap().program
}

/// Prints, and answers the most memory that was in use beside what is printed.
fn peak(program: &Program, message: &str, wire: &[u8]) -> (usize, Result<String, ResponseError>) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let mut out = Vec::new();
    let printed = program.message_to_json(message, wire, &mut out);
    let most = MOST.load(Ordering::Relaxed) - before;
    (most, printed.map(|()| String::from_utf8(out).unwrap()))
}

fn len_field(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = tag.to_vec();
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

/// `levels` messages in each other, each in two pieces: the whole message, and nothing.
fn in_pieces(tag: &[u8], inmost: Vec<u8>, levels: usize) -> Vec<u8> {
    (0..levels).fold(inmost, |inner, _| [len_field(tag, &inner), len_field(tag, &[])].concat())
}

// one test, for the count is of the whole process
#[test]
fn a_reply_takes_a_small_multiple_of_its_length() {
    const SIZE: usize = 1 << 20;
    let program = program();
    let distinct = |tag: &[u8]| -> Vec<u8> {
        let keys = (0..SIZE / 9).map(|i| format!("{i:04x}"));
        keys.flat_map(|key| len_field(tag, &len_field(&[0x0a], key.as_bytes()))).collect()
    };
    let again = |entries: Vec<u8>, len: usize| [&entries[..], &entries[..len]].concat();
    let text = len_field(&[0x0a], &vec![b'x'; SIZE]);
    let value = |inner: &[u8]| {
        // Value { list_value (6): ListValue { values (1) } } and an empty list
        [len_field(&[0x32], &len_field(&[0x0a], inner)), vec![0x32, 0]].concat()
    };
    let point =
        |fields: &[u8]| [&[0x0b, 0x10, 0xe8, 0x07][..], &len_field(&[0x1a], fields), &[0x0c]].concat();
    let set = |inner: &[u8]| point(&len_field(&[0x1a], &len_field(&[0x0a], inner)));
    let named = point(&len_field(&[0x12], &vec![b'x'; SIZE]));
    let text_value = len_field(&[0x1a], &vec![b'x'; SIZE]);
    let too_deep = "nesting is deeper than the limit";
    let rows: [(&str, &str, Vec<u8>, &str); 9] = [
        ("empty entries of a Struct", "google.protobuf.Struct", [0x0a, 0].repeat(SIZE / 2), r#"{"":null}"#),
        ("empty entries of a map", "test.v1.All", [0x9a, 3, 0].repeat(SIZE / 3), r#"{"m_string":{"":""}}"#),
        (
            "a Struct and a key again",
            "google.protobuf.Struct",
            again(distinct(&[0x0a]), 8),
            r#","0000":null}"#,
        ),
        ("a map and a key again", "test.v1.All", again(distinct(&[0x9a, 3]), 9), r#","0000":""}}"#),
        ("a number again and again", "test.v1.All", [0x18, 1].repeat(SIZE / 2), r#"{"f_int32":1}"#),
        (
            "two by turns",
            "test.v1.All",
            [0x18, 1, 0x20, 1].repeat(SIZE / 4),
            r#"{"f_int32":1,"f_int64":"1"}"#,
        ),
        ("messages in pieces", "test.v1.Inner", in_pieces(&[0x1a], text, 90), too_deep),
        (
            "values in pieces",
            "google.protobuf.Value",
            (0..90).fold(text_value, |inner, _| value(&inner)),
            too_deep,
        ),
        (
            "message sets in each other",
            "test.sets.Set",
            (0..30).fold(named, |inner, _| set(&inner)),
            too_deep,
        ),
    ];
    for (name, message, wire, expected) in rows {
        let (most, printed) = peak(&program, message, &wire);
        let printed = printed.unwrap_or_else(|e| e.to_string());
        let end = printed.get(printed.len().saturating_sub(40)..).unwrap();
        assert!(printed.ends_with(expected), "{name}: {end}");
        let times = most / wire.len();
        assert!(times < 24, "{name}: {times} times the length of the reply");
    }
}
