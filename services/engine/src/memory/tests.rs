//! The memory engine: the contract, and what it has of its own.

mod own;

use std::future::{Ready, ready};

use super::*;
use crate::contract::Harness;

struct Manual {
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Harness for Manual {
    async fn pass(&self, time: std::time::Duration) {
        self.clock.advance(time);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn tool(&self) -> String {
        "alpha".to_owned()
    }

    fn image(&self) -> String {
        "bookworm".to_owned()
    }
}

fn open() -> Ready<(Arc<Memory>, Manual)> {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    ready((Arc::new(Memory::new(&clock)), Manual { clock }))
}

crate::contract_tests!(open);
