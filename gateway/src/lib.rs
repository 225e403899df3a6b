//! The gateway: one port for REST and gRPC in front of any number of gRPC backends.
//!
//! It learns what there is from server reflection, compiles it into an immutable program behind an atomic swap, and
//! keeps the last good one. It holds no code for any service: what a method means over HTTP, who may call it and how
//! its errors look is written in the protos.

mod access;
mod backend;
mod bounds;
mod builtin;
mod call;
mod descriptors;
mod fault;
mod frames;
mod grpc_web;
mod handle;
mod headers;
mod limits;
mod linger;
mod listen;
mod mapping;
mod names;
mod outcome;
mod passthrough;
mod policy;
mod problem;
mod record;
mod reflect;
mod render;
mod rest;
mod rules;
mod schema;
mod state;
mod stream;
mod tls;
mod way;
mod websocket;

use std::sync::Arc;

use arc_swap::ArcSwap;
use mesh::drain::Drain;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use transcode::OpenApiInfo;

pub use backend::Backend;
pub use bounds::MethodBounds;
pub use descriptors::{Descriptors, DescriptorsError};
pub use headers::{HeaderRule, HeaderRuleError, HeaderRules};
pub use limits::Limits;
pub use mapping::{EnumValueSetting, FieldSetting, Mapping, MethodSetting};
pub use options::{Access, Caller};
pub use policy::{Coding, Compression, Cors, CorsError, Deadlines, EtagKey, Origins, Policies};
pub use record::AccessLog;
pub use render::ErrorForm;
pub use state::{AccessState, BackendState, EndpointState, RouteState, State};
pub use tls::{Prefer, Tls, TlsError, TlsPem};
pub use transcode::{NameStyle, SecurityScheme};

use handle::Handler;
use policy::Policy;
use schema::Schemas;

/// Who may call a service that states no access rule for any of its methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unstated {
    /// Nobody.
    #[default]
    Deny,
    /// Anyone: the service decides for itself.
    Admit,
}

/// How a gateway behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The form of error bodies.
    pub errors: ErrorForm,
    /// Whether reflection answers callers without a credential.
    pub public_reflection: bool,
    /// Who may call services without access rules.
    pub unstated: Unstated,
    /// Which requests have a log line.
    pub access_log: AccessLog,
    /// Bounds on what a client may use.
    pub limits: Limits,
    /// What the gateway does around the mapping.
    pub policies: Policies,
    /// How the mapping differs from Google's.
    pub mapping: Mapping,
    /// Title of the OpenAPI documents.
    pub title: String,
    /// Version of the OpenAPI documents.
    pub version: String,
    /// How callers prove who they are, for the OpenAPI documents.
    pub security: Vec<SecurityScheme>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            errors: ErrorForm::default(),
            public_reflection: false,
            unstated: Unstated::default(),
            access_log: AccessLog::default(),
            limits: Limits::default(),
            policies: Policies::default(),
            mapping: Mapping::default(),
            title: "API".to_owned(),
            version: "1".to_owned(),
            security: Vec::new(),
        }
    }
}

/// A gateway in front of its backends.
#[derive(Debug)]
pub struct Gateway {
    handler: Arc<Handler>,
    schemas: Arc<Schemas>,
    options: Options,
    /// One for each connection that may be open, of all workers together.
    slots: Arc<Semaphore>,
}

impl Gateway {
    /// A gateway that begins to learn its backends' schemas at once; needs a tokio runtime.
    pub fn new(backends: Vec<Backend>, options: Options, drain: &Drain) -> Self {
        let info = OpenApiInfo {
            title: options.title.clone(),
            version: options.version.clone(),
            error_schema: options.errors.schema(),
            stream_error_schema: options.errors.record_schema(),
            security: options.security.clone(),
            ..OpenApiInfo::default()
        };
        let schemas = Schemas::new(backends, info, options.unstated, options.mapping.clone());
        schemas.watch(drain);
        let policy = Arc::new(ArcSwap::from_pointee(Policy::new(&options.policies, &options.limits)));
        let handler = Handler::new(Arc::clone(&schemas), schemas.backends().to_vec(), policy, &options);
        let slots = Arc::new(Semaphore::new(options.limits.connections));
        Self { handler: Arc::new(handler), schemas, options, slots }
    }

    /// The same gateway for one more runtime: it shares schema, policies and the bound on connections, and has connections
    /// to the backends of its own, so that no request crosses threads.
    pub fn worker(&self) -> Self {
        let backends = self.schemas.backends().iter().map(Backend::apart).collect();
        let handler = Handler::new(Arc::clone(&self.schemas), backends, self.handler.policy(), &self.options);
        Self {
            handler: Arc::new(handler),
            schemas: Arc::clone(&self.schemas),
            options: self.options.clone(),
            slots: Arc::clone(&self.slots),
        }
    }

    /// Resolves once the schema of every backend is known.
    pub async fn ready(&self) {
        self.schemas.complete().await;
    }

    /// Requests that come from now on meet these policies and bounds. Bounds of connections stay as they were.
    pub fn set_policies(&self, policies: &Policies, limits: &Limits) {
        self.handler.set_policy(Policy::new(policies, limits));
    }

    /// Maps in another way from now on. A mapping by which the schema cannot be served changes nothing.
    pub fn set_mapping(&self, mapping: Mapping) {
        self.schemas.set_mapping(mapping);
    }

    /// Whether there is a schema, so that requests are served.
    pub fn has_schema(&self) -> bool {
        self.schemas.current().is_some()
    }

    /// What is served at the moment.
    pub fn state(&self) -> State {
        self.schemas.state()
    }

    /// The encoded `FileDescriptorSet` of everything that is served; none before the first schema.
    pub fn descriptor_set(&self) -> Option<Vec<u8>> {
        self.schemas.descriptor_set()
    }

    /// A backend that was made with descriptors is described by these from now on, if all backends together can be
    /// served so; false where no backend of this name was.
    pub fn set_descriptors(&self, backend: &str, descriptors: Descriptors) -> bool {
        self.schemas.describe(backend, descriptors)
    }

    /// Serves until the drain begins, then until every call has ended or the drain gives up.
    pub async fn serve(&self, listener: TcpListener, tls: Tls, drain: Drain) {
        self.listen(listener, Some(tls), drain).await;
    }

    /// The same in clear, HTTP/1.1 and HTTP/2 alike: every caller is nobody. For loopback.
    pub async fn serve_cleartext(&self, listener: TcpListener, drain: Drain) {
        self.listen(listener, None, drain).await;
    }

    async fn listen(&self, listener: TcpListener, tls: Option<Tls>, drain: Drain) {
        let (handler, slots) = (Arc::clone(&self.handler), Arc::clone(&self.slots));
        listen::serve(handler, listener, tls, self.options.limits.clone(), slots, drain).await;
    }
}
