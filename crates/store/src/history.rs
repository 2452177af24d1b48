//! What happened before.

use crate::recover::json;
use crate::transaction::signed;
use gapless_model::event::Event;
use gapless_model::{AppName, Receipt, WallTime};
use rusqlite::{Connection, Row, params};

/// The newest events first, at most `limit`; of one app, or of all.
///
/// Events that do not read (written by a version that had other words) are left out: they are for people.
pub(crate) fn events(
    connection: &Connection,
    app: Option<&AppName>,
    limit: usize,
) -> rusqlite::Result<Vec<Event>> {
    let sql = match app {
        Some(_) => "SELECT seq, at, app, what FROM events WHERE app = ?1 ORDER BY seq DESC LIMIT ?2",
        None => "SELECT seq, at, app, what FROM events WHERE ?1 IS NULL ORDER BY seq DESC LIMIT ?2",
    };
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![app.map(AppName::as_str), signed(limit as u64)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.extend(event(row).ok());
    }
    Ok(events)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let app: Option<String> = row.get(2)?;
    let number = |at| row.get(at).map(|n: i64| u64::try_from(n).unwrap_or(0));
    Ok(Event {
        seq: number(0)?,
        at: WallTime::from_millis(number(1)?),
        app: app.and_then(|name| name.parse().ok()),
        what: json(row, 3)?,
    })
}

/// The newest receipts first, at most `limit`; of one app, or of all.
pub(crate) fn receipts(
    connection: &Connection,
    app: Option<&AppName>,
    limit: usize,
) -> rusqlite::Result<Vec<Receipt>> {
    let sql = "SELECT receipt FROM rollouts WHERE receipt IS NOT NULL AND (?1 IS NULL OR app = ?1)
               ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![app.map(AppName::as_str), signed(limit as u64)])?;
    let mut receipts = Vec::new();
    while let Some(row) = rows.next()? {
        receipts.extend(json(row, 0).ok());
    }
    Ok(receipts)
}
