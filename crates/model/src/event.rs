//! What happened, for the history.

use crate::failure::{Exit, Failure};
use crate::ids::{AppName, InstanceId, ReleaseId, RolloutId};
use crate::receipt::Receipt;
use crate::rollout::{Outcome, RolloutKind, RolloutPhase};
use crate::time::WallTime;
use serde::{Deserialize, Serialize};
use std::fmt;

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

/// Who asked for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The user's number.
    pub uid: u32,
    /// The user's name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The process, where it could be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What that process was called (`comm`, `proc_pid_comm(5)`): its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user} (uid {}", self.uid)?,
            None => write!(f, "uid {} (without a name", self.uid)?,
        }
        if let Some(pid) = self.pid {
            write!(f, ", {}[{pid}]", self.program.as_deref().unwrap_or("process "))?;
        }
        f.write_str(")")
    }
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
    Scaled {
        from: u32,
        to: u32,
    },
    SettingsChanged,
    ReleaseMade {
        release: ReleaseId,
    },
    RolloutBegan {
        rollout: RolloutId,
        kind: RolloutKind,
        from: Option<ReleaseId>,
        to: ReleaseId,
    },
    RolloutMoved {
        rollout: RolloutId,
        phase: RolloutPhase,
    },
    RolloutEnded {
        rollout: RolloutId,
        outcome: Outcome,
        receipt: Box<Receipt>,
    },
    RolloutSuperseded {
        kind: RolloutKind,
        by: RolloutKind,
    },
    RolloutPaused {
        rollout: RolloutId,
    },
    RolloutResumed {
        rollout: RolloutId,
    },
    InstanceStarted {
        instance: InstanceId,
        release: ReleaseId,
    },
    InstanceFailed {
        instance: InstanceId,
        failure: Failure,
    },
    InstanceStopped {
        instance: InstanceId,
        exit: Option<Exit>,
    },
    /// It takes more bytes of memory than it may, and is replaced.
    InstanceOutgrown {
        instance: InstanceId,
        memory: u64,
        most: u64,
    },
    ControlStarted {
        adopted: u32,
    },
    /// Somebody asked for something, in the words of the command line, as `reload api`.
    Asked {
        by: Asker,
        command: String,
    },
    /// Somebody asked who may not: so many times since that was last noted.
    Refused {
        by: Asker,
        command: String,
        times: u32,
    },
    Trouble {
        message: String,
    },
}
