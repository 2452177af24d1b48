//! A handle to one process that a recycled pid can never turn into a stranger (`pidfd_open(2)`).

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// A process, held by descriptor. It is readable (`poll(2)`) once the process has ended.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code, 0 to 255.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It is no child of ours, so the kernel does not tell us.
    Unknown,
}

impl PidFd {
    /// Takes hold of process `pid`.
    ///
    /// Whether it is still the process that was meant is for the caller to check *afterwards*, by its start
    /// time: from then on the handle cannot change hands.
    ///
    /// # Errors
    /// `ESRCH` if there is no such process, `EMFILE` if there are no descriptors left.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = pid_of(pid)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// Waits until the process has ended; false if `timeout` passed first.
    ///
    /// # Errors
    /// As `poll(2)`; an interrupted call counts as a passed timeout.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// How the process ended, without reaping it: its pid, and with it the id of its group, stays taken.
    /// None while it runs.
    pub fn peek(&self) -> Option<Ended> {
        self.status(WaitIdOptions::NOWAIT)
    }

    /// How the process ended, reaping it: from here on its pid may be given to a stranger. None while it runs.
    pub fn reap(&self) -> Option<Ended> {
        self.status(WaitIdOptions::empty())
    }

    fn status(&self, how: WaitIdOptions) -> Option<Ended> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | how;
        match waitid(WaitId::PidFd(self.0.as_fd()), options) {
            Ok(None) => None,
            Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Ended::Code(code),
                (None, Some(signal)) => Ended::Signal(signal),
                (None, None) => Ended::Unknown,
            }),
            // Not our child (any more): only the descriptor itself still tells whether it runs.
            Err(_) => self.wait(Duration::ZERO).unwrap_or(true).then_some(Ended::Unknown),
        }
    }

    /// Sends a signal to this process, never to another.
    ///
    /// # Errors
    /// `ESRCH` if it has ended, `EPERM` if it is not ours to signal, `EINVAL` for a number that is no signal.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let signal = signal_of(number)?;
        Ok(pidfd_send_signal(&self.0, signal)?)
    }
}

impl AsRawFd for PidFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A positive process id; everything else means "many processes" to the kernel, which is never meant here.
pub(crate) fn pid_of(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .filter(|pid| pid.as_raw_nonzero().get() > 1)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is no process id")))
}

/// A signal with a name; those without (the real-time ones) are not used here.
pub(crate) fn signal_of(number: i32) -> io::Result<Signal> {
    Signal::from_named_raw(number)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{number} is no signal")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[expect(clippy::zombie_processes, reason = "the handle is what reaps it")]
    fn run(script: &str) -> PidFd {
        let child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        PidFd::open(child.id()).unwrap()
    }

    #[test]
    fn a_child_is_peeked_at_before_it_is_reaped() {
        let held = run("exit 7");
        assert!(held.wait(PATIENCE).unwrap());
        assert_eq!(held.peek(), Some(Ended::Code(7)));
        assert_eq!(held.peek(), Some(Ended::Code(7)), "a look takes nothing away");
        assert_eq!(held.reap(), Some(Ended::Code(7)));
        assert_eq!(held.reap(), Some(Ended::Unknown), "there is nothing left to ask");
    }

    #[test]
    fn a_signal_reaches_it_and_is_told() {
        let held = run("exec sleep 600");
        assert_eq!(held.peek(), None);
        assert!(!held.wait(Duration::ZERO).unwrap());
        held.signal(15).unwrap();
        assert!(held.wait(PATIENCE).unwrap());
        assert_eq!(held.reap(), Some(Ended::Signal(15)));
        assert!(held.signal(15).is_err());
    }

    #[test]
    fn pids_that_mean_many_are_refused() {
        for pid in [0, 1, u32::MAX] {
            assert_eq!(PidFd::open(pid).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
