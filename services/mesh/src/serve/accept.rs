//! The accept loop: never faster than connections may be, never spinning when descriptors run out.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::connection::{self, Shared};
use super::listen::Accept;

/// The first pause after a failed accept, doubled up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Accepts until the drain has begun. Connections over the limit wait in the kernel's queue.
pub(super) async fn run<L: Accept>(
    mut listener: L,
    shared: Shared,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
) {
    let handshakes = Arc::new(Semaphore::new(shared.limits.handshakes));
    let mut reserve = Reserve::new();
    let mut pause = MIN_PAUSE;
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept(shared.limits.tcp_user_timeout).await)
        };
        let (slot, accepted) = tokio::select! {
            () = shared.closing.cancelled() => return,
            next = next => next,
        };
        match accepted {
            Ok(accepted) => {
                pause = MIN_PAUSE;
                let (shared, handshakes) = (shared.clone(), Arc::clone(&handshakes));
                tasks.spawn(async move {
                    connection::run(accepted, shared, handshakes).await;
                    drop(slot);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted");
                if is_out_of_descriptors(&error) {
                    reserve.spend(|| listener.reject());
                }
                tokio::select! {
                    () = shared.closing.cancelled() => return,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_PAUSE),
                }
            }
        }
    }
}

/// One descriptor kept back, to close a waiting connection with when there are no others.
struct Reserve(Option<File>);

impl Reserve {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    fn spend(&mut self, reject: impl FnOnce()) {
        if self.0.take().is_some() {
            reject();
        }
        *self = Self::new();
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected
    )
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    errno == Some(rustix::io::Errno::MFILE.raw_os_error())
        || errno == Some(rustix::io::Errno::NFILE.raw_os_error())
}

#[cfg(test)]
mod tests {
    //! Out of descriptors: pauses, one polite refusal for each, and recovery.

    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::super::listen::Accepted;
    use super::*;

    #[derive(Clone, Default)]
    struct Exhausted {
        accepts: Arc<AtomicUsize>,
        rejects: Arc<AtomicUsize>,
    }

    impl Accept for Exhausted {
        async fn accept(&mut self, _: Duration) -> io::Result<Accepted> {
            self.accepts.fetch_add(1, Relaxed);
            Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error()))
        }

        fn reject(&mut self) {
            self.rejects.fetch_add(1, Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn out_of_descriptors_the_loop_does_not_spin() {
        let listener = Exhausted::default();
        let shared = Shared::for_tests();
        let closing = shared.closing.clone();
        let slots = Arc::new(Semaphore::new(4));
        let running = tokio::spawn(run(listener.clone(), shared, Arc::clone(&slots), TaskTracker::new()));
        tokio::time::sleep(Duration::from_secs(10)).await;
        closing.cancel();
        assert!(running.await.is_ok());
        let accepts = listener.accepts.load(Relaxed);
        assert!((10..=16).contains(&accepts), "{accepts} accepts in ten seconds");
        assert_eq!(listener.rejects.load(Relaxed), accepts);
        assert_eq!(slots.available_permits(), 4, "a failed accept keeps no slot");
    }
}
