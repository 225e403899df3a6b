//! The port for versioned records with an atomic commit per tool, its memory implementation and contract suite.
//!
//! A [`Record`] is a JSON document under a [`Key`]; the store never looks into the document. [`Store::commit`] takes
//! checks and writes of one tool and applies all of them or none. Every record carries the [`Revision`] of the commit
//! that last wrote it, which serves as its etag; a [`Store::watch`] follows one kind and resumes after a revision.
//!
//! ```
//! # use store::{memory::Memory, Check, Key, Kind, Store, Write};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! const JOB: Kind = Kind::new("job");
//! let store = Memory::default();
//! let key = Key::new(JOB, "alpha", "nightly");
//! let written = store
//!     .commit("alpha", vec![Check::Absent(key.clone())], vec![Write::put(key.clone(), 1, r#"{"cmd":"./run"}"#)])
//!     .await?;
//! assert_eq!(store.get(&key).await?.map(|record| record.revision), Some(written));
//! # Ok::<(), store::Error>(()) }).unwrap();
//! ```

#[cfg(feature = "contract")]
pub mod contract;
mod error;
pub mod follow;
pub mod limits;
pub mod memory;
pub mod notices;
mod port;
mod record;

pub use error::{Error, Result};
pub use port::{Changes, Event, Listing, Query, Store, WatchFrom};
pub use record::{Check, Key, Kind, ParseRevisionError, Record, Revision, Write};
