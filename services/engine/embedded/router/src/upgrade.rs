//! Connections that changed their protocol, WebSocket for one: bytes pass both ways until an end closes.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::sync::CancellationToken;

use crate::backend::Ticket;

/// Joins both ends once each has changed, and counts as in flight for as long. Ends with the router at the latest.
pub(crate) async fn tunnel(client: OnUpgrade, instance: OnUpgrade, ticket: Ticket, cut: CancellationToken) {
    let joined = async {
        let (client, instance) = (client.await?, instance.await?);
        let outcome = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(instance)).await;
        if let Err(error) = outcome {
            tracing::debug!(backend = ticket.backend().id(), %error, "a tunnel broke");
        }
        Ok::<(), hyper::Error>(())
    };
    match cut.run_until_cancelled(joined).await {
        Some(Err(error)) => tracing::debug!(%error, "a connection did not change its protocol"),
        Some(Ok(())) => {}
        None => tracing::debug!(backend = ticket.backend().id(), "a tunnel was cut"),
    }
}
