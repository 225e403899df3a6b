//! Where a session waits for its connection: over HTTP/1.1 it takes the whole of it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The session that a connection goes on with once it has ceased to speak HTTP.
#[derive(Default)]
pub(crate) struct Tunnel(Mutex<Option<Session>>);

impl Tunnel {
    pub(super) fn put(&self, session: Session) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// Runs the session, if there is one, to its end.
    pub(crate) async fn run(&self) {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.await;
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Tunnel")
    }
}
