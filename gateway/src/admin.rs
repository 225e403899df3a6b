//! The admin port: what the gateway serves and how it does, for those who run it. It never answers on the public port.

mod pages;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway::Gateway;
use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mesh::drain::Drain;
use mesh::telemetry::{log_filter, render_metrics, set_log_filter};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// One request, and the rest between attempts to accept that fail.
const TIMES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

/// How often samples are folded when nobody scrapes, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(30);

/// Requests at a time; further ones wait.
const AT_A_TIME: usize = 16;

/// The most that a request may carry: a log filter.
const BODY: usize = 4 << 10;

pub(crate) use pages::lines;

type Answer = Response<Full<Bytes>>;

/// What is told at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    Admin,
    /// Metrics at every path, and health: for scrapers and probes of other machines.
    Metrics,
}

/// What the pages are about.
struct Subject {
    gateway: Arc<Gateway>,
    drain: Drain,
    scope: Scope,
}

/// Serves until the drain is over, and says where.
pub(crate) async fn serve(
    address: SocketAddr,
    scope: Scope,
    gateway: Arc<Gateway>,
    drain: Drain,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let subject = Arc::new(Subject { gateway, drain, scope });
    tokio::spawn(async move {
        tokio::select! {
            () = accept(&listener, &subject) => {}
            () = subject.drain.stopped() => {}
        }
    });
    Ok(address)
}

async fn accept(listener: &TcpListener, subject: &Arc<Subject>) {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let subject = Arc::clone(subject);
                    tokio::spawn(async move {
                        connection(stream, &subject).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections of operators");
                    sleep(TIMES.1).await;
                }
            },
            () = sleep(UPKEEP) => drop(render_metrics()),
        }
    }
}

/// One request on one connection, within its time.
async fn connection(stream: TcpStream, subject: &Subject) {
    let service = service_fn(async |request| Ok::<_, Infallible>(subject.answer(request).await));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(TIMES.0, served).await;
}

impl Subject {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        if self.scope == Scope::Metrics {
            return match (reads, path.as_str()) {
                (false, _) => not_allowed("GET, HEAD"),
                (true, "/healthz") => self.health(),
                (true, _) => metrics(),
            };
        }
        // a page whose name was made to lead here by its DNS is not an operator
        if !is_local(request.headers()) {
            return error(StatusCode::FORBIDDEN, "the Host header names neither an address nor localhost");
        }
        match path.as_str() {
            "/log" if request.method() == Method::PUT => set_log(request).await,
            "/log" if !reads => not_allowed("GET, HEAD, PUT"),
            "/" | "/metrics" | "/healthz" | "/routes" | "/schema" | "/log" if !reads => {
                not_allowed("GET, HEAD")
            }
            "/" => text("/metrics\n/healthz\n/routes\n/schema\n/log\n".to_owned()),
            "/metrics" => metrics(),
            "/healthz" => self.health(),
            "/routes" => pages::routes(&self.gateway.state(), &request),
            "/schema" => pages::schema(&self.gateway, &request),
            "/log" => json_answer(&json!({ "filter": log_filter() })),
            _ => error(StatusCode::NOT_FOUND, "there are /metrics, /healthz, /routes, /schema and /log"),
        }
    }

    /// Whether requests are answered: a schema serves, and there is no drain.
    fn health(&self) -> Answer {
        let status = if self.drain.has_begun() {
            "draining"
        } else if !self.gateway.has_schema() {
            "no schema"
        } else {
            "serving"
        };
        let mut answer = json_answer(&json!({ "status": status }));
        if status != "serving" {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        answer
    }
}

/// Changes what is logged: the body is a filter as of `--log`.
async fn set_log(request: Request<Incoming>) -> Answer {
    let Ok(body) = Limited::new(request.into_body(), BODY).collect().await else {
        return error(StatusCode::PAYLOAD_TOO_LARGE, "expected a log filter");
    };
    let bytes = body.to_bytes();
    let Some(filter) = std::str::from_utf8(&bytes).ok().map(str::trim).filter(|text| !text.is_empty()) else {
        return error(StatusCode::BAD_REQUEST, "expected a log filter such as info or info,gateway=debug");
    };
    match set_log_filter(filter) {
        Ok(()) => {
            tracing::info!(filter, "the log filter was changed");
            json_answer(&json!({ "filter": log_filter() }))
        }
        Err(wrong) => error(StatusCode::BAD_REQUEST, &wrong.to_string()),
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}

fn metrics() -> Answer {
    with_type(render_metrics().into(), "text/plain; version=0.0.4; charset=utf-8")
}

fn text(text: String) -> Answer {
    with_type(text.into(), "text/plain; charset=utf-8")
}

fn json_answer(value: &serde_json::Value) -> Answer {
    with_type(value.to_string().into(), "application/json")
}

fn with_type(body: Bytes, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn error(status: StatusCode, message: &str) -> Answer {
    let mut answer = json_answer(&json!({ "code": status.as_u16(), "message": message }));
    *answer.status_mut() = status;
    answer
}

fn not_allowed(allow: &'static str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, &format!("expected {allow}"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}
