//! Reading the whole state back.

use crate::record::{AppRecord, InstanceRecord, RolloutRecord, Wanted};
use crate::state::State;
use gapless_model::{Generation, Release, RolloutId};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

/// Reads everything that [`State`] holds. A row that does not read is an error: half a state would be
/// taken for the whole.
pub(crate) fn recover(connection: &Connection) -> rusqlite::Result<State> {
    let mut state = State::default();
    let columns = "wanted_running, current, next_instance, next_release, spec, deleted";
    each(connection, &format!("SELECT {columns} FROM apps"), |row| {
        let current: Option<String> = row.get(1)?;
        let app = AppRecord {
            wanted: match (row.get(5)?, row.get(0)?) {
                (true, _) => Wanted::Deleted,
                (false, true) => Wanted::Running,
                (false, false) => Wanted::Stopped,
            },
            current: current.map(|text| text.parse().map_err(|e| malformed(1, e))).transpose()?,
            next_instance: row.get(2)?,
            next_release: row.get(3)?,
            spec: json(row, 4)?,
        };
        state.apps.insert(app.name().clone(), app);
        Ok(())
    })?;
    each(connection, "SELECT app, release FROM releases", |row| {
        let app: String = row.get(0)?;
        let release: Release = json(row, 1)?;
        state.releases.insert((app.parse().map_err(|e| malformed(0, e))?, release.id), release);
        Ok(())
    })?;
    each(
        connection,
        "SELECT rollout, begun, receipt FROM rollouts WHERE NOT ended OR id IN
         (SELECT max(id) FROM rollouts WHERE ended GROUP BY app)",
        |row| {
            let receipt = if row.get_ref(2)?.data_type() == Type::Null { None } else { Some(json(row, 2)?) };
            state.put_rollout(RolloutRecord { rollout: json(row, 0)?, begun: row.get(1)?, receipt });
            Ok(())
        },
    )?;
    each(connection, "SELECT record FROM instances", |row| {
        let record: InstanceRecord = json(row, 0)?;
        state.instances.insert(record.id.clone(), record);
        Ok(())
    })?;
    each(connection, "SELECT name, value FROM settings", |row| {
        state.settings.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    let counter = |name: &str| -> rusqlite::Result<u64> {
        connection
            .query_row("SELECT value FROM counters WHERE name = ?1", [name], |row| row.get(0))
            .map(|value: i64| u64::try_from(value).unwrap_or(0))
    };
    state.generation = Generation(counter("generation")?);
    state.next_rollout = state.next_rollout.max(RolloutId(counter("next_rollout")?));
    Ok(state)
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// Column `at` of a row, JSON of a `T`.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    serde_json::from_str(text).map_err(|error| malformed(at, error))
}

fn malformed(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
