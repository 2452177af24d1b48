//! Writing pending changes, all or nothing.

use crate::pending::{EVENTS_KEPT, Note, Pending};
use crate::record::{AppRecord, InstanceRecord, RolloutRecord, Wanted};
use gapless_model::{AppName, InstanceId, Release, ReleaseId};
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

/// Ended rollouts, with their receipts, are kept up to this many per app.
const ROLLOUTS_KEPT: u32 = 100;

/// Numbers of ours as SQLite has them.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Writes everything in `pending` as one transaction.
pub(crate) fn write(connection: &mut Connection, pending: &Pending) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for name in &pending.deleted_apps {
        delete_app(&transaction, name)?;
    }
    for app in pending.apps.values() {
        put_app(&transaction, app)?;
    }
    for ((app, id), release) in &pending.releases {
        match release {
            Some(release) => put_release(&transaction, app, release)?,
            None => delete_release(&transaction, app, *id)?,
        }
    }
    for record in pending.rollouts.values() {
        put_rollout(&transaction, record)?;
    }
    for (id, record) in &pending.instances {
        match record {
            Some(record) => put_instance(&transaction, record)?,
            None => delete_instance(&transaction, id)?,
        }
    }
    for (name, value) in &pending.settings {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO settings VALUES (?1, ?2)")?
            .execute(params![name, value])?;
    }
    if let Some(generation) = pending.generation {
        raise(&transaction, "generation", generation.0)?;
    }
    if let Some(next) = pending.next_rollout {
        raise(&transaction, "next_rollout", next.0)?;
    }
    if !pending.notes.is_empty() {
        put_events(&transaction, pending.notes.iter())?;
    }
    transaction.commit()
}

fn delete_app(transaction: &Transaction<'_>, name: &AppName) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM apps WHERE name = ?1",
        "DELETE FROM releases WHERE app = ?1",
        "DELETE FROM rollouts WHERE app = ?1",
        "DELETE FROM instances WHERE app = ?1",
    ] {
        transaction.prepare_cached(sql)?.execute([name.as_str()])?;
    }
    Ok(())
}

fn put_app(transaction: &Transaction<'_>, app: &AppRecord) -> rusqlite::Result<()> {
    let current = app.current.map(|release| release.to_string());
    transaction.prepare_cached("INSERT OR REPLACE INTO apps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
        params![
            app.name().as_str(),
            app.wanted == Wanted::Running,
            current,
            app.next_instance,
            app.next_release,
            json(&app.spec)?,
            app.wanted == Wanted::Deleted
        ],
    )?;
    Ok(())
}

fn put_release(transaction: &Transaction<'_>, app: &AppName, release: &Release) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT OR REPLACE INTO releases VALUES (?1, ?2, ?3)")?.execute(params![
        app.as_str(),
        release.id.to_string(),
        json(release)?
    ])?;
    Ok(())
}

fn delete_release(transaction: &Transaction<'_>, app: &AppName, id: ReleaseId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM releases WHERE app = ?1 AND id = ?2")?
        .execute(params![app.as_str(), id.to_string()])?;
    Ok(())
}

fn put_rollout(transaction: &Transaction<'_>, record: &RolloutRecord) -> rusqlite::Result<()> {
    let rollout = &record.rollout;
    let receipt = record.receipt.as_ref().map(json).transpose()?;
    transaction.prepare_cached("INSERT OR REPLACE INTO rollouts VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![
            signed(rollout.id.0),
            rollout.app.as_str(),
            rollout.has_ended(),
            json(rollout)?,
            record.begun,
            receipt
        ],
    )?;
    if rollout.has_ended() {
        transaction
            .prepare_cached(
                "DELETE FROM rollouts WHERE app = ?1 AND ended AND id <=
                 (SELECT id FROM rollouts WHERE app = ?1 AND ended ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![rollout.app.as_str(), ROLLOUTS_KEPT])?;
    }
    Ok(())
}

fn put_instance(transaction: &Transaction<'_>, record: &InstanceRecord) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT OR REPLACE INTO instances VALUES (?1, ?2, ?3)")?.execute(params![
        record.id.to_string(),
        record.id.app().as_str(),
        json(record)?
    ])?;
    Ok(())
}

fn delete_instance(transaction: &Transaction<'_>, id: &InstanceId) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM instances WHERE id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

fn raise(transaction: &Transaction<'_>, counter: &str, to: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE counters SET value = max(value, ?2) WHERE name = ?1")?
        .execute(params![counter, signed(to)])?;
    Ok(())
}

fn put_events<'a>(
    transaction: &Transaction<'_>,
    notes: impl Iterator<Item = &'a Note>,
) -> rusqlite::Result<()> {
    // The newest event is never pruned, so its number plus one is new (SQLite gives exactly that).
    let mut insert = transaction.prepare_cached("INSERT INTO events (at, app, what) VALUES (?1, ?2, ?3)")?;
    for note in notes {
        let app = note.app.as_ref().map(AppName::as_str);
        insert.execute(params![signed(note.at.as_millis()), app, json(&note.what)?])?;
    }
    let oldest = transaction.last_insert_rowid() - signed(EVENTS_KEPT as u64);
    transaction.prepare_cached("DELETE FROM events WHERE seq <= ?1")?.execute([oldest])?;
    Ok(())
}
