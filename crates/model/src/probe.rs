//! Probes: what is asked of one instance, and what it answered.

use crate::command::CommandLine;
use crate::time::{Moment, millis};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One kind of question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// `GET path` on the instance's own address; any 2xx is a success, a redirect is not.
    Http {
        /// Path and query, beginning with `/`.
        path: String,
    },
    /// The instance's own address accepts a connection.
    Tcp,
    /// A command that exits 0. It finds the instance in `GAPLESS_INSTANCE`, `GAPLESS_SOCKET` and `PORT`.
    Command(CommandLine),
    /// The instance says `READY=1` itself (`sd_notify(3)`) on the socket in `NOTIFY_SOCKET`.
    Notify,
    /// It runs. Only for apps that serve no requests and were given no probe.
    Alive,
}

/// A probe with its rhythm and thresholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// What is asked.
    pub kind: ProbeKind,
    /// From the end of one probe to the start of the next.
    #[serde(with = "millis")]
    pub interval: Duration,
    /// After which a probe without an answer has failed.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// Consecutive successes until the instance counts as healthy; at least 1.
    pub successes: u32,
    /// Consecutive failures until it counts as unhealthy; at least 1.
    pub failures: u32,
}

/// What the last probe got: enough to know from the message alone what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// When the answer (or the lack of one) was noted.
    pub at: Moment,
    /// What was asked, for people: `GET /ready`, `connect to unix:/…`, the command.
    pub asked: String,
    /// What came back.
    pub answer: ProbeAnswer,
}

/// What came back from a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeAnswer {
    /// A success.
    Passed,
    /// An HTTP answer that is not 2xx.
    Status {
        /// The status code.
        code: u16,
        /// Where it redirects to, if it does.
        location: Option<String>,
        /// The first bytes of the body, as text.
        body: String,
    },
    /// Nobody listens on the address that the instance was given.
    NotListening {
        /// Addresses that the instance's processes did open, as `127.0.0.1:4000`.
        instead: Vec<String>,
    },
    /// No answer within the probe's timeout.
    TimedOut {
        /// The timeout.
        #[serde(with = "millis")]
        after: Duration,
    },
    /// The command exited, or was ended by a signal.
    Command {
        /// How it ended, for people.
        exit: String,
        /// The first bytes of its output.
        output: String,
    },
    /// `READY=1` has not been said yet; the last `STATUS=` if there was one.
    NotNotified {
        /// What the app said of itself.
        status: Option<String>,
    },
    /// Anything else that went wrong while asking.
    Error {
        /// The error, for people.
        message: String,
    },
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.asked, self.answer)
    }
}

impl fmt::Display for ProbeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Status { code, location: Some(to), .. } => {
                write!(f, "answered {code}, a redirect to {to}; only 2xx counts as ready")
            }
            Self::Status { code, body, .. } if body.is_empty() => write!(f, "answered {code}, with no body"),
            Self::Status { code, body, .. } => write!(f, "answered {code}: {body:?}"),
            Self::NotListening { instead } if instead.is_empty() => {
                f.write_str("nobody listens there, and the app has opened no other port")
            }
            Self::NotListening { instead } => {
                write!(f, "nobody listens there; the app listens on {} instead", instead.join(", "))
            }
            Self::TimedOut { after } => write!(f, "no answer within {}", crate::time::Spoken(*after)),
            Self::Command { exit, output } if output.is_empty() => f.write_str(exit),
            Self::Command { exit, output } => write!(f, "{exit}: {output:?}"),
            Self::NotNotified { status: None } => f.write_str("the app has not said READY=1"),
            Self::NotNotified { status: Some(s) } => {
                write!(f, "the app has not said READY=1; its status is {s:?}")
            }
            Self::Error { message } => f.write_str(message),
        }
    }
}
