//! Everything that ends a command, with what to do next and its exit code.

use crate::exit::Exit;
use crate::render::{diagnostics, paint};
use gapless_api::{About, ClientError, ErrorKind};
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line makes no sense as it is.
    #[error("{message}")]
    Usage {
        /// What.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// The config makes no sense as it is: diagnostics with file, line and underlined text.
    #[error("{0}")]
    Config(Box<gapless_config::Report>),
    /// Control refused, or could not be reached in the middle.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing runs, and the command does not start anything.
    #[error("Gapless does not run in {home}")]
    NothingHere {
        /// `GAPLESS_HOME`.
        home: PathBuf,
    },
    /// Nothing runs, and only the home's owner can start it.
    #[error("Gapless does not run in {home}, which belongs to {owner}")]
    NotOurs {
        /// `GAPLESS_HOME`.
        home: PathBuf,
        /// Whose it is, for people.
        owner: String,
    },
    /// Control was started and did not come up.
    #[error("control did not come up within {seconds} s in {home}")]
    NotUp {
        /// `GAPLESS_HOME`.
        home: PathBuf,
        /// How long was waited.
        seconds: u64,
        /// The last lines of `logs/control.log`.
        log: Vec<String>,
    },
    /// The keeper could not be started.
    #[error("the keeper could not be started in {home}: {source}")]
    NoKeeper {
        /// `GAPLESS_HOME`.
        home: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user stopped watching.
    #[error("{message}")]
    Detached {
        /// What goes on.
        message: String,
        /// How to see it, and how to take it back.
        hint: String,
    },
    /// It was tried and failed before anything changed.
    #[error("{message}")]
    Failed {
        /// What.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[source] io::Error),
}

impl Error {
    /// A command line that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// A config that makes no sense.
    pub(crate) fn config(report: gapless_config::Report) -> Self {
        Self::Config(Box::new(report))
    }

    /// The same where control would not make apps so as a file has them: pointing into that where it can.
    pub(crate) fn applying(self, places: &gapless_config::Places) -> Self {
        if let Self::Client(ClientError::Refused(body)) = &self
            && let Some(about) = &body.about
            && let Some(place) = match &**about {
                About::Route(route) => places.of_route(route),
                About::Key { app, key } => places.of_key(app, key),
            }
        {
            return Self::config(places.refused(place, &body.message, body.hint.as_deref()));
        }
        self
    }

    /// A failure before anything changed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), hint: None }
    }

    /// The same with what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, next: impl Into<String>) -> Self {
        if let Self::Usage { hint, .. } | Self::Failed { hint, .. } = &mut self {
            *hint = Some(next.into());
        }
        self
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Config(_) => Exit::Usage,
            Self::Client(ClientError::Refused(body)) => match body.kind {
                ErrorKind::BadRequest | ErrorKind::NotFound => Exit::Usage,
                ErrorKind::Conflict | ErrorKind::Forbidden | ErrorKind::Failed => Exit::Failed,
                ErrorKind::Closing => Exit::Unreachable,
            },
            Self::Client(_)
            | Self::NothingHere { .. }
            | Self::NotOurs { .. }
            | Self::NotUp { .. }
            | Self::NoKeeper { .. } => Exit::Unreachable,
            Self::Detached { .. } => Exit::Interrupted,
            // Whoever read our output has enough of it (`gapless logs | head`): not a failure.
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Failed { .. } | Self::Output(_) => Exit::Failed,
        }
    }

    /// What to do next.
    fn next(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Failed { hint, .. } => hint.clone(),
            Self::Client(ClientError::Refused(body)) => body.hint.clone(),
            Self::Client(error @ ClientError::NotReachable { .. }) if error.is_denied() => Some(
                "it is for its owner and for root; `[control]` in gapless.toml allows a group: `group = \"…\"`".into(),
            ),
            Self::Client(ClientError::NotReachable { .. }) => {
                Some("`gapless up` starts it; `--home DIR` names another installation".into())
            }
            Self::Client(ClientError::Broken { .. }) => {
                Some("what was asked may have been done: `gapless status` shows how things stand".into())
            }
            Self::Client(ClientError::Unreadable { .. }) => {
                Some("this `gapless` and the running one differ in version: `gapless --version`".into())
            }
            Self::NothingHere { .. } => {
                Some("`gapless up` starts it; `--home DIR` names another installation".into())
            }
            Self::NotOurs { .. } => {
                Some("only its owner can start it; `--home DIR` names another installation".into())
            }
            Self::NotUp { home, .. } => {
                Some(format!("the whole log is in {}", home.join("logs/control.log").display()))
            }
            Self::NoKeeper { .. } => {
                Some("the directory must be yours to write: `--home DIR` names another".into())
            }
            Self::Detached { hint, .. } => Some(hint.clone()),
            Self::Config(_) | Self::Output(_) => None,
        }
    }

    /// The whole message for the terminal, with colours; it ends with a line feed.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Config(report) => return diagnostics::render(report.as_ref()),
            Self::Detached { message, .. } => _ = writeln!(text, "{message}"),
            _ => _ = writeln!(text, "{} {self}", paint::bad("error:")),
        }
        if let Self::NotUp { log, .. } = self
            && !log.is_empty()
        {
            _ = writeln!(text, "  its last words:");
            for line in log {
                _ = writeln!(text, "    {}", paint::dim(line));
            }
        }
        if let Some(next) = self.next() {
            _ = writeln!(text, "  {} {next}", paint::bold("hint:"));
        }
        text
    }
}
