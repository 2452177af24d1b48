//! What can go wrong with a chore.

use std::io;
use std::path::PathBuf;

/// Why a chore failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The command line makes no sense.
    #[error("no such command: {given:?}\n\n{usage}")]
    Usage {
        /// What was typed.
        given: String,
        /// What may be typed.
        usage: &'static str,
    },
    /// A tool could not be started.
    #[error("cannot run `{command}`: {source}")]
    Spawn {
        /// The whole command.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A tool ran and failed; it has said why itself.
    #[error("`{command}` failed: {status}")]
    Failed {
        /// The whole command.
        command: String,
        /// Its exit status in words.
        status: String,
    },
    /// Something needed is not there and cannot be installed from here.
    #[error("missing: {what}\n  {how}")]
    Missing {
        /// What.
        what: String,
        /// How to get it.
        how: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {verb} {path}: {source}", path = path.display())]
    File {
        /// `read`, `write`, …
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tool's answer was not understood.
    #[error("cannot understand what `{command}` printed: {source}")]
    Answer {
        /// The whole command.
        command: String,
        /// Where it went wrong.
        source: serde_json::Error,
    },
    /// A benchmark could not be run to its end.
    #[error("{what}")]
    Bench {
        /// What went wrong, with whom.
        what: String,
    },
    /// A rule of the house is broken; every case is listed.
    #[error("{rule}:\n{}", cases.iter().map(|c| format!("  {c}")).collect::<Vec<_>>().join("\n"))]
    Broken {
        /// The rule.
        rule: &'static str,
        /// Who breaks it.
        cases: Vec<String>,
    },
}

impl Trouble {
    /// 2 for a command line that makes no sense, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            _ => 1,
        }
    }
}
