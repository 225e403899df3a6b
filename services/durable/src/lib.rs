//! What is kept in files, so that a crash leaves it whole: files that are replaced in one step, directories whose names
//! last, and the lock by which one process holds a directory.

mod directory;
mod file;
mod lock;

pub use directory::{make_directory, remove_directory};
pub use file::{Replace, Sync, put_in_place, remove, write};
pub use lock::{Lock, LockError};
