//! Backends that come and go, with schemas that change.

use api::jobs::v1::images_server::ImagesServer;
use api::jobs::v1::status_server::StatusServer;
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::serve::{Listener, Services};
use tokio::net::UnixListener;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::pki::Identity;
use crate::world::{Setup, World, serve_services, start_before, within};

const IMAGES: &str = "/jobs/v1/tool/alpha/images";
const HEALTH: &str = "/jobs/v1/healthz";

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
    let channel = Channel::new(Endpoint::unix(&path));
    let (mut world, ready) = start_before(channel, Setup::default()).await;
    let reply = world.request("GET", HEALTH).await;
    assert_eq!(reply.line, "HTTP/1.1 503 Service Unavailable");
    assert!(reply.json()["error"][0].as_str().unwrap().contains("does not know its services yet"));

    let fake = world.fake.clone();
    world.come(&path, Services::new().add(StatusServer::new(fake.clone())));
    within(ready).await.unwrap();
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
