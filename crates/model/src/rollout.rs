//! The move from one release to another.

use crate::failure::Failure;
use crate::ids::{AppName, InstanceId, ReleaseId, RolloutId};
use crate::time::{Moment, Spoken, WallTime, millis};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// How a new release replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A few instances at a time.
    #[default]
    Rolling,
    /// A whole second set beside the first, checked before it is public; then one flip.
    BlueGreen,
    /// The old instances are gone before the first new one is started: for apps that cannot run twice.
    /// Requests are held meanwhile.
    Recreate,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Strategy {
    /// All of them, in the order in which they are named.
    pub const ALL: [Self; 3] = [Self::Rolling, Self::BlueGreen, Self::Recreate];

    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::BlueGreen => "blue-green",
            Self::Recreate => "recreate",
        }
    }
}

/// Not a strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no strategy: there are {list}", list = Strategy::ALL.map(Strategy::word).join(", "))]
pub struct BadStrategy(pub String);

impl FromStr for Strategy {
    type Err = BadStrategy;

    fn from_str(s: &str) -> Result<Self, BadStrategy> {
        Self::ALL.into_iter().find(|strategy| strategy.word() == s).ok_or_else(|| BadStrategy(s.to_owned()))
    }
}

/// What a user did to cause a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutKind {
    /// `up` or `start`: the app is new, or its file changed.
    Up,
    /// `deploy`: new code.
    Deploy,
    /// `reload`: same directory and config, new processes.
    Reload,
    /// `rollback`: an earlier release.
    Rollback,
}

impl RolloutKind {
    /// The command's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Deploy => "deploy",
            Self::Reload => "reload",
            Self::Rollback => "rollback",
        }
    }
}

/// A rollout as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its number.
    pub id: RolloutId,
    /// Whose.
    pub app: AppName,
    /// What caused it.
    pub kind: RolloutKind,
    /// The release before; none for an app's first, which has nothing to return to.
    pub from: Option<ReleaseId>,
    /// The release that is rolled out.
    pub to: ReleaseId,
    /// How.
    pub strategy: Strategy,
    /// Where it stands.
    pub phase: RolloutPhase,
    /// Since when it is held by the user, if it is. Nothing new is started or retired meanwhile; a failure
    /// still returns.
    pub paused: Option<Moment>,
    /// When it began.
    pub began: Moment,
    /// When it began, for people.
    pub began_at: WallTime,
    /// How the new release is reached before it is public; none where it is public as soon as it is ready.
    #[serde(default)]
    pub preview: Option<Preview>,
}

/// How a new release is reached before it is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// A request at the public address with this in the header [`PREVIEW_HEADER`] goes to it.
    pub secret: PreviewSecret,
    /// All requests at this address go to it.
    pub address: Option<SocketAddr>,
}

/// Lets a request see a release before it is public: 32 hexadecimal digits, others for each rollout. Never shown
/// but to who asks for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreviewSecret(String);

impl PreviewSecret {
    /// An empty one lets nobody see anything.
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// To be said by who may know it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PreviewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreviewSecret")
    }
}

/// The header that asks for the new release.
pub const PREVIEW_HEADER: &str = "x-gapless-preview";

impl Rollout {
    /// Whether it has ended.
    pub const fn has_ended(&self) -> bool {
        matches!(self.phase, RolloutPhase::Ended { .. })
    }
}

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum RolloutPhase {
    /// Instances of the new release are started and take over.
    Replacing {
        /// Since when.
        since: Moment,
    },
    /// The new instances are ready and not public; they are checked.
    Verifying {
        /// Since when.
        since: Moment,
    },
    /// The new release has passed its checks, and is not public until the user says so.
    Verified {
        /// Since when.
        since: Moment,
        /// When it is given up.
        until: Moment,
    },
    /// All traffic is on the new release; the last of the old stay warm.
    Baking {
        /// Since when.
        since: Moment,
        /// Until when.
        until: Moment,
    },
    /// The new release is proven; the last of the old drain and stop. The point of no return is passed.
    Retiring {
        /// Since when.
        since: Moment,
    },
    /// It failed or was aborted; the old release takes everything back.
    Returning {
        /// Since when.
        since: Moment,
        /// Why.
        why: AbortReason,
        /// Whether all traffic had been turned to the new release in one step, and must be turned back.
        #[serde(default)]
        flipped: bool,
    },
    /// It is over.
    Ended {
        /// When.
        at: Moment,
        /// How.
        outcome: Outcome,
    },
}

impl RolloutPhase {
    /// When it began.
    pub const fn since(&self) -> Moment {
        match self {
            Self::Replacing { since }
            | Self::Verifying { since }
            | Self::Verified { since, .. }
            | Self::Baking { since, .. }
            | Self::Retiring { since }
            | Self::Returning { since, .. } => *since,
            Self::Ended { at, .. } => *at,
        }
    }

    /// One word for tables and JSON.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Replacing { .. } => "replacing",
            Self::Verifying { .. } => "verifying",
            Self::Verified { .. } => "verified",
            Self::Baking { .. } => "baking",
            Self::Retiring { .. } => "retiring",
            Self::Returning { .. } => "returning",
            Self::Ended { .. } => "ended",
        }
    }
}

/// Why a rollout is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbortReason {
    /// An instance of the new release failed.
    InstanceFailed {
        /// Which.
        instance: InstanceId,
        /// How.
        failure: Failure,
    },
    /// The new release did not pass its checks.
    NotVerified {
        /// Which, and what it got.
        what: String,
        /// The last lines of the command's output, the oldest first.
        output: Vec<String>,
    },
    /// Nobody promoted the new release in time.
    NotPromoted {
        /// How long it was waited for.
        #[serde(with = "millis")]
        after: Duration,
    },
    /// The user said so.
    Asked,
    /// The user stopped the app, or deleted it, in the middle of it.
    AppStopped,
    /// The machine was started anew in the middle of it.
    MachineRestarted,
    /// An app that it is started after does not come up.
    NotUp {
        /// Which.
        app: AppName,
    },
}

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstanceFailed { instance, failure } => write!(f, "instance {instance} failed: {failure}"),
            Self::NotVerified { what, .. } => f.write_str(what),
            Self::NotPromoted { after } => write!(f, "nobody promoted it within {}", Spoken(*after)),
            Self::Asked => f.write_str("`gapless abort` asked for it"),
            Self::AppStopped => f.write_str("the app was stopped in the middle of it"),
            Self::MachineRestarted => f.write_str("the machine was started anew in the middle of it"),
            Self::NotUp { app } => write!(f, "it is started after {app}, which does not come up"),
        }
    }
}

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The new release has all traffic, the old instances are gone.
    Completed,
    /// The old release has all traffic again.
    Aborted {
        /// Why.
        why: AbortReason,
    },
    /// An app's first release failed; there was nothing to return to. Its instances are tried again with
    /// backoff.
    Failed {
        /// Why.
        why: AbortReason,
    },
}
