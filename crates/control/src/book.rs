//! The engine's journal, on disk.

use crate::disk::Disk;
use crate::platform::Journal;
use gapless_store::Change;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Says of a journal entry that it was written, or why not.
#[derive(Debug)]
pub struct Written {
    /// As given to [`Journal::commit`].
    pub token: u64,
    /// Why not.
    pub error: Option<String>,
}

/// Writes what the engine decides.
#[derive(Debug)]
pub struct Book {
    journal: Arc<gapless_store::Journal>,
    written: mpsc::Sender<Written>,
    disk: Disk,
}

impl Book {
    /// Writes to `journal` and answers to `written`. Definitions of apps go to `disk` as well.
    pub const fn new(
        journal: Arc<gapless_store::Journal>,
        written: mpsc::Sender<Written>,
        disk: Disk,
    ) -> Self {
        Self { journal, written, disk }
    }
}

impl Journal for Book {
    fn commit(&mut self, token: u64, changes: Vec<Change>) {
        for change in &changes {
            if let Change::PutApp(record) = change {
                self.disk.remember((**record).clone());
            }
        }
        let commit = self.journal.commit(changes);
        if token == 0 {
            // What happened, not what is intended: nobody waits, and the journal itself says if it could
            // not be written.
            drop(commit);
            return;
        }
        let written = self.written.clone();
        tokio::spawn(async move {
            let error = commit.await.err().map(|e| e.to_string());
            // Nobody is left to hear it when control ends.
            drop(written.send(Written { token, error }).await);
        });
    }
}
