//! Looks after tools while the service runs.

use std::time::Duration;

use config_core::Tools;

/// Certificates are renewed a month before their end: an hour more or less does not matter.
const PAUSE: Duration = Duration::from_hours(1);

/// Brings every tool to its record again and again, so that certificates are renewed in time and what failed is tried
/// again. Never returns: drop it to stop.
pub async fn keep(tools: Tools) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = tools.converge().await {
            tracing::error!(error = &error as &dyn std::error::Error, "tools cannot be looked after");
        }
    }
}
