//! The tables, and how they came to be.

use rusqlite::Connection;

/// One script per version, in order; `user_version` counts those that have run. A script that was released
/// is never edited: the next change of the tables is the next script.
///
/// Records may get more fields without a new version: readers go past what they do not know. What a former reader
/// cannot read, or would act wrongly on (another variant of a state, a field that must not be overlooked), is a new
/// version, if need be with an empty script: an upgrade could not be taken back otherwise without losing the journal.
const MIGRATIONS: [&str; 3] = [V1, V2, V3];

/// The newest schema known here.
pub(crate) const NEWEST: u32 = MIGRATIONS.len() as u32;

/// What is looked up by has a column; the rest of each thing is JSON of its type in `gapless-model`.
const V1: &str = "
CREATE TABLE apps (
    name            TEXT PRIMARY KEY,
    wanted_running  INTEGER NOT NULL,
    current         TEXT,
    next_instance   INTEGER NOT NULL,
    next_release    INTEGER NOT NULL,
    spec            TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE releases (
    app      TEXT NOT NULL,
    id       TEXT NOT NULL,
    release  TEXT NOT NULL,
    PRIMARY KEY (app, id)
) WITHOUT ROWID;

CREATE TABLE rollouts (
    id       INTEGER PRIMARY KEY,
    app      TEXT NOT NULL,
    ended    INTEGER NOT NULL,
    rollout  TEXT NOT NULL,
    begun    TEXT,
    receipt  TEXT
);
CREATE INDEX rollouts_of_app ON rollouts (app, ended, id);

CREATE TABLE instances (
    id      TEXT PRIMARY KEY,
    app     TEXT NOT NULL,
    record  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    app   TEXT,
    what  TEXT NOT NULL
);
CREATE INDEX events_of_app ON events (app, seq);

CREATE TABLE settings (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE counters (
    name   TEXT PRIMARY KEY,
    value  INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('generation', 0), ('next_rollout', 1);
";

/// An app that is being deleted is remembered until its last instance is gone.
const V2: &str = "ALTER TABLE apps ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;";

/// A release may say who its processes are: a reader that overlooked that would run them as root.
const V3: &str = "";

/// The schema that a database has; 0 is an empty one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the tables from `version` to [`NEWEST`], all or nothing.
pub(crate) fn migrate(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    let missing = MIGRATIONS.iter().skip(version as usize);
    let transaction = connection.transaction()?;
    for script in missing {
        transaction.execute_batch(script)?;
    }
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_database_gets_every_table_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0).unwrap();
        assert_eq!(version(&connection).unwrap(), NEWEST);
        migrate(&mut connection, NEWEST).unwrap();
    }
}
