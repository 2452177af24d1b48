//! One change of what is known.

use crate::record::{AppRecord, InstanceRecord, RolloutRecord};
use gapless_model::event::What;
use gapless_model::{AppName, Generation, InstanceId, Release, ReleaseId, WallTime};
use std::sync::Arc;

/// One change. A `Put` replaces what was there under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An app is new or is wanted otherwise.
    PutApp(Box<AppRecord>),
    /// An app is forgotten, with its releases, rollouts and instances. Its events stay.
    DeleteApp(AppName),
    /// A release was made or marked.
    PutRelease {
        /// Whose.
        app: AppName,
        /// The release.
        release: Arc<Release>,
    },
    /// A release was pruned.
    DeleteRelease {
        /// Whose.
        app: AppName,
        /// Which.
        release: ReleaseId,
    },
    /// A rollout began, moved or ended.
    PutRollout(Box<RolloutRecord>),
    /// An instance is about to be started, or changed.
    PutInstance(Box<InstanceRecord>),
    /// An instance is gone for good.
    DeleteInstance(InstanceId),
    /// A setting of the whole installation; what it says is control's affair.
    PutSetting {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Snapshots up to this generation may have been sent; after a restart count on beyond it. A lower one
    /// than before changes nothing.
    ReserveGeneration(Generation),
    /// Something happened, for the history.
    Note {
        /// When.
        at: WallTime,
        /// Whose; none for Gapless itself.
        app: Option<AppName>,
        /// What.
        what: What,
    },
}
