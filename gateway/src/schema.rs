//! What the backends serve, as one immutable snapshot behind an atomic swap.

mod compile;
mod endpoint;
mod follow;
mod gather;
mod methods;
mod report;
mod slots;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;
use mesh::drain::Drain;
use options::Table;
use tokio::sync::watch;
use transcode::{OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Program, ProgramTrace};

use crate::Unstated;
use crate::backend::Backend;
use crate::bounds::MethodBounds;
use crate::builtin::reflection::Reflection;
use crate::descriptors::Descriptors;
use crate::mapping::Mapping;
use compile::compile;
use endpoint::{Known, News};
pub(crate) use methods::Methods;

/// Services to backends, by the place in the list of backends.
type Owners = HashMap<String, usize, RandomState>;

/// What tells OpenAPI documents apart: the first path segment, where it is one's alone, and the variant.
type DocumentKey = (Option<String>, OpenApiVersion, OpenApiForms);

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
    /// OpenAPI documents that were asked for, by first segment (none: all of it), version and forms.
    documents: Mutex<HashMap<DocumentKey, Bytes>>,
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

    /// An OpenAPI document; none of a first path segment that no route has.
    pub(crate) fn openapi(&self, info: &OpenApiInfo, view: OpenApiView<'_>) -> Option<Bytes> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (view.first_segment.map(str::to_owned), view.version, view.forms);
        if let Some(document) = documents.get(&key) {
            return Some(document.clone());
        }
        if view.first_segment.is_some_and(|segment| !self.program.first_segments().contains(segment)) {
            return None;
        }
        let document = Bytes::from(self.program.openapi(info, view));
        documents.insert(key, document.clone());
        Some(document)
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
        self.known().get(index).is_some_and(Known::is_serving)
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

    /// Maps in another way, where the schema can be served in it.
    pub(crate) fn set_mapping(&self, mapping: Mapping) {
        let known = self.known();
        let is_empty = known.iter().all(|known| known.files.is_none());
        if is_empty || self.adopt(&known, &mapping) {
            self.mapping.store(Arc::new(mapping));
        }
        self.missing.send_modify(|_| {});
    }

    /// Serves what is known from now on. What cannot be served changes nothing.
    fn adopt(&self, known: &[Known], mapping: &Mapping) -> bool {
        let parts = self.backends.iter().map(|one| one.name.as_str()).zip(known);
        match compile(parts.map(|(name, known)| (name, known.files.as_deref())), self.unstated, mapping) {
            Ok(mut schema) => {
                schema.methods = known.iter().map(|known| known.methods.clone()).collect();
                self.replace(schema);
                self.refused.store(Arc::default());
                true
            }
            Err(error) => {
                tracing::error!(%error, "the new schema is not usable, the former one serves on");
                self.refused.store(Arc::new(Some(error.to_string())));
                false
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

    fn take(&self, index: usize, endpoint: usize, news: News) {
        let mut known = self.known();
        if known.get_mut(index).is_some_and(|slot| slot.take(endpoint, news)) {
            self.settle(&mut known, index);
        }
    }

    /// Takes another description of a backend that is described, from now on; false where there is no such backend.
    pub(crate) fn describe(&self, name: &str, descriptors: Descriptors) -> bool {
        let Some(index) = self.backends.iter().position(|one| one.name == name && one.described().is_some())
        else {
            return false;
        };
        let mut known = self.known();
        if let (Some(slot), Some(backend)) = (known.get_mut(index), self.backends.get(index)) {
            slot.describe(&descriptors.0);
            backend.describe(descriptors.0);
            self.settle(&mut known, index);
        }
        true
    }

    /// Draws the consequences of news of a backend: which schema is in force, and which endpoints are called for what.
    fn settle(&self, known: &mut [Known], index: usize) {
        let (Some(slot), Some(backend)) = (known.get_mut(index), self.backends.get(index)) else { return };
        if let Some(candidate) = slot.candidate().cloned() {
            let former = slot.adopt(candidate);
            if !self.adopt(known, &self.mapping.load())
                && let Some(slot) = known.get_mut(index)
            {
                slot.refuse(former);
            }
        }
        if let Some(slot) = known.get_mut(index) {
            backend.set_versions(slot.versions());
        }
        self.missing.send_replace(known.iter().filter(|known| known.files.is_none()).count());
    }
}
