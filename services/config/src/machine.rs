//! Time and identities of this machine.

use jiff::Timestamp;

/// The machine's clock, and UUIDs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl config_core::Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl config_core::Ids for Machine {
    fn uid(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}
