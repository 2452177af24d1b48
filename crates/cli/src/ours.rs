//! The processes of Gapless itself, held by descriptor (`pidfd_open(2)`), so that a command can wait for their end.

use gapless_api::status::GaplessStatus;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::Instant;

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Keeper, control and proxies as they were at one moment.
#[derive(Debug)]
pub(crate) struct Ours(Vec<(u32, OwnedFd)>);

impl Ours {
    /// Takes hold of those that `status` names and that have not ended since.
    pub(crate) fn of(status: &GaplessStatus) -> Self {
        let one_each = [status.keeper_pid, Some(status.control_pid), status.proxy_pid].into_iter().flatten();
        let all = one_each.chain(status.retiring_proxies.iter().copied());
        Self(all.filter_map(|pid| Some((pid, hold(pid)?))).collect())
    }

    /// Waits until all have ended: what a process held is free somewhat earlier than the process is gone.
    ///
    /// # Errors
    /// The id of one that has not within `patience`.
    pub(crate) async fn gone(self, patience: Duration) -> Result<(), u32> {
        let deadline = Instant::now() + patience;
        for (pid, process) in self.0 {
            while !ended(&process) {
                if Instant::now() >= deadline {
                    return Err(pid);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

fn ended(process: &OwnedFd) -> bool {
    let now = Timespec::default();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
}

fn hold(pid: u32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()
}
