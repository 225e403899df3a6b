//! Backends that come and go, with schemas that change.

use api::jobs::v1::images_server::ImagesServer;
use api::jobs::v1::status_server::StatusServer;
use gateway::{Backend, ErrorForm, Gateway, Options, Prefer, Tls};
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::serve::{Listener, Services};
use tokio::net::{TcpListener, UnixListener};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::backend::Fake;
use crate::pki::{Identity, Pki};
use crate::world::{World, serve_services, within};

const IMAGES: &str = "/jobs/v1/tool/alpha/images";
const HEALTH: &str = "/jobs/v1/healthz";

/// A gateway in front of a socket where nobody listens yet.
async fn start(path: &std::path::Path) -> World {
    let backends = vec![Backend { name: "jobs".to_owned(), channel: Channel::new(Endpoint::unix(path)) }];
    let (drain, pki) = (Drain::new(), Pki::new());
    let options = Options { errors: ErrorForm::Toolforge, public_reflection: true, ..Options::default() };
    let gateway = Gateway::new(backends, options, &drain);
    let pem = pki.gateway();
    let tls = Tls::new(&pem, Prefer::Http1).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (own, ending) = (tls.clone(), drain.clone());
    let serving = tokio::spawn(async move { gateway.serve(listener, own, ending).await });
    let (alpha, fake, backend) = (pki.tool("alpha"), Fake::default(), Drain::new());
    let served = tokio::spawn(async {});
    World { pki, pem, alpha, fake, tls, address, drain, serving, backend, served }
}

impl World {
    /// Serves at the socket as the gateway's backend.
    fn come(&mut self, path: &std::path::Path, services: Services) {
        let _ = std::fs::remove_file(path);
        let listener = Listener::unix(UnixListener::bind(path).unwrap(), "service:gateway".parse().unwrap());
        self.backend = Drain::new();
        self.served = serve_services(services, listener, &self.backend);
    }

    async fn go(&mut self) {
        self.backend.stop();
        within(&mut self.served).await.unwrap();
    }

    /// Waits until the gateway knows that the service of this name is so.
    async fn until(&self, service: &str, status: ServingStatus) {
        let mut client = HealthClient::new(self.channel(&Identity::default()));
        let ask = HealthCheckRequest { service: service.to_owned() };
        let mut said = client.watch(ask).await.unwrap().into_inner();
        while within(said.message()).await.unwrap().unwrap().status() != status {}
    }
}

#[tokio::test]
async fn schemas_outlive_their_backends_and_are_learned_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs");
    let mut world = start(&path).await;
    let reply = world.request("GET", HEALTH).await;
    assert_eq!(reply.line, "HTTP/1.1 503 Service Unavailable");
    assert!(reply.json()["error"][0].as_str().unwrap().contains("does not know its services yet"));

    let fake = world.fake.clone();
    world.come(&path, Services::new().add(StatusServer::new(fake.clone())));
    world.until("toolforge.jobs.v1.Status", ServingStatus::Serving).await;
    assert_eq!(world.request("GET", HEALTH).await.line, "HTTP/1.1 200 OK");
    assert_eq!(world.request("GET", "/jobs/openapi.json").await.line, "HTTP/1.1 200 OK");

    world.go().await;
    world.until("toolforge.jobs.v1.Status", ServingStatus::NotServing).await;
    let reply = world.request("GET", HEALTH).await;
    assert_eq!(reply.line, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(reply.json()["error"][0], "the service jobs is not available, please try again later");
    assert_eq!(world.request("GET", "/jobs/openapi.json").await.line, "HTTP/1.1 200 OK");
    assert_eq!(world.request("GET", "/nowhere").await.line, "HTTP/1.1 404 Not Found");

    world.come(&path, Services::new().add(StatusServer::new(fake.clone())).add(ImagesServer::new(fake)));
    world.until("toolforge.jobs.v1.Images", ServingStatus::Serving).await;
    assert_eq!(world.request("GET", IMAGES).await.line, "HTTP/1.1 200 OK");
    assert_eq!(world.request("GET", HEALTH).await.line, "HTTP/1.1 200 OK");
}
