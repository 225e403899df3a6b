//! The way over HTTP: the gateway as a process, before a backend that keeps what it is sent.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use gateway_suite::proto::LIBRARY_DESCRIPTORS;
use gateway_suite::{Answer, Client, Gateway, RawAnswer, RawBackend, RawRequest};

use crate::corpus::Rule;

/// A gateway that has all of the rules, and its backend.
pub(crate) struct Way {
    gateway: Gateway,
    backend: RawBackend,
    /// What has come and was not asked for yet, by request id.
    kept: Mutex<HashMap<String, RawRequest>>,
}

/// A connection to the gateway.
pub(crate) struct Sender<'w> {
    way: &'w Way,
    client: Client,
    count: u64,
    name: usize,
}

impl Way {
    /// Starts both; the gateway has the descriptors from a file.
    pub(crate) fn start(descriptors: &[u8], rules: &[Rule]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("google.bin");
        std::fs::write(&file, descriptors)?;
        // it is not asked what it serves
        let backend = RawBackend::start(LIBRARY_DESCRIPTORS)?;
        for rule in rules {
            backend.answer(&rule.grpc_path(), RawAnswer::failure(5, "kept"));
        }
        let file = file.to_string_lossy();
        let gateway = Gateway::start(&["--backend", &backend.uri(), "--descriptor", &file])?;
        Ok(Self { gateway, backend, kept: Mutex::default() })
    }

    /// A connection of its own for worker `name`.
    pub(crate) fn sender(&self, name: usize) -> Result<Sender<'_>> {
        Ok(Sender { way: self, client: Client::connect(self.gateway.address()?)?, count: 0, name })
    }

    fn taken(&self, id: &str) -> Option<RawRequest> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for request in self.backend.requests() {
            let id = request.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
            kept.insert(id.to_owned(), request.clone());
        }
        kept.remove(id)
    }
}

impl Sender<'_> {
    /// Sends a request: what the backend got of it, or the answer where it got nothing.
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        content_type: &str,
        body: Option<&str>,
    ) -> Result<Result<RawRequest, Answer>> {
        self.count += 1;
        let id = format!("{}-{}", self.name, self.count);
        let mut headers = vec![("x-request-id", id.as_str())];
        headers.extend(body.map(|_| ("content-type", content_type)));
        let body = body.unwrap_or_default().as_bytes();
        let answer = self.client.send(method, target, &headers, body)?;
        Ok(self.way.taken(&id).ok_or(answer))
    }
}
