//! Why there is no keeper.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a keeper did not start, or gave up.
#[derive(Debug)]
pub enum KeeperError {
    /// Another one has this `GAPLESS_HOME`.
    Taken {
        /// Which home.
        home: PathBuf,
        /// Its process, if it has said so yet.
        by: Option<u32>,
    },
    /// Something in `GAPLESS_HOME` cannot be made or opened.
    Home {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The kernel refused what a keeper cannot do without.
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for KeeperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { home, by: Some(pid) } => {
                write!(f, "another Gapless already keeps {} (keeper pid {pid})", home.display())
            }
            Self::Taken { home, by: None } => {
                write!(f, "another Gapless is just starting in {}", home.display())
            }
            Self::Home { doing, path, error } => write!(f, "cannot {doing} {}: {error}", path.display()),
            Self::System { doing, error } => write!(f, "cannot {doing}: {error}"),
        }
    }
}

impl std::error::Error for KeeperError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Taken { .. } => None,
            Self::Home { error, .. } | Self::System { error, .. } => Some(error),
        }
    }
}
