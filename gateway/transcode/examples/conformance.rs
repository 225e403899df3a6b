//! The program that protobuf's conformance runner talks to: reads requests on stdin, answers on stdout.
//!
//! `conformance DESCRIPTOR_SET`, where the set holds the runner's test messages. Only what touches JSON is answered; binary
//! to binary and the text format are skipped. Source of the protocol: `conformance/conformance.proto`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test tool that may stop at the first surprise")]

use std::io::{self, Read, Write};

use prost::Message;
use transcode::{CompileOptions, GoogleRules, NameStyle, Program, UnknownFields, WireFault};

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(oneof = "Payload", tags = "1, 2, 7, 8")]
    payload: Option<Payload>,
    #[prost(int32, tag = "3")]
    output: i32,
    #[prost(string, tag = "4")]
    message_type: String,
    #[prost(int32, tag = "5")]
    category: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Payload {
    #[prost(bytes, tag = "1")]
    Wire(Vec<u8>),
    #[prost(bytes, tag = "2")]
    Json(Vec<u8>),
    #[prost(bytes, tag = "7")]
    Jspb(Vec<u8>),
    #[prost(bytes, tag = "8")]
    Text(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(oneof = "Answer", tags = "1, 3, 4, 5, 6")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(string, tag = "1")]
    ParseError(String),
    #[prost(bytes, tag = "3")]
    Wire(Vec<u8>),
    #[prost(bytes, tag = "4")]
    Json(Vec<u8>),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    SerializeError(String),
}

const WIRE: i32 = 1;
const JSON: i32 = 2;
const IGNORE_UNKNOWN: i32 = 3;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let files = transcode::files_of_set(&std::fs::read(path).unwrap()).unwrap();
    let options = CompileOptions { names: NameStyle::Json, ..CompileOptions::default() };
    let program = Program::compile(&files, &GoogleRules, options).unwrap().program;
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while stdin.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        stdin.read_exact(&mut bytes).unwrap();
        let request = Request::decode(&bytes[..]).unwrap();
        let response = Response { answer: Some(answer(&program, request)) }.encode_to_vec();
        stdout.write_all(&u32::try_from(response.len()).unwrap().to_le_bytes()).unwrap();
        stdout.write_all(&response).unwrap();
        stdout.flush().unwrap();
    }
}

fn answer(program: &Program, request: Request) -> Answer {
    let name = request.message_type.as_str();
    if name == "conformance.FailureSet" {
        return Answer::Wire(Vec::new());
    }
    let unknown =
        if request.category == IGNORE_UNKNOWN { UnknownFields::Ignore } else { UnknownFields::Reject };
    let wire = match request.payload {
        Some(Payload::Json(json)) => {
            let mut wire = Vec::new();
            match program.json_to_message(name, &json, unknown, &mut wire) {
                None => return Answer::Skipped(format!("{name} is not in the descriptors")),
                Some(Err(error)) => return Answer::ParseError(error.to_string()),
                Some(Ok(())) => wire,
            }
        }
        Some(Payload::Wire(wire)) if request.output == JSON => wire,
        _ => return Answer::Skipped("neither side is JSON".to_owned()),
    };
    match request.output {
        WIRE => Answer::Wire(wire),
        JSON => print(program, name, &wire),
        _ => Answer::Skipped("the output format is not known".to_owned()),
    }
}

fn print(program: &Program, name: &str, wire: &[u8]) -> Answer {
    let mut out = Vec::new();
    match program.message_to_json(name, wire, &mut out) {
        Ok(()) => Answer::Json(out),
        Err(error) => match error.fault {
            WireFault::Range | WireFault::UnknownAny | WireFault::Depth => {
                Answer::SerializeError(error.to_string())
            }
            _ => Answer::ParseError(error.to_string()),
        },
    }
}
