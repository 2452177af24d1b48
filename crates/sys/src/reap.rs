//! Children that ended, and those of others that became ours (`PR_SET_CHILD_SUBREAPER`, `prctl(2)`).

use crate::Ended;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};
use std::io;

/// From now on the orphans among our descendants become our children, not those of process 1.
///
/// # Errors
/// The kernel is older than 3.4.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Reaps one child that has ended, ours or adopted; none if there is none. Never waits.
pub fn next() -> Option<(u32, Ended)> {
    let (pid, status) = wait(WaitOptions::NOHANG).ok()??;
    let ended = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Unknown,
    };
    Some((u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0), ended))
}
