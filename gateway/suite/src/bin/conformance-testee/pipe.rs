//! The runner's protocol: length-prefixed messages on standard input and output (`conformance/conformance.proto`).

use std::io::{self, Read as _, Write as _};

use anyhow::Result;
use prost::Message;

/// A case that touches JSON.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Full name of the message.
    pub(crate) message: String,
    pub(crate) input: Input,
    /// Whether the output is JSON; else it is binary.
    pub(crate) to_json: bool,
    /// Whether fields that the message does not know are to be dropped.
    pub(crate) ignore_unknown: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Input {
    Json(Vec<u8>),
    Wire(Vec<u8>),
}

/// What became of a case.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Json(Vec<u8>),
    Wire(Vec<u8>),
    /// The input was refused.
    Unparsed(String),
    /// The input was taken, and cannot be said in the format of the output.
    Unprinted(String),
    /// Neither: always a failure.
    Surprise(String),
}

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
    #[prost(oneof = "Answer", tags = "1, 2, 3, 4, 5, 6")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(string, tag = "1")]
    ParseError(String),
    #[prost(string, tag = "2")]
    RuntimeError(String),
    #[prost(bytes, tag = "3")]
    Wire(Vec<u8>),
    #[prost(bytes, tag = "4")]
    Json(Vec<u8>),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    SerializeError(String),
}

/// `WireFormat` and `TestCategory` of the protocol.
const WIRE: i32 = 1;
const JSON: i32 = 2;
const IGNORE_UNKNOWN: i32 = 3;

/// Answers cases until the runner closes its end.
pub(crate) fn serve(mut run: impl FnMut(&Case) -> Outcome) -> Result<()> {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut length = [0; 4];
    while stdin.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        stdin.read_exact(&mut bytes)?;
        let answer = answer(Request::decode(&bytes[..])?, &mut run);
        let response = Response { answer: Some(answer) }.encode_to_vec();
        stdout.write_all(&u32::try_from(response.len())?.to_le_bytes())?;
        stdout.write_all(&response)?;
        stdout.flush()?;
    }
    Ok(())
}

fn answer(request: Request, run: &mut impl FnMut(&Case) -> Outcome) -> Answer {
    if request.message_type == "conformance.FailureSet" {
        // no failure is expected
        return Answer::Wire(Vec::new());
    }
    let input = match (request.payload, request.output) {
        (Some(Payload::Json(json)), WIRE | JSON) => Input::Json(json),
        (Some(Payload::Wire(wire)), JSON) => Input::Wire(wire),
        _ => return Answer::Skipped("no side is JSON, or one is neither JSON nor binary".to_owned()),
    };
    let case = Case {
        message: request.message_type,
        input,
        to_json: request.output == JSON,
        ignore_unknown: request.category == IGNORE_UNKNOWN,
    };
    match run(&case) {
        Outcome::Json(json) => Answer::Json(json),
        Outcome::Wire(wire) => Answer::Wire(wire),
        Outcome::Unparsed(why) => Answer::ParseError(why),
        Outcome::Unprinted(why) => Answer::SerializeError(why),
        Outcome::Surprise(what) => Answer::RuntimeError(what),
    }
}
