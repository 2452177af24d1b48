//! What can go wrong, each with what was tried on which path.

use camino::Utf8PathBuf;
use gapless_model::{AppName, ReleaseId};
use std::io;
use std::path::PathBuf;

/// Why something was not done. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {tried} {}: {source}", path.display())]
    Io {
        /// A verb, as "copy" or "read".
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A manifest is not what was written.
    #[error("{path} is no manifest of a release: {source}")]
    Manifest {
        /// Which.
        path: Utf8PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// There is no such release.
    #[error("{app} has no release {id} (looked for {path})")]
    Missing {
        /// Of which app.
        app: AppName,
        /// Which.
        id: ReleaseId,
        /// Where it was looked for.
        path: Utf8PathBuf,
    },
    /// The number is that of the release that serves.
    #[error("{id} is the current release of {app}, and stays at {path}: a new one cannot have its number")]
    Taken {
        /// Of which app.
        app: AppName,
        /// Which.
        id: ReleaseId,
        /// Where it is.
        path: Utf8PathBuf,
    },
    /// The release is the current one, and what is current is not removed.
    #[error("{id} is the current release of {app}, and stays at {path}")]
    Current {
        /// Of which app.
        app: AppName,
        /// Which.
        id: ReleaseId,
        /// Where it is.
        path: Utf8PathBuf,
    },
    /// The source is no directory.
    #[error("{path} is no directory to copy a release from")]
    NoDirectory {
        /// What it is.
        path: Utf8PathBuf,
    },
    /// The source and Gapless's own state are in each other: the copy would copy itself, or take its code
    /// from what is pruned.
    #[error(
        "cannot copy a release from {from}: it {} Gapless's own state in {home}; deploy from another directory",
        if *.inside { "is inside of" } else { "contains" }
    )]
    Entangled {
        /// The source.
        from: Utf8PathBuf,
        /// `GAPLESS_HOME`.
        home: Utf8PathBuf,
        /// Whether the source is inside; else it contains it.
        inside: bool,
    },
    /// A commit cannot be taken from a repository.
    #[error("cannot take {name} from {inside}: {why}")]
    Git {
        /// What the user called it.
        name: String,
        /// A directory in the repository.
        inside: Utf8PathBuf,
        /// Why not.
        why: NoCommit,
    },
}

/// Why a commit cannot be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCommit {
    /// There is no git.
    #[error("there is no command `git` here; install it, or deploy a directory with `--from DIR`")]
    NoGit,
    /// The directory is in no repository.
    #[error("that is in no Git repository; `--from DIR` deploys a directory as it is")]
    NoRepository,
    /// The repository has nothing of that name.
    #[error(
        "the repository there has no commit of that name; `git log --all --oneline` shows what it has, \
         `git fetch --tags` brings what others have"
    )]
    Unknown,
    /// The directory in which the app runs is not in the commit.
    #[error("it has no directory {0}, in which the app runs")]
    NotThere(Utf8PathBuf),
    /// Git has said no.
    #[error("git said: {0}")]
    Refused(String),
}

/// Makes an [`Error::Io`] of what the system said.
pub(crate) trait Tried<T> {
    /// Says what was tried, on what.
    fn tried(self, tried: &'static str, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T> Tried<T> for io::Result<T> {
    fn tried(self, tried: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|source| Error::Io { tried, path: path.into(), source })
    }
}

impl<T> Tried<T> for rustix::io::Result<T> {
    fn tried(self, tried: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(io::Error::from).tried(tried, path)
    }
}
