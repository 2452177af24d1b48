//! A file that one process holds at a time (`flock(2)`), with its pid written inside.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The lock, held until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl From<OwnedFd> for Lock {
    /// A lock that was held before under this descriptor.
    fn from(held: OwnedFd) -> Self {
        Self { file: held.into() }
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What came of trying to lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Lock),
    /// Another process has it.
    Taken {
        /// Its pid; none if it has not written it yet.
        by: Option<u32>,
    },
}

/// Tries to lock `path`, making it (0600) if it is missing, and writes our pid into it if it can. Never waits.
///
/// # Errors
/// The file cannot be made or opened.
pub fn try_hold(path: &Path) -> io::Result<Attempt> {
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Attempt::Taken { by: pid_in(&mut file) }),
        Err(error) => return Err(error.into()),
    }
    // On a full disk it is ours all the same; only its name is missing.
    let _ = write_pid(&mut file);
    Ok(Attempt::Held(Lock { file }))
}

/// The process that holds `path` now; none if nobody does, or nobody ever did.
pub fn holder(path: &Path) -> Option<u32> {
    let mut file = OpenOptions::new().read(true).open(path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => None,
        Err(_) => pid_in(&mut file),
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it() {
        let path = std::env::temp_dir().join(format!("gapless-sys-lock-{}", std::process::id()));
        assert_eq!(holder(&path), None);
        let Attempt::Held(lock) = try_hold(&path).unwrap() else { panic!("it is free") };
        // Another open of the file is another holder, even in one process.
        let Attempt::Taken { by } = try_hold(&path).unwrap() else { panic!("it is held") };
        assert_eq!(by, Some(std::process::id()));
        assert_eq!(holder(&path), Some(std::process::id()));
        drop(lock);
        assert_eq!(holder(&path), None);
        assert!(matches!(try_hold(&path).unwrap(), Attempt::Held(_)));
        std::fs::remove_file(&path).unwrap();
    }
}
