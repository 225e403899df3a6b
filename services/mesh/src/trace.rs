//! Trace context in and out (W3C Trace Context), request ids, and one span per call.

mod call;
mod id;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::identity::Principal;
use crate::telemetry;

#[cfg(feature = "client")]
pub(crate) use call::status_code;
pub use call::{Call, Observed, code_name};
pub(crate) use id::random;

/// The header of W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Names one request of a user in logs and answers, whatever calls it leads to.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request id from outside is kept up to this length.
const MAX_REQUEST_ID: usize = 64;

/// A position in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace; never zero.
    pub trace_id: u128,
    /// The span; never zero.
    pub span_id: u64,
    /// Whether spans of this trace are recorded.
    pub sampled: bool,
}

impl Context {
    /// The beginning of a new trace, recorded if the sampler says so.
    pub fn root() -> Self {
        let trace_id = (u128::from(random()) << 64) | u128::from(random());
        Self { trace_id, span_id: random(), sampled: telemetry::samples(trace_id) }
    }

    /// A span below this one.
    pub fn child(self) -> Self {
        Self { span_id: random(), ..self }
    }

    /// Reads a `traceparent`: version 00, or the first four parts of a later version.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        let extra = parts.next().is_some();
        if version == 0xff || (version == 0 && extra) || trace_id == 0 || span_id == 0 {
            return None;
        }
        Some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// The context of a request, if it has a valid one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
    }
}

impl Context {
    /// The value of a `traceparent`.
    pub fn header(self) -> HeaderValue {
        let mut text = *b"00-................................-................-00";
        put_hex(&mut text[3..35], self.trace_id);
        put_hex(&mut text[36..52], self.span_id.into());
        text[54] += u8::from(self.sampled);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// Fills `out` with the last digits of a number.
fn put_hex(out: &mut [u8], mut number: u128) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(lower)).then(|| u128::from_str_radix(text, 16).ok())?
}

/// What the running call belongs to.
#[derive(Clone, Debug)]
pub struct Current(Arc<Told>);

/// What log lines within a span say.
#[derive(Debug)]
struct Told {
    context: Context,
    request_id: HeaderValue,
    name: Arc<str>,
    /// What the name is called in log lines.
    name_field: &'static str,
    /// Whoever calls, once that is known.
    caller: OnceLock<String>,
    /// What the span is within.
    outer: Option<Current>,
}

impl Current {
    /// Its span.
    pub fn context(&self) -> Context {
        self.0.context
    }

    /// The request of the user that led to it.
    pub fn request_id(&self) -> &str {
        self.0.request_id.to_str().unwrap_or_default()
    }

    /// Tells every field that log lines within it have, from the outermost span to the innermost: a later one of the
    /// same name takes the place of the earlier.
    pub fn fields(&self, tell: &mut dyn FnMut(&'static str, fmt::Arguments<'_>)) {
        let Told { context, name, name_field, caller, outer, .. } = &*self.0;
        if let Some(outer) = outer {
            outer.fields(tell);
        }
        tell(name_field, format_args!("{name}"));
        if let Some(caller) = caller.get() {
            tell("caller", format_args!("{caller}"));
        }
        tell("request_id", format_args!("{}", self.request_id()));
        tell("trace_id", format_args!("{:032x}", context.trace_id));
        tell("span_id", format_args!("{:016x}", context.span_id));
    }
}

tokio::task_local! {
    static CURRENT: Current;
}

/// What the running call belongs to; `None` outside of calls.
pub fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It handles a call.
    Server,
    /// It makes one.
    Client,
    /// Neither.
    Internal,
}

/// A span: something that takes time, in a trace and in the log lines that are written meanwhile.
///
/// It ends when it is dropped. Names and attributes must hold nothing that a user typed: no bodies, no query strings.
#[derive(Debug)]
pub struct Span {
    kind: Kind,
    current: Current,
    parent: Option<u64>,
    started: Instant,
    /// Wall time, where somebody wants to see it.
    began: Option<SystemTime>,
    attributes: Vec<(&'static str, String)>,
    error: Option<String>,
}

impl Span {
    /// Starts a span for a request from outside: below its `traceparent`, else at the root of a new trace.
    pub fn server(name: impl Into<Arc<str>>, headers: &HeaderMap) -> Self {
        Self::outside(name.into(), headers, "name")
    }

    /// Starts a span below the running one.
    pub fn child(kind: Kind, name: impl Into<Arc<str>>) -> Self {
        Self::inside(kind, name.into(), "name")
    }

    fn outside(name: Arc<str>, headers: &HeaderMap, name_field: &'static str) -> Self {
        let request_id = headers.get(REQUEST_ID).filter(|id| is_request_id(id.as_bytes()));
        let request_id = request_id.cloned().unwrap_or_else(new_request_id);
        Self::start(current(), (Kind::Server, name, name_field), Context::of(headers), request_id)
    }

    fn inside(kind: Kind, name: Arc<str>, name_field: &'static str) -> Self {
        let outer = current();
        let context = outer.as_ref().map(Current::context);
        let request_id = outer.as_ref().map_or_else(new_request_id, |outer| outer.0.request_id.clone());
        Self::start(outer, (kind, name, name_field), context, request_id)
    }

    fn start(
        outer: Option<Current>,
        (kind, name, name_field): (Kind, Arc<str>, &'static str),
        parent: Option<Context>,
        request_id: HeaderValue,
    ) -> Self {
        let context = parent.map_or_else(Context::root, Context::child);
        let told = Told { context, request_id, name, name_field, caller: OnceLock::new(), outer };
        Self {
            kind,
            current: Current(Arc::new(told)),
            parent: parent.map(|parent| parent.span_id),
            started: Instant::now(),
            began: (context.sampled && telemetry::exports_spans()).then(SystemTime::now),
            attributes: Vec::new(),
            error: None,
        }
    }

    /// Says in log lines who calls.
    pub fn caller(&self, caller: &Principal) {
        let _ = self.current.0.caller.set(caller.to_string());
    }

    /// Its position in the trace.
    pub fn context(&self) -> Context {
        self.current.context()
    }

    /// The user's request that it belongs to.
    pub fn request_id(&self) -> &HeaderValue {
        &self.current.0.request_id
    }

    /// The time since it started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.current.0.name
    }

    /// Whether somebody will see its attributes.
    pub fn is_seen(&self) -> bool {
        self.began.is_some()
    }

    /// Adds an attribute, where somebody will see it.
    pub fn attribute(&mut self, name: &'static str, value: impl Into<String>) {
        if self.is_seen() {
            self.attributes.push((name, value.into()));
        }
    }

    /// Marks the span as failed, for a reason that names no data.
    pub fn fail(&mut self, reason: impl Into<String>) {
        if self.is_seen() {
            self.error = Some(reason.into());
        }
    }

    /// Runs a future within the span: log lines carry its ids, calls continue its trace.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        CURRENT.scope(self.current.clone(), future).await
    }

    /// Runs a function within the span.
    pub fn sync_scope<R>(&self, run: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self.current.clone(), run)
    }

    /// Writes its context and request id into the metadata of a call that it makes.
    pub fn inject(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, once(self.context().header()));
        headers.insert(REQUEST_ID, once(self.request_id().clone()));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(began) = self.began else { return };
        telemetry::export(telemetry::Finished {
            kind: self.kind,
            name: Arc::clone(self.name()),
            context: self.context(),
            parent: self.parent,
            began,
            took: self.started.elapsed(),
            attributes: std::mem::take(&mut self.attributes),
            error: self.error.take(),
        });
    }
}

/// Marks a value that never comes again, so that it drives nothing out of the tables of HTTP/2's header compression
/// (RFC 7541, 6.2.3).
pub fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// A new id of a request: sixteen digits.
fn new_request_id() -> HeaderValue {
    let mut text = [0; 16];
    put_hex(&mut text, random().into());
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
}

fn is_request_id(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.iter().all(fits)
}

#[cfg(test)]
mod tests;
