//! What the backends serve, as one immutable snapshot behind an atomic swap.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt as _;
use mesh::drain::Drain;
use options::Table;
use tokio::sync::watch;
use transcode::{CompileOptions, OpenApiInfo, Program};

use crate::backend::Backend;
use crate::reflect::{self, Files};
use crate::rules::PlatformRules;

/// Pause between two looks at a backend whose schema is known.
const POLL: Duration = Duration::from_secs(10);
/// First and longest pause after a failed look.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// One state of what is served.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) program: Program,
    /// Who may call what.
    pub(crate) access: Table,
    /// Services to backends, by the place in the list of backends.
    owners: HashMap<String, usize>,
    /// Every file, as the encoding of one set.
    pub(crate) descriptor_set: Vec<u8>,
    /// OpenAPI documents that were asked for: at most one for each first segment, and the merged one.
    documents: Mutex<HashMap<Option<String>, Bytes>>,
}

impl Schema {
    /// The backend of a gRPC path `/pkg.Service/Method`.
    pub(crate) fn owner(&self, path: &str) -> Option<usize> {
        self.owners.get(service_of(path)).copied()
    }

    /// The OpenAPI document of all routes, or of those below one first path segment; none where there are no such.
    pub(crate) fn openapi(&self, info: &OpenApiInfo, segment: Option<&str>) -> Option<Bytes> {
        if segment.is_some_and(|segment| !self.program.first_segments().contains(segment)) {
            return None;
        }
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Bytes::from(self.program.openapi(info, segment));
        Some(documents.entry(segment.map(str::to_owned)).or_insert_with(make).clone())
    }

    /// Full names of all services.
    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.owners.keys().map(String::as_str)
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
    known: Mutex<Vec<Option<Files>>>,
    current: ArcSwap<Option<Schema>>,
    missing: watch::Sender<usize>,
}

impl Schemas {
    pub(crate) fn new(backends: Vec<Backend>, info: OpenApiInfo) -> Arc<Self> {
        let count = backends.len();
        Arc::new(Self {
            known: Mutex::new(vec![None; count]),
            current: ArcSwap::from_pointee(None),
            missing: watch::Sender::new(count),
            backends,
            info,
        })
    }

    /// The newest good schema; none before the first.
    pub(crate) fn current(&self) -> Arc<Option<Schema>> {
        self.current.load_full()
    }

    /// A backend by its place.
    pub(crate) fn backend(&self, index: usize) -> Option<&Backend> {
        self.backends.get(index)
    }

    /// Marked whenever the schema has changed.
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
        // The sender lives as long as this.
        let _ = missing.wait_for(|missing| *missing == 0).await;
    }

    /// Looks at every backend until the drain begins.
    pub(crate) fn watch(self: &Arc<Self>, drain: &Drain) {
        for index in 0..self.backends.len() {
            let (schemas, drain) = (Arc::clone(self), drain.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = schemas.follow(index) => {}
                    () = drain.begun() => {}
                }
            });
        }
    }

    async fn follow(&self, index: usize) {
        let Some(backend) = self.backends.get(index) else { return };
        let mut pause = PAUSES.0;
        loop {
            // A backend's bytes must not be able to end the watch.
            let look = std::panic::AssertUnwindSafe(reflect::fetch(&backend.channel)).catch_unwind().await;
            match look {
                Ok(Ok(files)) => {
                    self.adopt(index, files);
                    pause = PAUSES.0;
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                Ok(Err(error)) => tracing::warn!(backend = backend.name, %error, "reflection failed"),
                Err(_) => tracing::error!(backend = backend.name, "reflection panicked"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Compiles anew where something changed. A schema that does not compile changes nothing.
    fn adopt(&self, index: usize, files: Files) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = known.get_mut(index) else { return };
        if slot.as_ref() == Some(&files) {
            return;
        }
        let former = slot.replace(files);
        match compile(&known) {
            Ok(schema) => {
                self.current.store(Arc::new(Some(schema)));
                self.missing.send_replace(known.iter().filter(|files| files.is_none()).count());
            }
            Err(error) => {
                tracing::error!(%error, "the new schema is not usable, the former one serves on");
                if let Some(slot) = known.get_mut(index) {
                    *slot = former;
                }
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SchemaError {
    #[error(transparent)]
    Descriptors(#[from] transcode::DescriptorError),
    #[error(transparent)]
    Options(#[from] options::Error),
}

fn compile(known: &[Option<Files>]) -> Result<Schema, SchemaError> {
    let mut owners = HashMap::new();
    let mut files: Vec<Bytes> = Vec::new();
    for (index, backend) in known.iter().enumerate() {
        let Some(backend) = backend else { continue };
        for service in &backend.services {
            owners.entry(service.clone()).or_insert(index);
        }
        files.extend(backend.files.iter().filter(|file| !files.contains(file)).cloned().collect::<Vec<_>>());
    }
    let compiled = Program::compile(&files, &PlatformRules, CompileOptions::default())?;
    for warning in &compiled.warnings {
        tracing::warn!(?warning, "a part of the schema cannot be served");
    }
    let descriptor_set = set_of(&files);
    let access = Table::read(&descriptor_set)?;
    Ok(Schema { program: compiled.program, access, owners, descriptor_set, documents: Mutex::default() })
}

/// The encoding of a `FileDescriptorSet`: each file as field 1.
fn set_of(files: &[Bytes]) -> Vec<u8> {
    let mut set = Vec::with_capacity(files.iter().map(|file| file.len() + 6).sum());
    for file in files {
        prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut set);
        prost::encoding::encode_varint(file.len() as u64, &mut set);
        set.extend_from_slice(file);
    }
    set
}
