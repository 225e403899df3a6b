//! OpenAPI documents of one schema, each built once, when it is first asked for.
//!
//! One of a large schema takes a while: it is built on a thread beside those that serve, and whoever asks for it meanwhile
//! waits for the same one. It is built to its end, whether or not anybody still waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::spawn_blocking;
use transcode::{OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, Program};

/// Which document: the first path segment, where it is one's alone, and the variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Document {
    pub(crate) first_segment: Option<String>,
    pub(crate) version: OpenApiVersion,
    pub(crate) forms: OpenApiForms,
}

/// A document that is built, or was; none where that failed.
type Building = Shared<BoxFuture<'static, Option<Bytes>>>;

#[derive(Debug)]
pub(super) struct Documents {
    first_segments: BTreeSet<String>,
    asked: Mutex<HashMap<Document, Building>>,
}

impl Documents {
    pub(super) fn new(program: &Program) -> Self {
        Self { first_segments: program.first_segments(), asked: Mutex::default() }
    }

    /// Whether there is such a document: there is none of a first path segment that no route has.
    pub(super) fn has(&self, document: &Document) -> bool {
        document.first_segment.as_ref().is_none_or(|segment| self.first_segments.contains(segment))
    }

    pub(super) fn get(&self, document: Document, program: &Program, info: &OpenApiInfo) -> Building {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = |document: &Document| {
            let (document, program, info) = (document.clone(), program.clone(), info.clone());
            let built = spawn_blocking(move || {
                let Document { first_segment, version, forms } = &document;
                let first_segment = first_segment.as_deref();
                let view = OpenApiView { first_segment, version: *version, forms: *forms };
                Bytes::from(program.openapi(&info, view))
            });
            async move { built.await.ok() }.boxed().shared()
        };
        asked.entry(document).or_insert_with_key(begin).clone()
    }
}
