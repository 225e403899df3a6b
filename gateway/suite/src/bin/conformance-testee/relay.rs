//! Over HTTP: the real gateway in front of a backend that sends back what it is sent, or bytes given before.

use anyhow::{Context as _, Result, bail, ensure};
use gateway_suite::{Answer, Client, Gateway, RawAnswer, RawBackend, RawRequest};

use crate::Testee;
use crate::direct::Direct;
use crate::pipe::{Case, Input, Outcome};

/// How the gateway is asked for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Unary,
    Array,
    NdJson,
    Sse,
}

/// The gateway, its backend and a connection.
pub(crate) struct Relay {
    way: Way,
    direct: Direct,
    backend: RawBackend,
    gateway: Gateway,
    client: Client,
}

impl Relay {
    /// Starts all of it. The set has the service that `tests/conformance.rs` writes.
    pub(crate) fn start(set: &[u8], way: Way) -> Result<Self> {
        let backend = RawBackend::start(set)?;
        let gateway = Gateway::before(&backend.uri())?;
        let client = Client::connect(gateway.address()?)?;
        Ok(Self { way, direct: Direct::new(set)?, backend, gateway, client })
    }

    /// JSON in: what the backend was sent, and the answer.
    fn put(&mut self, case: &Case, json: &[u8]) -> Result<Outcome> {
        let rpc = match (self.way, case.ignore_unknown) {
            (Way::Unary, false) => "Echo",
            (Way::Unary, true) => "Lenient",
            (_, false) => "Pour",
            (_, true) => "PourLenient",
        };
        self.backend.echo(&path(rpc, &case.message));
        let (content_type, body) = self.body(json);
        let answer = self.ask(("POST", rpc), &case.message, content_type, &body)?;
        let mut requests = self.requests()?;
        if (400..500).contains(&answer.status) {
            ensure!(requests.is_empty(), "refused with {}, and sent to the backend", answer.status);
            return Ok(Outcome::Unparsed(reason(&answer)?));
        }
        let request = requests.pop().with_context(|| format!("nothing came: {}", answer.text()))?;
        ensure!(requests.is_empty(), "more than one request came");
        let wire = one_message(&request.body)?;
        match answer.status {
            200 if self.way != Way::Unary && case.to_json => self.get(&case.message, wire),
            200 if case.to_json => Ok(Outcome::Json(answer.body)),
            500..600 => Ok(Outcome::Unprinted(reason(&answer)?)),
            200 => Ok(Outcome::Wire(wire.to_vec())),
            other => bail!("status {other}: {}", answer.text()),
        }
    }

    /// The whole requests that came. The call of a stream may begin before its first message is refused; it is
    /// cancelled then, and nothing of a message was sent.
    fn requests(&self) -> Result<Vec<RawRequest>> {
        let (whole, cancelled): (Vec<_>, Vec<_>) =
            self.backend.requests().into_iter().partition(|request| request.whole);
        ensure!(cancelled.iter().all(|request| request.body.is_empty()), "a part of a request was sent");
        Ok(whole)
    }

    /// The input as a body of one message, or as a stream of one: an array, a line, or a value with nothing around it.
    fn body(&self, json: &[u8]) -> (&'static str, Vec<u8>) {
        match self.way {
            Way::Array => ("application/json", [b"[", json, b"]"].concat()),
            Way::NdJson if !json.contains(&b'\n') => ("application/x-ndjson", [json, b"\n"].concat()),
            Way::Unary | Way::NdJson | Way::Sse => ("application/json", json.to_vec()),
        }
    }

    /// Binary in, from the backend.
    fn get(&mut self, message: &str, wire: &[u8]) -> Result<Outcome> {
        let rpc = if self.way == Way::Unary { "Emit" } else { "Watch" };
        self.backend.answer(&path(rpc, message), RawAnswer::messages([wire]));
        let answer = self.ask(("GET", rpc), message, "", b"")?;
        ensure!(self.requests()?.len() == 1, "more or less than one request came: {}", answer.text());
        let json = match (answer.status, self.way) {
            (200, Way::Unary) => Ok(answer.body),
            (200, way) => item(&answer, way)?,
            (500..600, _) => Err(reason(&answer)?),
            (other, _) => bail!("status {other}: {}", answer.text()),
        };
        match json {
            Ok(json) => Ok(Outcome::Json(json)),
            // one status of HTTP stands for both; the library alone knows which of the two it is
            Err(why) => match self.direct.print(message, wire) {
                Outcome::Unprinted(_) => Ok(Outcome::Unprinted(why)),
                Outcome::Unparsed(_) => Ok(Outcome::Unparsed(why)),
                _ => bail!("refused what the library prints: {why}"),
            },
        }
    }

    fn ask(
        &mut self,
        (method, rpc): (&str, &str),
        message: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let accept = match self.way {
            Way::Unary | Way::Array => "application/json",
            Way::NdJson => "application/x-ndjson",
            Way::Sse => "text/event-stream",
        };
        let accept = if rpc == "Watch" { accept } else { "application/json" };
        let mut headers = vec![("accept", accept), ("te", "trailers")];
        if method == "POST" {
            headers.push(("content-type", content_type));
        }
        let answer = self.client.send(method, &format!("/conformance/{rpc}/{message}"), &headers, body);
        let answer = answer.with_context(|| self.gateway.log().unwrap_or_default())?;
        if answer.header("connection") == Some("close") {
            self.client = Client::connect(self.gateway.address()?)?;
        }
        Ok(answer)
    }
}

impl Testee for Relay {
    fn run(&mut self, case: &Case) -> Result<Outcome> {
        match &case.input {
            Input::Json(json) => self.put(case, json),
            Input::Wire(wire) => self.get(&case.message, wire),
        }
    }
}

/// The gRPC path of a method for a message.
fn path(rpc: &str, message: &str) -> String {
    format!("/conformance.relay.Relay/{rpc}_{}", message.replace('.', "_"))
}

/// What the body of a refusal says, which must be a `google.rpc.Status`.
fn reason(answer: &Answer) -> Result<String> {
    let body = answer.json()?;
    status(&body).with_context(|| format!("no google.rpc.Status: {body}"))
}

fn status(value: &serde_json::Value) -> Option<String> {
    value["code"].as_i64().filter(|code| *code != 0)?;
    Some(value["message"].as_str()?.to_owned())
}

/// The one message in the frames of a request.
fn one_message(body: &[u8]) -> Result<&[u8]> {
    let (head, message) = body.split_at_checked(5).context("no frame")?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    ensure!(head[0] == 0 && message.len() == usize::try_from(length)?, "not one plain frame: {head:?}");
    Ok(message)
}

/// The text of the stream's only record, or why it failed: its trailers and its last record say the same.
fn item(answer: &Answer, way: Way) -> Result<Result<Vec<u8>, String>> {
    let text = answer.text();
    let records: Vec<&str> = match way {
        Way::Unary | Way::Array => {
            let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            vec![inner.with_context(|| format!("no array: {text}"))?.trim()]
        }
        Way::NdJson => text.lines().collect(),
        // events have one line of data each, for JSON needs no more
        Way::Sse => text.lines().filter_map(|line| line.strip_prefix("data: ")).collect(),
    };
    let [record] = records[..] else { bail!("not one record: {text}") };
    let code = answer.trailers.iter().find(|(name, _)| name == "grpc-status").map(|(_, code)| code.as_str());
    match code {
        None | Some("0") => Ok(Ok(record.as_bytes().to_vec())),
        Some(_) => {
            let value: serde_json::Value = serde_json::from_str(record)?;
            let told = status(&value).or_else(|| status(&value["error"]));
            Ok(Err(told.with_context(|| format!("failed with {code:?}, and says {text}"))?))
        }
    }
}
