//! The client's side of a file-descriptor store: what is put there outlives us, and is handed back to whoever
//! comes after us (`FDSTORE=1` of `sd_notify(3)`, `LISTEN_FDS` of `sd_listen_fds(3)`).
//!
//! The store is our keeper's or systemd's; nobody needs to know which.

use crate::{descriptor, notify};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The first inherited descriptor.
pub(crate) const FIRST: RawFd = 3;
/// How many were inherited.
pub(crate) const COUNT: &str = "LISTEN_FDS";
/// Their names, with `:` between.
pub(crate) const NAMES: &str = "LISTEN_FDNAMES";
/// For whom they are.
pub(crate) const FOR: &str = "LISTEN_PID";

/// The way to the store.
#[derive(Debug)]
pub struct Store(OwnedFd);

impl Store {
    /// The store of whoever started us; none if it offers none.
    ///
    /// # Errors
    /// `NOTIFY_SOCKET` names a socket on which nobody is bound.
    pub fn of_our_parent() -> io::Result<Option<Self>> {
        Ok(notify::connect_named()?.map(Self))
    }

    /// Keeps a copy of `descriptor` under `name` (ASCII without control characters and `:`, at most 255).
    /// Several may have one name.
    ///
    /// # Errors
    /// A bad name, or the store is gone.
    pub fn store(&self, name: &str, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let message = format!("FDSTORE=1\nFDNAME={}", checked(name)?);
        descriptor::send(&self.0, message.as_bytes(), &[descriptor]).map(drop)
    }

    /// Forgets every descriptor under `name`.
    ///
    /// # Errors
    /// A bad name, or the store is gone.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let message = format!("FDSTOREREMOVE=1\nFDNAME={}", checked(name)?);
        descriptor::send(&self.0, message.as_bytes(), &[]).map(drop)
    }

    /// Has the keeper become this program, in place. It says in its log if it cannot.
    ///
    /// # Errors
    /// A path that is not UTF-8 or more than one line, or the store is gone.
    pub fn become_program(&self, path: &std::path::Path) -> io::Result<()> {
        let path = path.to_str().filter(|path| !path.contains('\n'));
        let path =
            path.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not one line of UTF-8"))?;
        descriptor::send(&self.0, notify::become_program(path).as_bytes(), &[]).map(drop)
    }

    /// Says that we have started (`READY=1`).
    ///
    /// # Errors
    /// The store is gone.
    pub fn ready(&self) -> io::Result<()> {
        self.say("READY=1")
    }

    /// Says that we are alive (`WATCHDOG=1`).
    ///
    /// # Errors
    /// The store is gone.
    pub fn watchdog(&self) -> io::Result<()> {
        self.say("WATCHDOG=1")
    }

    /// Says that we are about to end (`STOPPING=1`).
    ///
    /// # Errors
    /// The store is gone.
    pub fn stopping(&self) -> io::Result<()> {
        self.say("STOPPING=1")
    }

    fn say(&self, what: &str) -> io::Result<()> {
        descriptor::send(&self.0, what.as_bytes(), &[]).map(drop)
    }
}

fn checked(name: &str) -> io::Result<&str> {
    if is_name(name) {
        Ok(name)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} cannot name a descriptor")))
    }
}

/// Whether the store takes this as a name (`sd_pid_notify_with_fds(3)`).
pub fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| (b' '..0x7f).contains(&b) && b != b':')
}

/// The descriptors that were handed to us, with their names, and takes the variables that announced them out
/// of our environment. Empty the second time, and when they are meant for another process.
///
/// To be called once, first thing in `main`, while there is only one thread and nothing else was opened.
#[expect(
    unsafe_code,
    reason = "inherited descriptors have no owner until we say so; the environment is global"
)]
pub fn take() -> Vec<(String, OwnedFd)> {
    let announced = |name| std::env::var(name).ok();
    let for_us = announced(FOR).and_then(|pid| pid.parse().ok()) == Some(std::process::id());
    let count: RawFd = announced(COUNT).and_then(|n| n.parse().ok()).filter(|_| for_us).unwrap_or(0);
    let names = announced(NAMES).unwrap_or_default();
    for name in [FOR, COUNT, NAMES] {
        // SAFETY: nobody else reads or writes the environment now, as the caller was told: one thread.
        unsafe { std::env::remove_var(name) };
    }
    let mut names = names.split(':').map(str::to_owned);
    (FIRST..FIRST.saturating_add(count))
        .filter_map(|raw| {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
            // SAFETY: borrowed only to ask whether it is open; were it not, the call fails with EBADF.
            let given = unsafe { BorrowedFd::borrow_raw(raw) };
            rustix::io::fcntl_setfd(given.as_fd(), rustix::io::FdFlags::CLOEXEC).ok()?;
            // SAFETY: it is open, it was announced as ours by our parent, and the announcement is gone now, so
            // that nobody takes it a second time.
            Some((name, unsafe { OwnedFd::from_raw_fd(raw) }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(is_name("listener 127.0.0.1;8080"));
        for bad in ["", "a:b", "a\nb", "ä", &"x".repeat(256)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
