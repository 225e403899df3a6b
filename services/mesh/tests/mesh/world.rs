//! A server that runs, and ways to reach it.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::client::{Channel, Endpoint};
use mesh::drain::{Drain, Grace};
use mesh::health::Health;
use mesh::identity::Principal;
use mesh::memory::{self, Connector};
use mesh::serve::{Drained, Limits, Listener, Server, Services};
use options::Table;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::descriptors;
use crate::echo::{Echo, EchoClient};

pub(crate) struct World {
    pub(crate) echo: Echo,
    pub(crate) connector: Connector,
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) health: Health,
    pub(crate) serving: JoinHandle<Drained>,
}

pub(crate) async fn start() -> World {
    start_with(Echo::default(), Limits::default(), Grace::default()).await
}

pub(crate) async fn start_with(echo: Echo, limits: Limits, grace: Grace) -> World {
    let server = Server::builder(Services::new().add(echo.clone()))
        .descriptors(descriptors::encoded())
        .limits(limits)
        .grace(grace)
        .build()
        .unwrap();
    let (listener, connector) = memory::pair(principal("service:gateway"));
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (drain, health) = (Drain::new(), server.health().clone());
    let listeners = vec![Listener::memory(listener), Listener::h2c(tcp)];
    let serving = tokio::spawn(server.serve(listeners, drain.clone()));
    World { echo, connector, address, drain, health, serving }
}

impl World {
    /// A client whose connections are this principal.
    pub(crate) fn client(&self, peer: &str) -> EchoClient {
        EchoClient::new(self.channel(peer))
    }

    pub(crate) fn channel(&self, peer: &str) -> Channel {
        let endpoint = Endpoint::memory(self.connector.identified_as(principal(peer)));
        Channel::builder(endpoint).methods(table()).build()
    }

    /// A client over TCP in clear.
    pub(crate) fn over_tcp(&self) -> EchoClient {
        let endpoint = Endpoint::h2c(&self.address.to_string()).unwrap();
        EchoClient::new(Channel::builder(endpoint).methods(table()).build())
    }
}

pub(crate) fn table() -> Arc<Table> {
    Arc::new(Table::read(descriptors::encoded()).unwrap())
}

pub(crate) fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}
