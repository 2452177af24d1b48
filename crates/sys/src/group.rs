//! Signals to a whole process group.

use crate::pidfd::{pid_of, signal_of};
use rustix::process::{kill_process_group, test_kill_process_group};
use std::io;

/// Sends a signal to every process of group `pgid`, the pid of its leader.
///
/// The number is the group's only as long as one of its processes exists, a leader that was not reaped yet
/// included: the caller makes sure of that.
///
/// # Errors
/// `ESRCH` if the group has no process, `EPERM` if none of them may be signalled.
pub fn signal(pgid: u32, number: i32) -> io::Result<()> {
    Ok(kill_process_group(pid_of(pgid)?, signal_of(number)?)?)
}

/// Whether group `pgid` has a process at all, zombies included.
pub fn exists(pgid: u32) -> bool {
    pid_of(pgid).is_ok_and(|pgid| match test_kill_process_group(pgid) {
        Ok(()) => true,
        Err(error) => error == rustix::io::Errno::PERM,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ended, PidFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn every_process_of_the_group_gets_it() {
        let mut child =
            Command::new("/bin/sh").args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap();
        let held = PidFd::open(child.id()).unwrap();
        assert!(exists(child.id()));
        signal(child.id(), 9).unwrap();
        assert!(held.wait(Duration::from_secs(20)).unwrap());
        assert_eq!(held.peek(), Some(Ended::Signal(9)));
        assert!(exists(child.id()), "a leader that is not reaped keeps the number");
        child.wait().unwrap();
    }
}
