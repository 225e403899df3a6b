//! What the backends serve, as one immutable snapshot behind an atomic swap.

mod compile;
mod documents;
mod endpoint;
mod follow;
mod gather;
mod methods;
mod report;
mod settle;
mod slots;
mod told;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;
use mesh::drain::Drain;
use options::Table;
use tokio::sync::{Notify, watch};
use transcode::{OpenApiInfo, Program, ProgramTrace};

use crate::Unstated;
use crate::backend::Backend;
use crate::bounds::MethodBounds;
use crate::builtin::reflection::Reflection;
use crate::mapping::Mapping;
pub(crate) use documents::Document;
use documents::Documents;
use endpoint::Known;
pub(crate) use methods::Methods;

/// Services to backends, by the place in the list of backends.
type Owners = HashMap<String, usize, RandomState>;

/// One state of what is served.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) program: Program,
    /// Who may call what.
    pub(crate) access: Table,
    /// Reflection of all of it.
    pub(crate) reflection: Reflection,
    owners: Owners,
    /// The methods of the backends, by their places.
    methods: Vec<Option<Arc<Methods>>>,
    /// The files that it was made of.
    files: Vec<Bytes>,
    hash: String,
    since: SystemTime,
    /// What calls may use, by gRPC path, of the methods of which it is said.
    bounds: HashMap<Box<str>, MethodBounds>,
    /// What of it cannot be served.
    warnings: Vec<String>,
    documents: Documents,
}

impl Schema {
    /// The backend of a gRPC path `/pkg.Service/Method`.
    pub(crate) fn owner(&self, path: &str) -> Option<usize> {
        self.owner_of(service_of(path))
    }

    /// The backend of a service, by its full name.
    pub(crate) fn owner_of(&self, service: &str) -> Option<usize> {
        self.owners.get(service).copied()
    }

    /// The methods of a backend as they are here.
    pub(crate) fn methods(&self, backend: usize) -> Option<Arc<Methods>> {
        self.methods.get(backend).cloned().flatten()
    }

    /// What is said of the calls of a method, by its gRPC path.
    pub(crate) fn bounds(&self, path: &str) -> MethodBounds {
        if self.bounds.is_empty() {
            return MethodBounds::default();
        }
        self.bounds.get(path).copied().unwrap_or_default()
    }

    /// Whether there is such an OpenAPI document.
    pub(crate) fn has_document(&self, document: &Document) -> bool {
        self.documents.has(document)
    }

    /// An OpenAPI document; none where it cannot be built.
    pub(crate) async fn document(&self, document: Document, info: &OpenApiInfo) -> Option<Bytes> {
        let building = self.documents.get(document, &self.program, info);
        building.await
    }
}

/// The service in a gRPC path.
pub(crate) fn service_of(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// The schema of all backends, kept fresh.
#[derive(Debug)]
pub(crate) struct Schemas {
    backends: Vec<Backend>,
    info: OpenApiInfo,
    unstated: Unstated,
    mapping: ArcSwap<Mapping>,
    /// Why the newest schema is not the current one.
    refused: ArcSwap<Option<String>>,
    known: Mutex<Vec<Known>>,
    /// Which backends are there and say that they serve, for those who must not wait for `known`.
    serving: Vec<AtomicBool>,
    /// There is something to settle.
    news: Notify,
    /// Held while something is settled.
    turn: Mutex<()>,
    current: ArcSwap<Option<Schema>>,
    /// What tells of schemas that were current, until they are gone.
    former: Mutex<Vec<ProgramTrace>>,
    /// How many backends were never seen; marked whenever anything is known anew.
    missing: watch::Sender<usize>,
}

impl Schemas {
    pub(crate) fn new(
        backends: Vec<Backend>,
        info: OpenApiInfo,
        unstated: Unstated,
        mapping: Mapping,
    ) -> Arc<Self> {
        let count = backends.len();
        let known = backends.iter().map(|backend| Known::new(backend.endpoints().endpoints())).collect();
        Arc::new(Self {
            known: Mutex::new(known),
            serving: backends.iter().map(|_| AtomicBool::new(false)).collect(),
            news: Notify::new(),
            turn: Mutex::default(),
            current: ArcSwap::from_pointee(None),
            former: Mutex::default(),
            missing: watch::Sender::new(count),
            backends,
            info,
            unstated,
            mapping: ArcSwap::from_pointee(mapping),
            refused: ArcSwap::default(),
        })
    }

    /// The newest good schema; none before the first.
    pub(crate) fn current(&self) -> Arc<Option<Schema>> {
        self.current.load_full()
    }

    /// The backends, over the connections by which they are followed.
    pub(crate) fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// Whether the backend at this place is there and says that it serves.
    pub(crate) fn is_serving(&self, index: usize) -> bool {
        self.serving.get(index).is_some_and(|serving| serving.load(Ordering::Acquire))
    }

    /// Marked whenever the schema or the health of a backend has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.missing.subscribe()
    }

    /// What documents say beside the routes.
    pub(crate) fn info(&self) -> &OpenApiInfo {
        &self.info
    }

    /// Resolves once every backend is known.
    pub(crate) async fn complete(&self) {
        let mut missing = self.missing.subscribe();
        // the sender lives as long as this
        let _ = missing.wait_for(|missing| *missing == 0).await;
    }

    /// Follows every endpoint of every backend until the drain begins.
    pub(crate) fn watch(self: &Arc<Self>, drain: &Drain) {
        tokio::spawn(Arc::clone(self).settle_on(drain.clone()));
        for (index, backend) in self.backends.iter().enumerate() {
            for endpoint in 0..backend.endpoints().endpoints() {
                let (schemas, backend, drain) = (Arc::clone(self), backend.clone(), drain.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = follow::follow(&backend, endpoint, |news| schemas.take(index, endpoint, news)) => {}
                        () = drain.begun() => {}
                    }
                });
            }
        }
    }

    fn replace(&self, schema: Schema) {
        let former = self.current.swap(Arc::new(Some(schema)));
        let trace = Option::as_ref(&*former).map(|schema| schema.program.trace());
        drop(former);
        let mut traces = self.traces();
        traces.extend(trace);
        traces.retain(ProgramTrace::is_alive);
    }

    /// How many former schemas are still in memory.
    fn former(&self) -> usize {
        self.traces().iter().filter(|trace| trace.is_alive()).count()
    }

    fn traces(&self) -> MutexGuard<'_, Vec<ProgramTrace>> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
