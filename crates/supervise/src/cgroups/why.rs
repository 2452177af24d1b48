//! Why limits are not in force.

use gapless_model::AppName;
use gapless_model::resources::OWN_CGROUP;
use std::path::PathBuf;

/// Why a limit is not in force, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInForce {
    /// There are no cgroups of version 2, or ours is not among them.
    #[error(
        "{0}. Limits need them: a machine booted with `systemd.unified_cgroup_hierarchy=1`, or a container with its own"
    )]
    Nowhere(String),
    /// We are where the whole machine is.
    #[error(
        "Gapless runs in the cgroup of the whole machine, which has no limits to share out. Have systemd start it: \
         `gapless startup`"
    )]
    Machine,
    /// Others are in the same cgroup.
    #[error(
        "the cgroup {path} is not Gapless's alone: {with} is in it too. Have systemd start Gapless: `gapless startup` \
         (`--user` without rights) writes a unit with `Delegate=yes`"
    )]
    Shared {
        /// Its directory.
        path: PathBuf,
        /// One of the others.
        with: String,
    },
    /// It would be started in a cgroup where it must not be any more.
    #[error(
        "systemd starts Gapless in {path} itself, and could not do so again once that shares out limits. \
         `DelegateSubgroup={OWN_CGROUP}` lets it (systemd 254 or later): write the unit anew by `gapless startup`"
    )]
    StartedThere {
        /// Its directory.
        path: PathBuf,
    },
    /// The kernel, or whoever delegated to us, does not offer it.
    #[error(
        "the cgroup {path} has no controller for it. The unit needs `Delegate=yes`, as `gapless startup` writes it, and \
         the kernel the controller"
    )]
    Controller {
        /// The cgroup's directory.
        path: PathBuf,
    },
    /// It was refused.
    #[error(
        "cannot {doing} the cgroup {path}: {error}. It has to be delegated: `gapless startup` writes a unit with `Delegate=yes`"
    )]
    Denied {
        /// What was tried.
        doing: &'static str,
        /// Its directory.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// The kernel did not take the limit.
    #[error("cannot write {value} to {path}: {error}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was to be in it.
        value: String,
        /// What the system said.
        error: String,
    },
    /// It could not be when the process was started.
    #[error("it could not be when this process was started. `gapless reload {app}` starts it anew")]
    Before {
        /// Of which app.
        app: AppName,
    },
}
