//! What to run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A command as the user wrote it, after splitting.
///
/// `{socket}`, `{port}` and `{instance}` in it are replaced when an instance is started.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandLine {
    /// Program and arguments, run as they are. Never empty.
    Words(Vec<String>),
    /// A line for `/bin/sh -c`, only where the user opted in.
    Shell(String),
}

impl CommandLine {
    /// Program and arguments to execute.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line.clone()],
        }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(&words.join(" ")),
            Self::Shell(line) => f.write_str(line),
        }
    }
}
