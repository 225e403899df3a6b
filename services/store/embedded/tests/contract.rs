//! The contract suite on `SQLite`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::{Ready, ready};
use std::sync::Arc;

use store::{Store, contract};
use store_embedded::{Options, Sqlite};
use tempfile::TempDir;

fn open() -> Ready<(Arc<dyn Store>, TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let options =
        Options { deletions_kept: contract::DELETIONS_KEPT, reserve_bytes: 0, ..Options::default() };
    let store = Sqlite::open(directory.path(), options).unwrap();
    ready((Arc::new(store), directory))
}

store::contract_tests!(open);
