//! Waiting on the engine's clock, which only a test moves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::memory::{ManualClock, Timed};
use jiff::Timestamp;
use jobs_core::{Clock, Ids, Uid};
use tokio::sync::oneshot;

/// The time of the service: the engine's.
#[derive(Debug)]
pub(crate) struct Time {
    clock: Arc<ManualClock>,
    waiting: Mutex<Vec<(Timestamp, oneshot::Sender<()>)>>,
}

impl Time {
    pub(crate) fn of(clock: &Arc<ManualClock>) -> Arc<Self> {
        let time = Arc::new(Self { clock: Arc::clone(clock), waiting: Mutex::default() });
        let timed = Arc::downgrade(&(Arc::clone(&time) as Arc<dyn Timed>));
        clock.register(timed);
        time
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        engine::Clock::now(&*self.clock)
    }

    async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let until = self.now().checked_add(duration).unwrap();
        self.waiting.lock().unwrap().push((until, wake));
        let _ = woken.await;
    }
}

impl Timed for Time {
    fn next(&self) -> Option<Timestamp> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|(_, wake)| !wake.is_closed());
        waiting.iter().map(|(until, _)| *until).min()
    }

    fn run(&self, now: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap();
        let (due, later) = std::mem::take(&mut *waiting).into_iter().partition(|(until, _)| *until <= now);
        *waiting = later;
        let due: Vec<(Timestamp, oneshot::Sender<()>)> = due;
        for (_, wake) in due {
            let _ = wake.send(());
        }
    }
}

/// Identities that are not known before.
#[derive(Debug)]
pub(crate) struct Random;

impl Ids for Random {
    fn uid(&self) -> Uid {
        Uid(uuid::Uuid::now_v7().to_string())
    }
}
