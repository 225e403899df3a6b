//! The gateway: one port for REST and gRPC in front of any number of gRPC backends.
//!
//! It learns what there is from server reflection, compiles it into an immutable program behind an atomic swap, and
//! keeps the last good one. It holds no code for any service: what a method means over HTTP, who may call it and how
//! its errors look is written in the protos.

mod backend;
mod builtin;
mod call;
mod frames;
mod handle;
mod headers;
mod listen;
mod openapi;
mod passthrough;
mod problem;
mod reflect;
mod render;
mod rest;
mod rules;
mod schema;
mod stream;
mod tls;

use std::sync::Arc;

use mesh::drain::Drain;
use tokio::net::TcpListener;
use transcode::OpenApiInfo;

pub use backend::Backend;
pub use listen::Limits;
pub use render::ErrorForm;
pub use tls::{Prefer, Tls, TlsError, TlsPem};

use handle::Handler;
use schema::Schemas;

/// How a gateway behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The form of error bodies.
    pub errors: ErrorForm,
    /// Whether reflection answers callers without a credential.
    pub public_reflection: bool,
    /// Bounds on what a client may use.
    pub limits: Limits,
    /// Title of the OpenAPI documents.
    pub title: String,
    /// Version of the OpenAPI documents.
    pub version: String,
}

/// A gateway in front of its backends.
#[derive(Debug)]
pub struct Gateway {
    handler: Arc<Handler>,
    schemas: Arc<Schemas>,
    limits: Limits,
}

impl Gateway {
    /// A gateway that begins to learn its backends' schemas at once; needs a tokio runtime.
    pub fn new(backends: Vec<Backend>, options: Options, drain: &Drain) -> Self {
        let Options { errors, public_reflection, limits, title, version } = options;
        let schemas = Schemas::new(
            backends,
            OpenApiInfo { title, version, error_schema: errors.schema(), ..OpenApiInfo::default() },
        );
        schemas.watch(drain);
        let handler = Handler::new(Arc::clone(&schemas), errors, public_reflection, &limits);
        Self { handler: Arc::new(handler), schemas, limits }
    }

    /// Resolves once the schema of every backend is known.
    pub async fn ready(&self) {
        self.schemas.complete().await;
    }

    /// Serves until the drain begins, then until every call has ended or the drain gives up.
    pub async fn serve(&self, listener: TcpListener, tls: Tls, drain: Drain) {
        listen::serve(Arc::clone(&self.handler), listener, tls, self.limits.clone(), drain).await;
    }
}
