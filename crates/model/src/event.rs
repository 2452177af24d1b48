//! What happened, for the history.

use crate::failure::{Exit, Failure};
use crate::ids::{AppName, InstanceId, ReleaseId, RolloutId};
use crate::receipt::Receipt;
use crate::rollout::{Outcome, RolloutKind, RolloutPhase};
use crate::time::WallTime;
use serde::{Deserialize, Serialize};

/// One line of `gapless history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, counted over all apps.
    pub seq: u64,
    /// When, for people.
    pub at: WallTime,
    /// Whose; none for Gapless itself.
    pub app: Option<AppName>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum What {
    AppDefined,
    AppDeleted,
    AppStopped,
    AppStarted,
    Scaled { from: u32, to: u32 },
    SettingsChanged,
    ReleaseMade { release: ReleaseId },
    RolloutBegan { rollout: RolloutId, kind: RolloutKind, from: Option<ReleaseId>, to: ReleaseId },
    RolloutMoved { rollout: RolloutId, phase: RolloutPhase },
    RolloutEnded { rollout: RolloutId, outcome: Outcome, receipt: Box<Receipt> },
    RolloutSuperseded { kind: RolloutKind, by: RolloutKind },
    RolloutPaused { rollout: RolloutId },
    RolloutResumed { rollout: RolloutId },
    InstanceStarted { instance: InstanceId, release: ReleaseId },
    InstanceFailed { instance: InstanceId, failure: Failure },
    InstanceStopped { instance: InstanceId, exit: Option<Exit> },
    ControlStarted { adopted: u32 },
    Trouble { message: String },
}
