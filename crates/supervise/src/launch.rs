//! What the supervisor is told to run.

use camino::Utf8PathBuf;
use gapless_model::app::RestartSpec;
use gapless_model::instance::InstanceView;
use gapless_model::{InstanceId, Release};
use std::sync::Arc;

/// An instance to be started, and kept running.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Which.
    pub instance: InstanceId,
    /// Of which release: command, environment, probes, how it is stopped.
    pub release: Arc<Release>,
    /// When it is started again.
    pub restart: RestartSpec,
    /// It serves requests: it is not ready before it has opened its address, whatever its probe says.
    pub routed: bool,
}

/// An instance that an earlier control started.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// What it was started with.
    pub launch: Launch,
    /// How it stood, as far as is known: the last that was journalled, its process as
    /// [`running`](crate::running) finds it. One whose process is not there any more has failed meanwhile, and
    /// is started again as its policy says.
    pub last: InstanceView,
}

/// Why an instance cannot be run here at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// Its socket would have a longer path than the kernel takes.
    #[error(
        "the socket of {instance} would be {path}, {length} bytes long; a Unix socket path has at most 107 \
         (unix(7)): use a shorter GAPLESS_HOME or app name"
    )]
    LongPath {
        /// Which instance.
        instance: InstanceId,
        /// The path.
        path: Utf8PathBuf,
        /// Its length in bytes.
        length: usize,
    },
}
