//! Drawing the consequences of news: which schema is in force, and which endpoints are called for what.
//!
//! What takes long, reading and compiling files, is done with no lock that a worker, a health check or a look at the state
//! waits for, and on a thread on which it may take its time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use mesh::drain::Drain;

use super::compile::compile;
use super::endpoint::{Known, News};
use super::methods::Methods;
use super::{Schema, Schemas};
use crate::descriptors::Descriptors;
use crate::mapping::Mapping;
use crate::reflect::Files;

/// The schema of a backend: its files, and its methods.
type Part = (Option<Arc<Files>>, Option<Arc<Methods>>);

impl Schemas {
    /// Settles whenever there are news, until the drain begins.
    pub(super) async fn settle_on(self: Arc<Self>, drain: Drain) {
        loop {
            tokio::select! {
                () = self.news.notified() => {}
                () = drain.begun() => return,
            }
            let schemas = Arc::clone(&self);
            // a backend's bytes must not be able to end this
            if tokio::task::spawn_blocking(move || schemas.settle()).await.is_err() {
                tracing::error!("compiling a schema panicked");
            }
        }
    }

    /// Takes news of an endpoint. What is known of its version holds at once, the rest once that is settled.
    pub(super) fn take(&self, index: usize, endpoint: usize, news: News) {
        let mut known = self.known();
        if known.get_mut(index).is_some_and(|slot| slot.take(endpoint, news)) {
            self.show(&mut known);
            self.news.notify_one();
        }
    }

    /// Takes another description of a backend that is described, from now on; false where there is no such backend.
    pub(crate) fn describe(&self, name: &str, descriptors: Descriptors) -> bool {
        let Some(index) =
            self.backends.iter().position(|one| &*one.name == name && one.described().is_some())
        else {
            return false;
        };
        if let (Some(slot), Some(backend)) = (self.known().get_mut(index), self.backends.get(index)) {
            slot.describe(&descriptors.0);
            backend.describe(descriptors.0);
        }
        self.settle();
        true
    }

    /// Maps in another way, where the schema can be served in it.
    pub(crate) fn set_mapping(&self, mapping: Mapping) {
        let _turn = self.turn();
        let parts = self.parts();
        if parts.iter().all(|(files, _)| files.is_none()) {
            self.mapping.store(Arc::new(mapping));
        } else if let Some(schema) = self.compile(parts, &mapping) {
            self.replace(schema);
            self.mapping.store(Arc::new(mapping));
        }
        self.missing.send_modify(|_| {});
    }

    fn settle(&self) {
        let _turn = self.turn();
        self.learn_versions();
        for index in 0..self.backends.len() {
            let candidate = self.known().get(index).and_then(Known::candidate).cloned();
            let Some(candidate) = candidate else { continue };
            let methods = self.known().get(index).map(|known| known.methods_of(&candidate));
            let mut parts = self.parts();
            if let Some(part) = parts.get_mut(index) {
                *part = (Some(Arc::clone(&candidate)), methods);
            }
            let compiled = self.compile(parts, &self.mapping.load());
            let mut known = self.known();
            let Some(slot) = known.get_mut(index) else { continue };
            if let Some(schema) = compiled {
                slot.adopt(candidate);
                self.replace(schema);
            } else {
                slot.refuse(candidate);
            }
            self.show(&mut known);
        }
        self.show(&mut self.known());
    }

    /// Finds out what the methods of versions are that have not been seen yet.
    fn learn_versions(&self) {
        for index in 0..self.backends.len() {
            loop {
                let files = self.known().get(index).and_then(Known::unseen);
                let Some(files) = files else { break };
                let methods = Methods::of(&files);
                if let Some(known) = self.known().get_mut(index) {
                    known.learn(&files, methods);
                }
            }
        }
    }

    /// What is in force.
    fn parts(&self) -> Vec<Part> {
        self.known().iter().map(|known| (known.files.clone(), known.methods.clone())).collect()
    }

    /// The schema of all of this; none where it cannot be served, which is told.
    fn compile(&self, parts: Vec<Part>, mapping: &Mapping) -> Option<Schema> {
        let named = self.backends.iter().map(|one| &*one.name).zip(&parts);
        let served = named.map(|(name, (files, _))| (name, files.as_deref()));
        match compile(served, self.unstated, mapping) {
            Ok(mut schema) => {
                schema.methods = parts.into_iter().map(|(_, methods)| methods).collect();
                self.refused.store(Arc::default());
                Some(schema)
            }
            Err(error) => {
                tracing::error!(%error, "the new schema is not usable, the former one serves on");
                self.refused.store(Arc::new(Some(error.to_string())));
                None
            }
        }
    }

    /// Lets everybody see what is known.
    fn show(&self, known: &mut [Known]) {
        for ((known, backend), serving) in known.iter_mut().zip(&self.backends).zip(&self.serving) {
            backend.set_versions(known.versions());
            serving.store(known.is_serving(), Ordering::Release);
        }
        self.missing.send_replace(known.iter().filter(|known| known.files.is_none()).count());
    }

    /// One settles at a time, so that each goes on from what the former one left.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
