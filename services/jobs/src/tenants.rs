//! Follows tools, so that the jobs of a tool that is removed end with it.

use std::collections::BTreeSet;
use std::time::Duration;

use api::config::v1::tools_client::ToolsClient;
use api::config::v1::{ChangeType, WatchToolsRequest, WatchToolsResponse};
use jobs_core::{Jobs, Options, Repository as _, ToolName};
use mesh::client::Channel;
use tonic::Status;

use crate::Records;

/// Pause before the watch is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Removes the jobs of every tool that is removed or was removed meanwhile. Never returns: drop it to stop.
pub async fn follow_tools(jobs: Jobs, records: Records, tools: Channel) {
    loop {
        if let Err(status) = follow(&jobs, &records, ToolsClient::new(tools.clone())).await {
            tracing::warn!(%status, "tools cannot be followed");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(jobs: &Jobs, records: &Records, mut tools: ToolsClient<Channel>) -> Result<(), Status> {
    let mut changes = tools.watch_tools(WatchToolsRequest {}).await?.into_inner();
    let mut present = BTreeSet::new();
    while let Some(WatchToolsResponse { r#type, tool }) = changes.message().await? {
        let tool = tool.unwrap_or_default();
        match ChangeType::try_from(r#type) {
            Ok(ChangeType::Put) if !tool.removing => drop(present.insert(tool.name)),
            Ok(ChangeType::Put | ChangeType::Deleted) => {
                present.remove(&tool.name);
                remove(jobs, &tool.name).await;
            }
            Ok(ChangeType::Synced) => remove_absent(jobs, records, &present).await,
            Ok(ChangeType::Unspecified) | Err(_) => {}
        }
    }
    Ok(())
}

async fn remove_absent(jobs: &Jobs, records: &Records, present: &BTreeSet<String>) {
    match records.tools().await {
        Ok(known) => {
            for tool in known.iter().filter(|tool| !present.contains(tool.as_str())) {
                remove(jobs, tool.as_str()).await;
            }
        }
        Err(error) => tracing::error!(%error, "tools with jobs cannot be listed"),
    }
}

async fn remove(jobs: &Jobs, name: &str) {
    let Ok(tool) = ToolName::parse(name) else { return };
    if let Err(error) = jobs.flush(&tool, &Options::default()).await {
        tracing::error!(tool = name, error = error.operator(), "jobs of a removed tool cannot be ended yet");
    }
}
