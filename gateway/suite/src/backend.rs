//! The test services on a loopback port, with reflection and health.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_reflection::server::Builder;
use tower_service::Service;

use crate::proto::LIBRARY_DESCRIPTORS;
use crate::proto::library::v1::library_server::LibraryServer;
use crate::proto::library::v1::shapes_server::ShapesServer;
use crate::server::Running;
use crate::{Library, Shapes};

/// No message is longer: 64 MiB.
const LARGEST: usize = 64 << 20;

/// What [`Version::Former`] has in the place of the method `GetFile` and of its path.
const RENAMED: [(&[u8], &[u8]); 2] =
    [(b"\x0a\x07GetFile", b"\x0a\x07HasFile"), (b"/v1/files/", b"/v0/files/")];

/// The path of the method that a former version does not have.
const NEW: &str = "/library.v1.Library/GetFile";

/// Which schema the library has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// That of the proto files.
    #[default]
    Current,
    /// One without the method `GetFile`.
    Former,
}

type Reply = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Handler = Arc<dyn Fn(Request<Body>) -> Reply + Send + Sync>;

/// A server of the test services; dropping it ends it.
#[derive(Debug)]
pub struct Backend {
    running: Running,
}

impl Backend {
    /// Starts one on a free port.
    pub fn start() -> Result<Self> {
        Self::start_on(0)
    }

    /// Starts one on this port of the loopback address.
    pub fn start_on(port: u16) -> Result<Self> {
        Self::start_version(Version::Current, port)
    }

    /// Starts one whose library is of this version.
    pub fn start_version(version: Version, port: u16) -> Result<Self> {
        let library = LibraryServer::new(Library::default());
        let shapes = ShapesServer::new(Shapes::default());
        let mut services = Services::default();
        services.add(library.max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST));
        services.add(shapes);
        services.describe(&[&version.descriptors()])?;
        if version == Version::Former {
            services.unknown = Some(NEW);
        }
        Ok(Self { running: services.serve(port)? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// What `--backend` takes.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Takes no new call, and ends with the last one under way.
    pub fn finish(self) {
        self.running.finish();
    }
}

impl Version {
    fn descriptors(self) -> Cow<'static, [u8]> {
        if self == Self::Current {
            return LIBRARY_DESCRIPTORS.into();
        }
        // names of the same lengths, so that nothing else of the encoding changes
        let mut set = LIBRARY_DESCRIPTORS.to_vec();
        for (from, to) in RENAMED {
            let places = (0..set.len() - from.len()).filter(|at| set[*at..].starts_with(from));
            for place in places.collect::<Vec<_>>() {
                set[place..place + to.len()].copy_from_slice(to);
            }
        }
        set.into()
    }
}

/// Services by their gRPC names.
#[derive(Clone, Default)]
pub(crate) struct Services {
    by_name: HashMap<&'static str, Handler>,
    /// The path of a method that is not there, whatever its service has.
    unknown: Option<&'static str>,
}

impl Services {
    /// Adds a service as tonic generates its server.
    pub(crate) fn add<S>(&mut self, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let handler = move |request| {
            let mut service = service.clone();
            let reply = async move {
                let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
                let Ok(response) = service.call(request).await;
                response
            };
            Box::pin(reply) as Reply
        };
        self.by_name.insert(S::NAME, Arc::new(handler));
    }

    /// Adds both versions of reflection over these descriptor sets, and health.
    pub(crate) fn describe(&mut self, sets: &[&[u8]]) -> Result<()> {
        let builder = || {
            let own = [tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET];
            let all = sets.iter().copied().chain(own);
            all.fold(Builder::configure(), Builder::register_encoded_file_descriptor_set)
        };
        self.add(builder().build_v1().context("reflection")?);
        self.add(builder().build_v1alpha().context("reflection")?);
        let (_, health) = tonic_health::server::health_reporter();
        self.add(health);
        Ok(())
    }

    /// Serves them.
    pub(crate) fn serve(self, port: u16) -> Result<Running> {
        Running::start(port, move |request: Request<Incoming>| {
            let answer = self.call(request);
            async move {
                match answer {
                    Some(answer) => answer.await,
                    None => Status::unimplemented("no such service here").into_http(),
                }
            }
        })
    }

    /// Calls the service that the path names.
    pub(crate) fn call(&self, request: Request<Incoming>) -> Option<Reply> {
        if self.unknown == Some(request.uri().path()) {
            return None;
        }
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        Some(self.by_name.get(name)?(request.map(Body::new)))
    }
}
