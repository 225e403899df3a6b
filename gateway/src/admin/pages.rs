//! `/routes` and `/schema`.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use gateway::{Gateway, State};
use http::header::{ACCEPT, HeaderValue};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Answer, error, json_answer, text, with_type};

/// Every route: as JSON, or as text, one a line.
pub(super) fn routes<B>(state: &State, request: &Request<B>) -> Answer {
    let wants_text = request.headers().get(ACCEPT).map(HeaderValue::as_bytes) == Some(b"text/plain");
    match format(request) {
        Some("text") => text(lines(state)),
        None if wants_text => text(lines(state)),
        None | Some("json") => json_answer(&table(state)),
        Some(_) => error(StatusCode::BAD_REQUEST, "format: expected json or text"),
    }
}

/// The schema: its hash, its age, its backends; or its descriptors.
pub(super) fn schema<B>(gateway: &Gateway, request: &Request<B>) -> Answer {
    match format(request) {
        None | Some("json") => json_answer(&summary(&gateway.state())),
        Some("descriptor") => match gateway.descriptor_set() {
            Some(set) => with_type(set.into(), "application/x-protobuf"),
            None => error(StatusCode::NOT_FOUND, "there is no schema yet"),
        },
        Some(_) => error(StatusCode::BAD_REQUEST, "format: expected json or descriptor"),
    }
}

/// The value of `format` in a query.
fn format<B>(request: &Request<B>) -> Option<&str> {
    request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("format="))
}

fn table(state: &State) -> Value {
    let route = |route: &gateway::RouteState| {
        json!({
            "method": route.method,
            "template": route.template,
            "grpc": route.grpc,
            "backend": route.backend,
            "access": {
                "callers": route.access.callers,
                "tool_field": route.access.tool_field,
                "services": route.access.services,
            },
            "rules": route.rules,
        })
    };
    json!({ "routes": state.routes.iter().map(route).collect::<Vec<_>>(), "warnings": state.warnings })
}

/// The routes in columns, then what cannot be served.
pub(crate) fn lines(state: &State) -> String {
    let mut out = String::new();
    let method = state.routes.iter().map(|route| route.method.len()).max().unwrap_or(0);
    let template = state.routes.iter().map(|route| route.template.len()).max().unwrap_or(0);
    for route in &state.routes {
        let backend = route.backend.as_deref().unwrap_or("-");
        let _ = write!(
            out,
            "{:method$}  {:template$}  {}  {backend}  {}",
            route.method,
            route.template,
            route.grpc,
            callers(&route.access)
        );
        for (word, value) in &route.rules {
            let _ = write!(out, "  {word}={value}");
        }
        out.push('\n');
    }
    for warning in &state.warnings {
        let _ = writeln!(out, "# {warning}");
    }
    out
}

/// Who may call, in a word without spaces.
fn callers(access: &gateway::AccessState) -> String {
    if access.callers.is_empty() {
        return "nobody".to_owned();
    }
    let word = |caller: &&str| match (*caller, &access.tool_field) {
        ("tool" | "deploy_token", Some(field)) => format!("{caller}({field})"),
        ("service", _) => format!("service({})", access.services.join(",")),
        _ => (*caller).to_owned(),
    };
    access.callers.iter().map(word).collect::<Vec<_>>().join(",")
}

fn summary(state: &State) -> Value {
    let backend = |backend: &gateway::BackendState| {
        json!({
            "name": backend.name,
            "known": backend.known,
            "serving": backend.serving,
            "services": backend.services,
            "endpoints": backend.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        })
    };
    json!({
        "hash": state.hash,
        "since": state.since.and_then(seconds),
        "routes": state.routes.len(),
        "backends": state.backends.iter().map(backend).collect::<Vec<_>>(),
        "former": state.former,
        "refused": state.refused,
        "warnings": state.warnings,
    })
}

fn endpoint(endpoint: &gateway::EndpointState) -> Value {
    json!({
        "place": endpoint.place,
        "ready": endpoint.ready,
        "current": endpoint.current,
        "error": endpoint.error,
    })
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> Option<f64> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}
