//! Streams over HTTP: responses as a JSON array, NDJSON or server-sent events, with a last record that tells an error;
//! requests as a JSON array, NDJSON or JSON values one after another.

mod input;
mod reader;

pub use input::InputFormat;
pub(crate) use input::check_json;
pub use reader::{Record, StreamReader};

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamFormat {
    /// One JSON array, `application/json`.
    JsonArray,
    /// One JSON value a line, `application/x-ndjson`.
    NdJson,
    /// Server-sent events (WHATWG HTML), `text/event-stream`.
    Sse,
}

/// No form of stream fits the `Accept` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of application/json, application/x-ndjson and text/event-stream is acceptable")]
pub struct NotAcceptable;

impl StreamFormat {
    const ALL: [Self; 3] = [Self::JsonArray, Self::NdJson, Self::Sse];

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonArray => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Sse => "text/event-stream",
        }
    }

    /// Chooses by the `Accept` header (RFC 9110, 12.5.1): the highest weight wins, among equals the more specific range,
    /// then `default` (a JSON array when absent), then the header's own order. Without a header `default` is taken.
    pub fn choose(accept: Option<&str>, default: Option<Self>) -> Result<Self, NotAcceptable> {
        let default = default.unwrap_or(Self::JsonArray);
        let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else { return Ok(default) };
        let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();
        let order = [default].into_iter().chain(Self::ALL.into_iter().filter(|f| *f != default));
        let mut best: Option<((u16, u8), Self)> = None;
        for format in order {
            let Some(range) = ranges.iter().filter(|r| r.covers(format)).max_by_key(|r| r.specific) else {
                continue;
            };
            let rank = (range.weight, range.specific);
            if range.weight > 0 && best.is_none_or(|(before, _)| rank > before) {
                best = Some((rank, format));
            }
        }
        best.map(|(_, format)| format).ok_or(NotAcceptable)
    }
}

/// One range of an `Accept` header.
struct Range {
    kind: String,
    /// 0 for `*/*`, 1 for `type/*`, 2 for a full name.
    specific: u8,
    /// The weight in thousandths.
    weight: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let weight = weight.map_or(Some(1000), thousandths)?;
        let specific = match kind.as_str() {
            "*/*" => 0,
            other if other.ends_with("/*") => 1,
            _ => 2,
        };
        Some(Self { kind, specific, weight })
    }

    fn covers(&self, format: StreamFormat) -> bool {
        let aliases: &[&str] = match format {
            StreamFormat::JsonArray => &["application/json"],
            StreamFormat::NdJson => &["application/x-ndjson", "application/ndjson", "application/jsonl"],
            StreamFormat::Sse => &["text/event-stream"],
        };
        match self.specific {
            0 => true,
            1 => format.content_type().split('/').next() == self.kind.split('/').next(),
            _ => aliases.contains(&self.kind.as_str()),
        }
    }
}

/// A weight such as `0.75`, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// Frames the records of one stream. Nothing is buffered: each call appends what is to be sent now.
#[derive(Debug, Clone)]
pub struct StreamWriter {
    format: StreamFormat,
    started: bool,
    ended: bool,
}

impl StreamWriter {
    /// A writer for a stream that has sent nothing yet.
    pub fn new(format: StreamFormat) -> Self {
        Self { format, started: false, ended: false }
    }

    /// The form.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Appends one message; `json` appends its text, which must be one JSON value without line breaks outside strings
    /// (as everything here prints it). When `json` fails, `out` is as before.
    pub fn message<E>(
        &mut self,
        out: &mut Vec<u8>,
        json: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = out.len();
        let started = self.started;
        self.open(out, None);
        if let Err(error) = json(out) {
            out.truncate(before);
            self.started = started;
            return Err(error);
        }
        self.close(out);
        Ok(())
    }

    /// Appends the last record of a stream that failed after it had begun, and ends the stream. `json` is the rendered
    /// error, an object that no message can be mistaken for (by convention with a member `error`). In events its name is
    /// `error`.
    pub fn error(&mut self, out: &mut Vec<u8>, json: &[u8]) {
        self.open(out, Some("error"));
        // a line break would end the record early; JSON allows them between tokens only
        out.extend(json.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        self.close(out);
        self.end(out);
    }

    /// Appends what closes the stream. Calling it again adds nothing.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.format == StreamFormat::JsonArray {
            out.extend_from_slice(if self.started { b"]" } else { b"[]" });
        }
    }

    /// Appends something that keeps an idle connection open and means nothing; nothing where the form has no such thing.
    pub fn keep_alive(&self, out: &mut Vec<u8>) {
        match self.format {
            StreamFormat::Sse => out.extend_from_slice(b":\n\n"),
            StreamFormat::JsonArray if self.started => out.push(b'\n'),
            StreamFormat::JsonArray | StreamFormat::NdJson => {}
        }
    }

    fn open(&mut self, out: &mut Vec<u8>, event: Option<&str>) {
        match self.format {
            StreamFormat::JsonArray => out.push(if self.started { b',' } else { b'[' }),
            StreamFormat::NdJson => {}
            StreamFormat::Sse => {
                if let Some(event) = event {
                    out.extend_from_slice(b"event: ");
                    out.extend_from_slice(event.as_bytes());
                    out.push(b'\n');
                }
                out.extend_from_slice(b"data: ");
            }
        }
        self.started = true;
    }

    fn close(&self, out: &mut Vec<u8>) {
        match self.format {
            StreamFormat::JsonArray => {}
            StreamFormat::NdJson => out.push(b'\n'),
            StreamFormat::Sse => out.extend_from_slice(b"\n\n"),
        }
    }
}
