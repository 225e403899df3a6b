//! A server that runs, and calls to it as anybody.

use std::sync::Arc;

use api::config::v1::status_client::StatusClient;
use api::config::v1::tools_client::ToolsClient;
use api::config::v1::{CreateToolRequest, DeleteToolRequest, GetToolRequest, Tool};
use config_core::Tools;
use config_core::memory::World as Ports;
use mesh::client::{Channel, Endpoint};
use mesh::drain::Drain;
use mesh::identity::Principal;
use mesh::memory::{self, Connector};
use mesh::serve::{Listener, Server};
use mesh::status::Problem;
use tonic::{Code, Status};

use crate::contended::Contended;

pub(crate) struct World {
    /// Homes, certificates, time, and what fails of them.
    pub(crate) ports: Arc<Ports>,
    pub(crate) records: Arc<Contended>,
    connector: Connector,
    drain: Drain,
}

impl World {
    pub(crate) fn new() -> Self {
        let ports = Arc::new(Ports::default());
        let records = config::Records::new(Arc::new(store::memory::Memory::default()), ports.clone());
        let records = Arc::new(Contended { records, on: false.into(), pause: tokio::sync::Mutex::default() });
        let tools = Tools::new(records.clone(), ports.clone(), ports.clone(), ports.clone(), ports.clone());
        let metrics = Arc::new(|| "tools_total 1\n".to_owned());
        let services = config::service(config::Deps { tools, metrics });
        let server = Server::builder(services).descriptors(api::CONFIG_DESCRIPTORS).build().unwrap();
        let (listener, connector) = memory::pair(Principal::Anonymous);
        let drain = Drain::new();
        tokio::spawn(server.serve(vec![Listener::memory(listener)], drain.clone()));
        Self { ports, records, connector, drain }
    }

    /// Tools as this caller.
    pub(crate) fn tools_as(&self, caller: &str) -> ToolsClient<Channel> {
        ToolsClient::new(self.channel(caller))
    }

    /// Tools as an administrator.
    pub(crate) fn tools(&self) -> ToolsClient<Channel> {
        self.tools_as("admin:root")
    }

    pub(crate) fn status(&self) -> StatusClient<Channel> {
        StatusClient::new(self.channel("anonymous"))
    }

    fn channel(&self, caller: &str) -> Channel {
        let connector = self.connector.identified_as(caller.parse().unwrap());
        Channel::new(Endpoint::memory(connector))
    }

    pub(crate) async fn create(&self, name: &str) -> Result<Tool, Status> {
        let request = CreateToolRequest { name: name.into(), request_id: None };
        Ok(self.tools().create_tool(request).await?.into_inner().tool.unwrap())
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Tool, Status> {
        Ok(self.tools().get_tool(GetToolRequest { name: name.into() }).await?.into_inner().tool.unwrap())
    }

    pub(crate) async fn delete(&self, name: &str, delete_home: bool) -> Result<(), Status> {
        let request =
            DeleteToolRequest { name: name.into(), delete_home: Some(delete_home), request_id: None };
        self.tools().delete_tool(request).await.map(drop)
    }

    /// The serial number of the certificate in a home; the outer option is the home itself.
    #[expect(clippy::option_option, reason = "a home with or without a certificate, or none")]
    pub(crate) fn home_of(&self, name: &str) -> Option<Option<String>> {
        self.ports.home_of(&name.parse().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.drain.stop();
    }
}

/// Code, reason, chosen HTTP status, wrong fields and text of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(
    result: Result<T, Status>,
) -> (Code, String, Option<u16>, Vec<String>, String) {
    let problem = Problem::read(&result.unwrap_err());
    assert_eq!(problem.domain, "config.toolforge");
    let http = problem.chosen_http_status();
    let fields = problem.violations.into_iter().map(|(field, _)| field).collect();
    (problem.code, problem.reason, http, fields, problem.message)
}
