//! SIGHUP: certificates, roots and revocations are read again, for the connections to come.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Client, Files, Server, TlsError};

/// What follows the files of one identity.
#[derive(Debug)]
pub struct Reloaded {
    /// Where the identity is.
    pub files: Files,
    /// The server that has it.
    pub server: Arc<Server>,
    /// The clients that show it.
    pub clients: Vec<Arc<Client>>,
}

impl Reloaded {
    /// Reads the files again at each SIGHUP from here on. A mistake in them changes nothing.
    ///
    /// # Errors
    /// The signal cannot be listened to.
    pub fn at_hangup(self) -> io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                match self.reload() {
                    Ok(()) => tracing::info!("certificates were read again"),
                    Err(error) => tracing::error!(%error, "certificates stay as they were"),
                }
            }
        });
        Ok(())
    }

    fn reload(&self) -> Result<(), TlsError> {
        let pem = self.files.read()?;
        // every part is tried before any changes
        let server = Server::parts(&pem, self.server.required)?;
        let clients = self.clients.iter().map(|client| Client::config(&pem, &client.expected));
        let clients: Vec<_> = clients.collect::<Result<_, _>>()?;
        self.server.current.store(Arc::new(server));
        for (client, config) in self.clients.iter().zip(clients) {
            client.current.store(Arc::new(config));
        }
        Ok(())
    }
}
