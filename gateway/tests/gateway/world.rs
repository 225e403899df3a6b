//! A gateway that runs in front of backends in memory, and ways to reach it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{
    Backend, ErrorForm, Gateway, Limits, Mapping, Options, Policies, Prefer, SecurityScheme, Tls, TlsPem,
    Unstated,
};
use mesh::client::{Channel, Endpoint};
use mesh::drain::{Drain, Grace};
use mesh::identity::tls::{Client, Expected, Pem};
use mesh::serve::{Listener, Server, Services};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::backend::Fake;
use crate::pki::{Identity, Pki};
use crate::raw::{Connection, Reply};

/// How a world differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) prefer: Prefer,
    pub(crate) limits: Limits,
    pub(crate) policies: Policies,
    pub(crate) private_reflection: bool,
    pub(crate) mapping: Mapping,
    pub(crate) security: Vec<SecurityScheme>,
    pub(crate) unstated: Unstated,
}

pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) pki: Pki,
    pub(crate) pem: TlsPem,
    pub(crate) alpha: Identity,
    pub(crate) fake: Fake,
    pub(crate) tls: Tls,
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) serving: JoinHandle<()>,
    /// Of the backend.
    pub(crate) backend: Drain,
    pub(crate) served: JoinHandle<()>,
}

pub(crate) async fn start() -> World {
    start_with(Setup::default()).await
}

pub(crate) async fn start_with(setup: Setup) -> World {
    let fake = Fake::default();
    let (listener, connector) = mesh::memory::pair("service:gateway".parse().unwrap());
    let backend = Drain::new();
    let served = serve_backend(&fake, Listener::memory(listener), &backend);
    let channel = Channel::new(Endpoint::memory(connector));
    let (world, ready) = start_before(channel, setup).await;
    within(ready).await.unwrap();
    World { fake, backend, served, ..world }
}

/// A gateway whose backend has not come yet, and what tells that it is known.
pub(crate) async fn start_before(channel: Channel, setup: Setup) -> (World, oneshot::Receiver<()>) {
    start_with_backend(Backend::new("jobs", &channel), setup).await
}

/// The same with a backend of any kind.
pub(crate) async fn start_with_backend(backend: Backend, setup: Setup) -> (World, oneshot::Receiver<()>) {
    start_with_backends(vec![backend], setup).await
}

/// The same with several backends.
pub(crate) async fn start_with_backends(
    backends: Vec<Backend>,
    setup: Setup,
) -> (World, oneshot::Receiver<()>) {
    let (drain, pki) = (Drain::new(), Pki::new());
    let options = Options {
        errors: ErrorForm::Toolforge,
        public_reflection: !setup.private_reflection,
        limits: setup.limits,
        policies: setup.policies,
        mapping: setup.mapping,
        security: setup.security,
        unstated: setup.unstated,
        ..Options::default()
    };
    let gateway = Arc::new(Gateway::new(backends, options, &drain));
    let pem = pki.gateway();
    let tls = Tls::new(&pem, setup.prefer).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (serves, own, ending) = (Arc::clone(&gateway), tls.clone(), drain.clone());
    let serving = tokio::spawn(async move { serves.serve(listener, own, ending).await });
    let (tell, ready) = oneshot::channel();
    let runs = Arc::clone(&gateway);
    tokio::spawn(async move {
        gateway.ready().await;
        let _ = tell.send(());
    });
    let (alpha, fake, backend) = (pki.tool("alpha"), Fake::default(), Drain::new());
    let served = tokio::spawn(async {});
    (World { gateway: runs, pki, pem, alpha, fake, tls, address, drain, serving, backend, served }, ready)
}

/// Serves everything of the jobs service, healthy, until the drain begins.
pub(crate) fn serve_backend(fake: &Fake, listener: Listener, drain: &Drain) -> JoinHandle<()> {
    serve_services(fake.services(), listener, drain)
}

pub(crate) fn serve_services(services: Services, listener: Listener, drain: &Drain) -> JoinHandle<()> {
    let grace = Grace { total: Duration::from_secs(5), ..Grace::default() };
    let server = Server::builder(services).descriptors(api::JOBS_DESCRIPTORS).grace(grace).build().unwrap();
    server.health().ready();
    let drain = drain.clone();
    tokio::spawn(async move {
        let _ = server.serve(vec![listener], drain).await;
    })
}

impl World {
    /// A connection over HTTP/1.1 as the tool alpha.
    pub(crate) async fn connect(&self) -> Connection {
        self.connect_as(&self.alpha).await
    }

    pub(crate) async fn connect_as(&self, identity: &Identity) -> Connection {
        self.open(identity, &["http/1.1"]).await.unwrap()
    }

    /// A connection that offers these protocols.
    pub(crate) async fn open(&self, identity: &Identity, alpn: &[&str]) -> std::io::Result<Connection> {
        Connection::open(self.address, &self.pki.servers.pem, identity, alpn).await
    }

    /// One request without a body as the tool alpha.
    pub(crate) async fn request(&self, method: &str, target: &str) -> Reply {
        self.connect().await.request(method, target, "", b"").await
    }

    /// One request with a body of JSON as the tool alpha.
    pub(crate) async fn send(&self, method: &str, target: &str, body: &[u8]) -> Reply {
        self.connect().await.request(method, target, "Content-Type: application/json\r\n", body).await
    }

    /// A channel over gRPC.
    pub(crate) fn channel(&self, identity: &Identity) -> Channel {
        let pem = Pem {
            chain: identity.chain.clone(),
            key: identity.key.clone(),
            mesh_root: Some(self.pki.servers.pem.clone()),
            ..Pem::default()
        };
        let tls = Client::new(&pem, Expected::Host("localhost".to_owned())).unwrap();
        Channel::new(Endpoint::tls(&self.address.to_string(), Arc::new(tls)).unwrap())
    }
}

/// Waits for an event, for ten seconds at most.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("in time")
}
