//! What all requests of one route have in common, made once: labels, the name of their spans, and where the metric of
//! their usual answers is kept.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;
use http::StatusCode;
use mesh::telemetry::{Durations, Series};

/// The durations of requests (OpenTelemetry, HTTP metrics).
static DURATIONS: Durations = Durations::new(
    "http_server_request_duration_seconds",
    "duration of requests that were received",
    &["http_request_method", "http_route", "http_response_status_code"],
);

/// Methods that a client makes up must not become names or label values; the last stands for them.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER"];

/// Names that are kept, of each method: more than any schema has. A schema that changed leaves its old ones behind.
const MAX_NAMES: usize = 1 << 16;

type ByRoute = HashMap<Box<str>, Arc<Name>, RandomState>;

/// The names of routes that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_method: [RwLock<ByRoute>; METHODS.len()],
}

/// The name of one route and method.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) method: &'static str,
    /// Template of the route, or the gRPC method; empty where there is none.
    pub(crate) route: Box<str>,
    /// Name of the spans.
    pub(crate) span: Arc<str>,
    ok: OnceLock<Arc<Series>>,
}

impl Names {
    /// The name of a method, as the client says it, and a route.
    pub(crate) fn of(&self, method: &str, route: &str) -> Arc<Name> {
        let index = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let (Some(names), Some(method)) = (self.by_method.get(index), METHODS.get(index)) else {
            return Arc::new(Name::new("_OTHER", route));
        };
        if let Some(name) = names.read().unwrap_or_else(PoisonError::into_inner).get(route) {
            return Arc::clone(name);
        }
        let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        Arc::clone(names.entry(route.into()).or_insert_with(|| Arc::new(Name::new(method, route))))
    }
}

impl Name {
    fn new(method: &'static str, route: &str) -> Self {
        let span = if route.is_empty() { method.into() } else { format!("{method} {route}").into() };
        Self { method, route: route.into(), span, ok: OnceLock::new() }
    }

    /// The metric of answers with a status.
    pub(crate) fn series(&self, status: u16) -> Arc<Series> {
        let series = || DURATIONS.series(&[self.method, &self.route, &status.to_string()]);
        if status == StatusCode::OK { Arc::clone(self.ok.get_or_init(series)) } else { series() }
    }
}

#[cfg(test)]
mod tests {
    //! Names, shared and bounded.

    use super::*;

    #[test]
    fn a_route_has_one_name_and_made_up_methods_share_theirs() {
        let names = Names::default();
        let name = names.of("GET", "/v1/{book}");
        assert!(Arc::ptr_eq(&name, &names.of("GET", "/v1/{book}")));
        assert_eq!((name.method, &*name.route, &*name.span), ("GET", "/v1/{book}", "GET /v1/{book}"));
        assert!(Arc::ptr_eq(&names.of("BREW", ""), &names.of("get", "")));
        assert_eq!(&*names.of("BREW", "").span, "_OTHER");
        assert!(Arc::ptr_eq(&name.series(200), &name.series(200)));
        assert!(!Arc::ptr_eq(&name.series(200), &name.series(404)));
    }
}
