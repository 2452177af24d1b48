//! What can go wrong with the journal.

use camino::Utf8PathBuf;

/// Why a journal could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An older Gapless meets the journal of a newer one.
    #[error(
        "the journal {path} was written by a newer Gapless (its schema is {found}, this one knows up to \
         {known}): run the newer version, or move the file away to begin without its history"
    )]
    Newer {
        /// The database.
        path: Utf8PathBuf,
        /// Its `user_version`.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// Another process has it open.
    #[error("the journal {path} is in use by another process")]
    InUse {
        /// The database.
        path: Utf8PathBuf,
    },
    /// The system does not let us: permissions, a full or failing disk, a missing directory.
    #[error("cannot {what} the journal {path}: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The database.
        path: Utf8PathBuf,
        /// What SQLite or the system said.
        why: String,
    },
}

/// Why a commit is not on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The transaction failed. The changes are kept in memory and will be tried again.
    #[error("cannot write to the journal {path}: {why}")]
    Write {
        /// The database.
        path: Utf8PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// So many commits wait for a disk that does not answer that nobody is told any more. The changes are
    /// kept in memory and will be written.
    #[error("the journal {path} has not been written to for too long: its disk does not answer")]
    Stuck {
        /// The database.
        path: Utf8PathBuf,
    },
    /// The journal was closed before.
    #[error("the journal is closed")]
    Closed,
}

/// Why the history could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The query failed.
    #[error("cannot read the journal {path}: {why}")]
    Query {
        /// The database.
        path: Utf8PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The journal was closed before.
    #[error("the journal is closed")]
    Closed,
}
