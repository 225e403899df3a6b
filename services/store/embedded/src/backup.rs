//! A copy of the database, taken while it is in use.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use store::Result;

use crate::error::unavailable;
use crate::schema;

/// Copies what is live in `file` to `target`, through a file beside it. `SQLite` does not sync such a copy; we do.
pub(crate) fn copy(file: &Path, target: &Path) -> Result<()> {
    let partial = beside(target);
    let result =
        write(file, &partial).and_then(|()| durable::put_in_place(&partial, target).map_err(unavailable));
    if result.is_err() {
        // what is left of it helps nobody, and the first error is the one to report
        let _ = fs::remove_file(&partial);
    }
    result
}

fn beside(target: &Path) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(".partial");
    PathBuf::from(name)
}

fn write(file: &Path, partial: &Path) -> Result<()> {
    // it holds what the store holds, so it is readable to the same user only
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .map_err(unavailable)?;
    let connection = schema::open_reader(file).map_err(unavailable)?;
    connection.pragma_update(None, "query_only", "off").map_err(unavailable)?;
    let name = partial.to_str().ok_or_else(|| unavailable("the path of the backup is not UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [name]).map(drop).map_err(unavailable)
}
