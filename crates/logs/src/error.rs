//! What can go wrong at once; what goes wrong later is a trouble.

use camino::Utf8PathBuf;
use std::io;

/// Why output cannot be captured, or not be read back.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A FIFO or log file.
    #[error("cannot {what} {path}: {why}")]
    Path {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        why: io::Error,
    },
    /// The threads could not be started.
    #[error("cannot start capturing output: {0}")]
    Start(#[source] io::Error),
}

impl LogError {
    pub(crate) fn path(what: &'static str, path: impl Into<Utf8PathBuf>, why: impl Into<io::Error>) -> Self {
        Self::Path { what, path: path.into(), why: why.into() }
    }
}
