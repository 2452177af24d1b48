//! The one thread that touches the database.

use crate::error::{CommitError, ReadError};
use crate::history;
use crate::inbox::{Ask, Gathered, Inbox};
use crate::pending::Pending;
use crate::transaction;
use camino::Utf8PathBuf;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After a failed transaction the next try comes this soon, or with the next commit.
const RETRY: Duration = Duration::from_secs(1);

/// Writes what the inbox gathers.
pub(crate) struct Writer {
    connection: Connection,
    inbox: Arc<Inbox>,
    path: Utf8PathBuf,
    /// What could not be written yet; goes before all that is newer.
    kept: Pending,
}

impl Writer {
    pub(crate) fn new(connection: Connection, inbox: Arc<Inbox>, path: Utf8PathBuf) -> Self {
        Self { connection, inbox, path, kept: Pending::default() }
    }

    /// Runs until the journal is closed. What cannot be written by then is lost, and its callers know.
    pub(crate) fn run(mut self) {
        let mut retry_at = None;
        loop {
            let Gathered { changes, replies, asks, closing } = self.inbox.take(retry_at);
            let due = retry_at.is_some_and(|at| at <= Instant::now());
            if due || closing || !replies.is_empty() || !changes.is_empty() {
                self.kept.absorb(changes);
                let written = self.write();
                retry_at = written.is_err().then(|| Instant::now() + RETRY);
                for reply in replies {
                    // A caller that does not wait for the answer has dropped its end.
                    let _ = reply.send(written.clone());
                }
            }
            for ask in asks {
                self.answer(ask);
            }
            if closing {
                return;
            }
        }
    }

    fn write(&mut self) -> Result<(), CommitError> {
        if self.kept.is_empty() {
            return Ok(());
        }
        match transaction::write(&mut self.connection, &self.kept) {
            Ok(()) => {
                self.kept = Pending::default();
                self.inbox.set_trouble(None);
                Ok(())
            }
            Err(error) => {
                let error = CommitError::Write { path: self.path.clone(), why: error.to_string() };
                self.inbox.set_trouble(Some(error.to_string()));
                Err(error)
            }
        }
    }

    fn answer(&mut self, ask: Ask) {
        let failed =
            |error: rusqlite::Error| ReadError::Query { path: self.path.clone(), why: error.to_string() };
        match ask {
            Ask::Events { app, limit, reply } => {
                let _ = reply.send(history::events(&self.connection, app.as_ref(), limit).map_err(failed));
            }
            Ask::Receipts { app, limit, reply } => {
                let _ = reply.send(history::receipts(&self.connection, app.as_ref(), limit).map_err(failed));
            }
            Ask::Copy { to, reply } => {
                let copied = self.connection.execute("VACUUM INTO ?1", [to.as_str()]);
                let _ = reply.send(copied.map(|_| Vec::new()).map_err(failed));
            }
            #[cfg(test)]
            Ask::ReadOnly(yes) => self.connection.pragma_update(None, "query_only", yes).unwrap(),
            #[cfg(test)]
            Ask::LimitPages(pages) => {
                // SQLite answers with the limit in force, never below the present size.
                let query = format!("PRAGMA max_page_count = {pages}");
                self.connection.query_row(&query, [], |_| Ok(())).unwrap();
            }
        }
    }
}
