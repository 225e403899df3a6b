//! The contract suite on the store in memory.

use std::future::{Ready, ready};
use std::sync::Arc;

use store::memory::Memory;
use store::{Store, contract};

fn open() -> Ready<(Arc<dyn Store>, ())> {
    ready((Arc::new(Memory::new(contract::DELETIONS_KEPT)), ()))
}

store::contract_tests!(open);
