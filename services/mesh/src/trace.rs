//! Trace context in and out (W3C Trace Context), request ids, and one span per call.

mod call;
mod id;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tracing::Instrument;

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

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(lower)).then(|| u128::from_str_radix(text, 16).ok())?
}

/// What the running call belongs to.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its span.
    pub context: Context,
    /// The request of the user that led to it.
    pub request_id: Arc<str>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// What the running call belongs to; `None` outside of calls.
pub fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    name: Arc<str>,
    current: Current,
    parent: Option<u64>,
    started: Instant,
    /// Wall time, where somebody wants to see it.
    began: Option<SystemTime>,
    attributes: Vec<(&'static str, String)>,
    error: Option<String>,
    log: tracing::Span,
}

impl Span {
    /// Starts a span for a request from outside: below its `traceparent`, else at the root of a new trace.
    pub fn server(name: impl Into<Arc<str>>, headers: &HeaderMap) -> Self {
        Self::outside(name.into(), headers, plain_log)
    }

    /// Starts a span below the running one.
    pub fn child(kind: Kind, name: impl Into<Arc<str>>) -> Self {
        Self::inside(kind, name.into(), plain_log)
    }

    fn outside(name: Arc<str>, headers: &HeaderMap, log: Log) -> Self {
        let request_id =
            headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_request_id(id));
        let request_id = request_id.map_or_else(new_request_id, Arc::from);
        Self::start(Kind::Server, name, Context::of(headers), request_id, log)
    }

    fn inside(kind: Kind, name: Arc<str>, log: Log) -> Self {
        match current() {
            Some(current) => Self::start(kind, name, Some(current.context), current.request_id, log),
            None => Self::start(kind, name, None, new_request_id(), log),
        }
    }

    fn start(kind: Kind, name: Arc<str>, parent: Option<Context>, request_id: Arc<str>, log: Log) -> Self {
        let context = parent.map_or_else(Context::root, Context::child);
        let log = log(&name, &request_id, context);
        Self {
            kind,
            name,
            current: Current { context, request_id },
            parent: parent.map(|parent| parent.span_id),
            started: Instant::now(),
            began: (context.sampled && telemetry::exports_spans()).then(SystemTime::now),
            attributes: Vec::new(),
            error: None,
            log,
        }
    }

    /// Says in log lines who calls.
    pub fn caller(&self, caller: &Principal) {
        self.log.record("caller", tracing::field::display(caller));
    }

    /// Its position in the trace.
    pub fn context(&self) -> Context {
        self.current.context
    }

    /// The user's request that it belongs to.
    pub fn request_id(&self) -> &Arc<str> {
        &self.current.request_id
    }

    /// The time since it started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Adds an attribute; costs nothing where nobody will see it.
    pub fn attribute(&mut self, name: &'static str, value: impl Into<String>) {
        if self.began.is_some() {
            self.attributes.push((name, value.into()));
        }
    }

    /// Marks the span as failed, for a reason that names no data.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.error = Some(reason.into());
    }

    /// Runs a future within the span: log lines carry its ids, calls continue its trace.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        CURRENT.scope(self.current.clone(), future).instrument(self.log.clone()).await
    }

    /// Runs a function within the span.
    pub fn sync_scope<R>(&self, run: impl FnOnce() -> R) -> R {
        self.log.in_scope(|| CURRENT.sync_scope(self.current.clone(), run))
    }

    /// Writes its context and request id into the metadata of a call that it makes.
    pub fn inject(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.current.context.to_string()) {
            headers.insert(TRACEPARENT, value);
        }
        if let Ok(value) = HeaderValue::from_str(&self.current.request_id) {
            headers.insert(REQUEST_ID, value);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(began) = self.began else { return };
        telemetry::export(telemetry::Finished {
            kind: self.kind,
            name: std::mem::replace(&mut self.name, Arc::from("")),
            context: self.current.context,
            parent: self.parent,
            began,
            took: self.started.elapsed(),
            attributes: std::mem::take(&mut self.attributes),
            error: self.error.take(),
        });
    }
}

/// The span that log lines are written in.
type Log = fn(&str, &str, Context) -> tracing::Span;

fn plain_log(name: &str, request_id: &str, context: Context) -> tracing::Span {
    tracing::info_span!(
        "span",
        name,
        caller = tracing::field::Empty,
        request_id,
        trace_id = format_args!("{:032x}", context.trace_id),
        span_id = format_args!("{:016x}", context.span_id),
    )
}

fn rpc_log(method: &str, request_id: &str, context: Context) -> tracing::Span {
    tracing::info_span!(
        "rpc",
        rpc.method = method,
        caller = tracing::field::Empty,
        request_id,
        trace_id = format_args!("{:032x}", context.trace_id),
        span_id = format_args!("{:016x}", context.span_id),
    )
}

fn new_request_id() -> Arc<str> {
    format!("{:016x}", random()).into()
}

fn is_request_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(fits)
}

#[cfg(test)]
mod tests;
