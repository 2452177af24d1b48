//! Exit codes. Scripts rely on them.

use gapless_model::Outcome;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is so.
    Done = 0,
    /// It failed before anything changed, or there was nothing to return to.
    Failed = 1,
    /// The command or the config makes no sense as it is.
    Usage = 2,
    /// A rollout was aborted; the old release was kept or restored.
    Aborted = 3,
    /// Control is not reachable.
    Unreachable = 4,
    /// The user stopped watching (128 + SIGINT, as shells have it).
    Interrupted = 130,
}

impl Exit {
    /// Of a rollout.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Done,
            Outcome::Aborted { .. } => Self::Aborted,
            Outcome::Failed { .. } => Self::Failed,
        }
    }

    /// Of several: the one with the higher number, as aborted says more than failed and both more than done.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
