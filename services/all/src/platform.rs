//! The composition: each service as its own binary would serve it, over pipes in memory instead of sockets.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use config::embedded::{Directory, admin};
use config::{Addresses, Authority};
use config_core::Tools;
use engine_embedded::Embedded;
use engine_router::Router;
use gateway::{Backend, ErrorForm, Gateway, Prefer, Tls, TlsPem};
use jobs::embedded::engine;
use jobs_core::Site;
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::Principal;
use mesh::memory::{self, Connector};
use mesh::serve::{Drained, Listener, Server, Services};
use mesh::telemetry::render_metrics;
use options::Table;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::failpoint::OnStep;

/// What a platform is started with.
pub(crate) struct Settings {
    pub(crate) gateway: SocketAddr,
    pub(crate) web: SocketAddr,
    pub(crate) domain: String,
    pub(crate) site: Site,
    pub(crate) trust_tools: bool,
    pub(crate) on_step: Option<OnStep>,
}

/// A running platform.
pub(crate) struct Platform {
    engine: Arc<Embedded>,
    servers: JoinSet<()>,
    pub(crate) gateway: SocketAddr,
    pub(crate) web: SocketAddr,
}

impl Platform {
    /// Starts everything on a directory that this process owns, and returns once it serves.
    pub(crate) async fn start(directory: &Directory, settings: Settings, drain: &Drain) -> Result<Self> {
        let Settings { gateway, web, domain, site, trust_tools, on_step } = settings;
        let gateway = bind(gateway, "gateway").await?;
        let web = bind(web, "web").await?;
        let addresses = (gateway.local_addr()?, web.local_addr()?);
        let (authority, tls) = authority(directory)?;
        authority.keep_admin().context("certificate of the administrator")?;
        let tools = tools(directory, &authority, addresses, &domain, on_step.clone())?;
        tools.converge().await?;

        let mut servers = JoinSet::new();
        let admin = Listener::unix(admin::listen(directory)?, Principal::Admin("local".into()));
        background(&mut servers, drain, config::keep(tools.clone()));
        let config = config::service(config::Deps { tools, metrics: Arc::new(render_metrics) });
        let config = serve(&mut servers, config, api::CONFIG_DESCRIPTORS, vec![admin], drain)?;

        let engine = engine(directory.path(), channel(&config, "jobs"), trust_tools, on_step.clone()).await?;
        let (jobs, records) = jobs::embedded::jobs(&directory.service("jobs"), &engine, site, on_step)?;
        let deps = jobs::Deps {
            jobs: jobs.clone(),
            clock: Arc::new(jobs::Machine),
            metrics: Arc::new(render_metrics),
        };
        let served = serve(&mut servers, jobs::service(deps), api::JOBS_DESCRIPTORS, Vec::new(), drain)?;
        jobs.recover().await.context("jobs cannot be recovered")?;
        background(&mut servers, drain, {
            let jobs = jobs.clone();
            async move { jobs.run().await }
        });
        background(&mut servers, drain, jobs::follow_tools(jobs, records, channel(&config, "jobs")));

        let backends = vec![backend("jobs", &served), backend("config", &config)];
        front(&mut servers, gateway, &authority, &tls, backends, drain).await?;
        let shutdown = drain.clone();
        let router = Router::new(
            engine.table(),
            engine_router::Options { domains: vec![domain], ..Default::default() },
        );
        servers.spawn(async move { router.serve(web, async move { shutdown.begun().await }).await });
        Ok(Self { engine, servers, gateway: addresses.0, web: addresses.1 })
    }

    /// Waits until every server has drained, then lets go of the instances, or stops them.
    pub(crate) async fn finish(self, stop_instances: bool) -> Result<()> {
        let Self { engine, mut servers, gateway: _, web: _ } = self;
        while let Some(ended) = servers.join_next().await {
            ended.context("a server panicked")?;
        }
        engine.close(stop_instances).await.context("instances cannot be let go")?;
        Ok(())
    }
}

/// The TLS of the gateway, known to the authority before it is there: a revocation changes it.
type SharedTls = Arc<OnceLock<(Tls, TlsPem)>>;

fn authority(directory: &Directory) -> Result<(Arc<Authority>, SharedTls)> {
    let tls = SharedTls::default();
    let (shared, list) = (Arc::clone(&tls), directory.pki().join("clients.crl"));
    let changed = move || {
        let Some((tls, pem)) = shared.get() else { return };
        let read = std::fs::read(&list).map_err(anyhow::Error::from);
        let reloaded = read.and_then(|list| Ok(tls.reload(&TlsPem { revoked: Some(list), ..pem.clone() })?));
        if let Err(error) = reloaded {
            tracing::error!(%error, "revoked certificates cannot be refused yet");
        }
    };
    let authority =
        Authority::open(&directory.pki(), Arc::new(config::Machine), changed).context("certificates")?;
    Ok((Arc::new(authority), tls))
}

fn tools(
    directory: &Directory,
    authority: &Arc<Authority>,
    (gateway, web): (SocketAddr, SocketAddr),
    domain: &str,
    on_step: Option<OnStep>,
) -> Result<Tools> {
    let addresses = Addresses {
        gateway: format!("https://{}", reachable(gateway)),
        ca_file: authority.clients_file(),
        publish_url_template: format!("http://{{tool_name}}.{domain}:{}", web.port()),
    };
    config::embedded::tools(directory, authority, addresses, on_step)
}

/// What clients on this machine connect to: a server that listens everywhere is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A service behind a pipe, and what connects to it as any identity.
struct Served {
    connector: Connector,
    methods: Arc<Table>,
}

fn serve(
    servers: &mut JoinSet<()>,
    services: Services,
    descriptors: &'static [u8],
    mut listeners: Vec<Listener>,
    drain: &Drain,
) -> Result<Served> {
    let (listener, connector) = memory::pair(Principal::Anonymous);
    listeners.push(Listener::memory(listener));
    let server = Server::builder(services).descriptors(descriptors).public_reflection(true).build()?;
    server.health().ready();
    let drain = drain.clone();
    servers.spawn(async move {
        if let Drained::Cut(open) = server.serve(listeners, drain).await {
            tracing::warn!(open, "connections to a service were cut");
        }
    });
    Ok(Served { connector, methods: Arc::new(Table::read(descriptors)?) })
}

/// A channel to a service in the name of another.
fn channel(served: &Served, name: &str) -> Channel {
    let connector = served.connector.identified_as(Principal::Service(name.into()));
    Channel::builder(Endpoint::memory(connector)).methods(Arc::clone(&served.methods)).build()
}

fn backend(name: &str, served: &Served) -> Backend {
    Backend::new(name, &channel(served, mesh::identity::GATEWAY))
}

/// Something that runs until the drain begins.
fn background(servers: &mut JoinSet<()>, drain: &Drain, work: impl Future<Output = ()> + Send + 'static) {
    let drain = drain.clone();
    servers.spawn(async move {
        tokio::select! {
            () = work => {}
            () = drain.begun() => {}
        }
    });
}

async fn front(
    servers: &mut JoinSet<()>,
    listener: TcpListener,
    authority: &Authority,
    shared: &SharedTls,
    backends: Vec<Backend>,
    drain: &Drain,
) -> Result<()> {
    let mut addresses = vec![IpAddr::from([127, 0, 0, 1]), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];
    let bound = listener.local_addr()?.ip();
    if !bound.is_unspecified() && !addresses.contains(&bound) {
        addresses.push(bound);
    }
    let identity = authority.gateway(&["localhost"], &addresses)?;
    let pem = TlsPem {
        chain: identity.certificate_pem.into_bytes(),
        key: identity.key_pem.into_bytes(),
        clients_root: Some(authority.clients_pem().as_bytes().to_vec()),
        revoked: Some(authority.revocation_list()?.into_bytes()),
    };
    let tls = Tls::new(&pem, Prefer::Http1).context("TLS of the gateway")?;
    let (tls, _) = shared.get_or_init(|| (tls, pem));
    let options = gateway::Options {
        errors: ErrorForm::Toolforge,
        public_reflection: true,
        title: "Toolforge".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        security: vec![gateway::SecurityScheme::MutualTls],
        ..gateway::Options::default()
    };
    let gateway = Gateway::new(backends, options, drain);
    gateway.ready().await;
    let (tls, drain) = (tls.clone(), drain.clone());
    servers.spawn(async move { gateway.serve(listener, tls, drain).await });
    Ok(())
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("--{flag}: cannot listen on {address}"))
}
