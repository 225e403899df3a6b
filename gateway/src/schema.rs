//! What the backends serve, as one immutable snapshot behind an atomic swap.

mod compile;
mod follow;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use mesh::drain::Drain;
use options::Table;
use tokio::sync::watch;
use transcode::{OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Program};

use crate::Unstated;
use crate::backend::Backend;
use crate::builtin::reflection::Reflection;
use crate::mapping::Mapping;
use crate::reflect::Files;
use compile::compile;
use follow::News;

/// One state of what is served.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) program: Program,
    /// Who may call what.
    pub(crate) access: Table,
    /// Reflection of all of it.
    pub(crate) reflection: Reflection,
    /// Services to backends, by the place in the list of backends.
    owners: HashMap<String, usize>,
    /// The files that it was made of.
    files: Vec<Bytes>,
    hash: String,
    since: SystemTime,
    /// What of it cannot be served.
    warnings: Vec<String>,
    /// OpenAPI documents that were asked for, by first segment (none: all of it), version and forms.
    documents: Mutex<HashMap<(Option<String>, OpenApiVersion, OpenApiForms), Bytes>>,
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

/// What is known of one backend.
#[derive(Clone, Debug, Default)]
struct Known {
    /// What it served when it was last seen.
    files: Option<Files>,
    /// Whether it is there and says that it serves.
    serving: bool,
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
        Arc::new(Self {
            known: Mutex::new(vec![Known::default(); count]),
            current: ArcSwap::from_pointee(None),
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
        self.known().get(index).is_some_and(|known| known.serving)
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

    /// Follows every backend until the drain begins.
    pub(crate) fn watch(self: &Arc<Self>, drain: &Drain) {
        for (index, backend) in self.backends.iter().enumerate() {
            let (schemas, backend, drain) = (Arc::clone(self), backend.clone(), drain.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = follow::follow(&backend, |news| schemas.take(index, news)) => {}
                    () = drain.begun() => {}
                }
            });
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
        match compile(known.iter().map(|known| known.files.as_ref()), self.unstated, mapping) {
            Ok(schema) => {
                self.current.store(Arc::new(Some(schema)));
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

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, index: usize, news: News) {
        let mut known = self.known();
        let Some(slot) = known.get_mut(index) else { return };
        match news {
            News::Serving(serving) if slot.serving == serving => return,
            News::Serving(serving) => slot.serving = serving,
            News::Files(files) if slot.files.as_ref() == Some(&files) => return,
            News::Files(files) => {
                let former = slot.files.replace(files);
                if !self.adopt(&known, &self.mapping.load()) {
                    if let Some(slot) = known.get_mut(index) {
                        slot.files = former;
                    }
                    return;
                }
            }
        }
        self.missing.send_replace(known.iter().filter(|known| known.files.is_none()).count());
    }
}
