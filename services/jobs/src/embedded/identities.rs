//! Who a tool is on this machine: asked of the config service.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use api::config::v1::GetToolRequest;
use api::config::v1::tools_client::ToolsClient;
use async_trait::async_trait;
use engine_embedded::{Identities, Identity};
use mesh::client::Channel;

/// Asks the config service, and remembers: a tool's ids and home never change while it is there.
#[derive(Debug)]
pub struct FromConfig {
    tools: ToolsClient<Channel>,
    known: Mutex<HashMap<String, Identity>>,
}

impl FromConfig {
    /// Asks over this channel, as the jobs service.
    pub fn new(config: Channel) -> Self {
        Self { tools: ToolsClient::new(config), known: Mutex::default() }
    }
}

#[async_trait]
impl Identities for FromConfig {
    async fn identity(&self, tool: &str) -> Result<Identity, engine::Error> {
        let mut tools = self.tools.clone();
        let asked = tools.get_tool(GetToolRequest { name: tool.to_owned() }).await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(response) => {
                let found = response.into_inner().tool.unwrap_or_default();
                let identity =
                    Identity { uid: found.unix_id, gid: found.unix_id, home: PathBuf::from(found.home) };
                known.insert(tool.to_owned(), identity.clone());
                Ok(identity)
            }
            // An instance that restarts must not wait for the config service.
            Err(status) if status.code() == tonic::Code::Unavailable => known
                .get(tool)
                .cloned()
                .ok_or_else(|| engine::Error::Unavailable(format!("tool {tool}: {}", status.message()))),
            Err(status) => Err(engine::Error::Unavailable(format!("tool {tool}: {}", status.message()))),
        }
    }
}
