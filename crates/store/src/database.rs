//! The database file: opened, checked, and set aside when it cannot be read.

use crate::error::OpenError;
use crate::recover::recover;
use crate::schema;
use crate::state::State;
use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long an open waits for another process to let go: a control that is just ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a database does not open.
pub(crate) enum Fault {
    /// What is in it makes no sense.
    Unreadable(String),
    /// All else.
    Refused(OpenError),
}

/// Opens or makes the database at `path`, brings its schema up to date and reads its state.
pub(crate) fn open(path: &Utf8Path) -> Result<(Connection, State), Fault> {
    let fault = |what| move |error| judge(path, what, error);
    // SQLite would make it readable for all; it gives its other files the mode of this one.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(|error| {
        Fault::Refused(OpenError::System { what: "open", path: path.to_owned(), why: error.to_string() })
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fault("open"))?;
    connection.busy_timeout(PATIENCE).map_err(fault("open"))?;
    // What turns out to be unreadable is kept as it is, so nothing of the log is moved into it at close.
    checkpoint_at_close(&connection, false).map_err(fault("open"))?;
    // Exclusive, and before the log is first touched: then its index lives on the heap, not in a mapped
    // file that a full disk could not grow, and a second control is refused.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(fault("open"))?;
    let version = recognize(path, &connection)?;
    settle(&connection).map_err(fault("open"))?;
    if version < schema::NEWEST {
        schema::migrate(&mut connection, version).map_err(fault("migrate"))?;
    }
    let state = recover(&connection).map_err(fault("read"))?;
    checkpoint_at_close(&connection, true).map_err(fault("open"))?;
    Ok((connection, state))
}

/// Its schema, if it is sound and ours; changes nothing in it.
fn recognize(path: &Utf8Path, connection: &Connection) -> Result<u32, Fault> {
    let fault = |error| judge(path, "read", error);
    let version = schema::version(connection).map_err(fault)?;
    if version > schema::NEWEST {
        let path = path.to_owned();
        return Err(Fault::Refused(OpenError::Newer { path, found: version, known: schema::NEWEST }));
    }
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if verdict != "ok" {
        return Err(Fault::Unreadable(verdict));
    }
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
    if version == 0 && tables > 0 {
        return Err(Fault::Unreadable("it is a database of another program".into()));
    }
    Ok(version)
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode NORMAL survives the death of any process, `kill -9` included, and never corrupts; only a
    // power loss can take the last commits with it. That is enough: after a power loss no instance of
    // before exists, and what the user asked for last he saw fail with the machine. FULL would wait for
    // the disk at every commit, and every crash and restart of an instance is one.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Control is to stay small: 256 KiB of pages, nothing mapped, and a log of about 1 MiB.
    connection.pragma_update(None, "cache_size", -256)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "wal_autocheckpoint", 256)?;
    connection.pragma_update(None, "journal_size_limit", 1 << 20)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn checkpoint_at_close(connection: &Connection, yes: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !yes).map(drop)
}

/// Tells a database that makes no sense from a system that does not let us read it.
fn judge(path: &Utf8Path, what: &'static str, error: rusqlite::Error) -> Fault {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Fault::Refused(OpenError::InUse { path })
        }
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => Fault::Refused(OpenError::System { what, path, why: error.to_string() }),
        _ => Fault::Unreadable(error.to_string()),
    }
}

/// Renames the database and its log, still a pair, so that nothing is lost that somebody might read.
pub(crate) fn set_aside(path: &Utf8Path) -> Result<Utf8PathBuf, OpenError> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let aside = Utf8PathBuf::from(format!("{path}.unreadable-{time}"));
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::rename(format!("{path}{suffix}"), format!("{aside}{suffix}")) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let (path, why) = (path.to_owned(), error.to_string());
                return Err(OpenError::System { what: "set aside", path, why });
            }
        }
    }
    Ok(aside)
}
