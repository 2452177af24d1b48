//! How processes end, and how instances fail.

use crate::probe::ProbeReport;
use crate::resources::Bytes;
use crate::time::millis;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It exited with this code, 0 to 255.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It is gone; how is not known, because it was not our child any more (adopted after a restart).
    Unknown,
    /// The kernel killed it for want of memory.
    OutOfMemory {
        /// Its limit in bytes (`limits.memory`), which it had reached; none if it was the machine, or whatever Gapless
        /// itself runs in, that had no more.
        limit: Option<u64>,
    },
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(number) => write!(f, "was ended by {}", crate::signal::name_of(*number)),
            Self::Unknown => f.write_str("ended (how is not known: it was adopted)"),
            Self::OutOfMemory { limit: Some(limit) } => {
                write!(f, "was killed by the kernel: it used more than its limit of {}", Bytes(*limit))
            }
            Self::OutOfMemory { limit: None } => {
                f.write_str("was killed by the kernel: there was no memory left where Gapless runs")
            }
        }
    }
}

/// Why an instance is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The command could not be executed at all.
    Spawn {
        /// What was tried and what the system said.
        message: String,
    },
    /// It ended without being asked to.
    Exited {
        /// How.
        exit: Exit,
        /// How long it had run.
        #[serde(with = "millis")]
        ran: Duration,
        /// Whether it had been ready before.
        was_ready: bool,
    },
    /// It was not ready when the deadline passed.
    StartDeadline {
        /// The deadline, from its start.
        #[serde(with = "millis")]
        after: Duration,
        /// What the last probe got; none if not one had ended.
        report: Option<ProbeReport>,
    },
    /// It was ready and is not any more.
    Unready {
        /// What the last probe got.
        report: ProbeReport,
    },
    /// Its liveness probe failed.
    Wedged {
        /// What the last probe got.
        report: ProbeReport,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::time::Spoken;
        match self {
            Self::Spawn { message } => f.write_str(message),
            Self::Exited { exit: exit @ Exit::OutOfMemory { .. }, ran, was_ready } => {
                let ready = if *was_ready { "became ready, ran" } else { "was not ready yet, ran" };
                write!(f, "it {ready} {}, and {exit}", Spoken(*ran))
            }
            Self::Exited { exit, ran, was_ready: true } => {
                write!(f, "it became ready, then {exit} after {}", Spoken(*ran))
            }
            Self::Exited { exit, ran, was_ready: false } => {
                write!(f, "it {exit} after {}, before it was ready", Spoken(*ran))
            }
            Self::StartDeadline { after, report: Some(report) } => {
                write!(f, "it was not ready within {}. Last probe: {report}", Spoken(*after))
            }
            Self::StartDeadline { after, report: None } => {
                write!(f, "it was not ready within {}, and no probe got an answer", Spoken(*after))
            }
            Self::Unready { report } => write!(f, "it stopped being ready. Last probe: {report}"),
            Self::Wedged { report } => write!(f, "its liveness probe failed: {report}"),
        }
    }
}
