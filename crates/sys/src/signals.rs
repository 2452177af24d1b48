//! Signals to ourselves, read like data (`signalfd(2)`).
#![expect(unsafe_code, reason = "neither the standard library nor rustix has signalfd")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals that are no longer delivered but wait here to be read.
#[derive(Debug)]
pub struct Signals(File);

impl Signals {
    /// Takes these signals (`signal(7)` numbers) out of normal delivery. In a process with one thread only:
    /// others would still get them. Programs started from here inherit the mask and would be deaf to them,
    /// but for those started by [`activation`](crate::activation) and [`detach`](crate::detach), which clear it.
    ///
    /// # Errors
    /// A number that is no signal, or no descriptors left.
    pub fn take(numbers: &[i32]) -> io::Result<Self> {
        // SAFETY: the set is made valid by sigemptyset before anything reads it; all three calls only read or
        // write it, and the new descriptor has no other owner.
        unsafe {
            let mut set = std::mem::zeroed::<libc::sigset_t>();
            libc::sigemptyset(&raw mut set);
            for number in numbers {
                check(libc::sigaddset(&raw mut set, *number))?;
            }
            check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
            let raw = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
            Ok(Self(File::from(OwnedFd::from_raw_fd(raw))))
        }
    }

    /// The next signal that came; none if there is none. Never waits. Of several of a kind only one may be
    /// left, as the kernel merges them.
    pub fn read(&mut self) -> Option<i32> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        let length = self.0.read(&mut record).ok()?;
        // The number is the first field (`ssi_signo`, 32 bits).
        let number: [u8; 4] = record.get(..4)?.try_into().ok()?;
        (length == record.len()).then(|| i32::from_ne_bytes(number))
    }
}

/// Lets every signal through again: for a child between fork and exec.
pub(crate) fn unblock_all() -> io::Result<()> {
    // SAFETY: async-signal-safe calls on a set that sigemptyset makes valid first.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut())).map(drop)
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::process::Stdio;

    #[test]
    fn a_signal_is_read_and_children_are_not_deaf() {
        let mut signals = Signals::take(&[libc::SIGUSR2]).unwrap();
        assert_eq!(signals.read(), None);
        // To this very thread: the test harness has others, in which it is not blocked.
        // SAFETY: raise only sends a signal that was blocked above.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        assert_eq!(signals.read(), Some(libc::SIGUSR2));
        let arguments = ["-c".into(), "kill -USR2 $$; exit 0".into()];
        let output = (Stdio::null(), Stdio::null());
        let mut child = crate::activation::spawn(OsStr::new("/bin/sh"), &arguments, [], &[], output).unwrap();
        assert!(!child.wait().unwrap().success(), "the signal ended it");
    }
}
