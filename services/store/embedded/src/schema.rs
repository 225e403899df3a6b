//! The tables, how a file is brought up to date, and how connections are set up.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::OpenError;

/// Marks a file as one of ours ("tfst").
const APPLICATION: i64 = 0x7466_7374;

/// How long a call waits for another process, such as `sqlite3`, that holds the file's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Step n brings a file from format n to n + 1. Steps are only ever added.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// Opens the file for writing; makes it, or brings it up to date, if need be. `check` reads the whole file first.
pub(crate) fn open(file: &Path, check: bool) -> Result<Connection, OpenError> {
    // SQLite gives the files beside it the same mode
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(OpenError::io(file))?;
    let mut connection = connect(file)?;
    let format = recognize(&connection, file)?;
    if check {
        quick_check(&connection, file)?;
    }
    // it can only be chosen before the first table is there
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // a deleted secret shall not stay readable in a free page
    connection.pragma_update(None, "secure_delete", "on")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    migrate(&mut connection, format)?;
    if let Some(directory) = file.parent() {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(OpenError::io(directory))?;
    }
    Ok(connection)
}

/// Gives the room of deleted records back to the disk.
pub(crate) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    let checkpoint = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    checkpoint()?;
    // each step frees one page
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    checkpoint()
}

/// Opens a file that [`open`] has prepared, for reading.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    let connection = connect(file)?;
    connection.pragma_update(None, "query_only", "on")?;
    Ok(connection)
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", "off")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// The format of the file, 0 for an empty one.
fn recognize(connection: &Connection, file: &Path) -> Result<i64, OpenError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let empty = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION && !empty {
        return Err(OpenError::Foreign { file: file.to_owned() });
    }
    if found > known {
        return Err(OpenError::Newer { file: file.to_owned(), found, known });
    }
    Ok(found)
}

fn quick_check(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let detail: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if detail == "ok" { Ok(()) } else { Err(OpenError::Damaged { file: file.to_owned(), detail }) }
}

fn migrate(connection: &mut Connection, format: i64) -> rusqlite::Result<()> {
    for (step, statements) in (0..).zip(MIGRATIONS).filter(|(step, _)| *step >= format) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
