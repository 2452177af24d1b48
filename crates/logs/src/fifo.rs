//! The FIFOs that instances write to, at our end.

use crate::error::LogError;
use camino::Utf8Path;
use gapless_sys::fifo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, splice, tee};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What fits into a FIFO while nobody reads: the output of an app during a restart of control. All FIFOs of
/// an unprivileged user count against `pipe-user-pages-soft` (64 MiB, `pipe(7)`), so no more.
pub(crate) const CAPACITY: usize = 256 * 1024;

/// A FIFO. What is in it stays there until it is done with: if this process is killed before, the next finds it.
///
/// A position in it is the number of bytes that came before, since it was opened here.
#[derive(Debug)]
pub(crate) struct Fifo {
    fd: OwnedFd,
    /// Where bytes go that are done with.
    sink: Arc<Sink>,
    /// The position up to which it was emptied.
    taken: Mutex<u64>,
}

/// `/dev/null`, which takes pages out of a pipe without copying them.
#[derive(Debug)]
pub(crate) struct Sink(File);

impl Sink {
    pub(crate) fn open() -> io::Result<Self> {
        OpenOptions::new().write(true).open("/dev/null").map(Self)
    }
}

impl Fifo {
    /// Opens the FIFO at `path`, made if it is missing. Never blocks.
    pub(crate) fn open(path: &Utf8Path, sink: &Arc<Sink>) -> Result<Self, LogError> {
        fifo::make(path.as_std_path()).map_err(|why| LogError::path("make the FIFO", path, why))?;
        // Read-write, though only read: so the end is never seen while the app restarts.
        let fifo = fifo::open_both_ways(path.as_std_path())
            .map_err(|why| LogError::path("open the FIFO", path, why))?;
        rustix::fs::fcntl_setfl(&fifo, OFlags::NONBLOCK)
            .map_err(|why| LogError::path("read without waiting from", path, why))?;
        // Beyond the user's limit it keeps the size that it has.
        let _ = fcntl_setpipe_size(&fifo, CAPACITY);
        Ok(Self::of(fifo.into(), sink))
    }

    /// A pipe's reading end.
    pub(crate) fn of(fd: OwnedFd, sink: &Arc<Sink>) -> Self {
        Self { fd, sink: Arc::clone(sink), taken: Mutex::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies what is in it to a pipe that is empty, as much as fits there: from which position, and how many
    /// bytes.
    pub(crate) fn copy_to(&self, pipe: impl AsFd) -> rustix::io::Result<(u64, usize)> {
        let taken = self.lock();
        match tee(&self.fd, pipe, CAPACITY, SpliceFlags::NONBLOCK) {
            Ok(bytes) => Ok((*taken, bytes)),
            Err(Errno::AGAIN | Errno::INTR) => Ok((*taken, 0)),
            Err(error) => Err(error),
        }
    }

    /// Takes out what is before `position`, if it is still there.
    pub(crate) fn take_until(&self, position: u64) {
        let mut taken = self.lock();
        while let Ok(left @ 1..) = usize::try_from(position.saturating_sub(*taken)) {
            match splice(&self.fd, None, &self.sink.0, None, left, SpliceFlags::NONBLOCK) {
                // Nobody else reads from it, so that there is what there was.
                Ok(0) | Err(Errno::AGAIN) => return,
                Ok(bytes) => *taken += bytes as u64,
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// The position up to which it was emptied.
    pub(crate) fn taken(&self) -> u64 {
        *self.lock()
    }

    /// Whether whoever writes to it has to wait.
    pub(crate) fn is_full(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok() && !fds[0].revents().contains(PollFlags::OUT)
    }

    /// How many bytes it may hold.
    pub(crate) fn capacity(&self) -> usize {
        fcntl_getpipe_size(&self.fd).unwrap_or(CAPACITY)
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Where lines came from, and stay until they are in their file.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) fifo: Arc<Fifo>,
    /// The position behind the last of them.
    pub(crate) end: u64,
}

impl Origin {
    /// They are in their file, or given up.
    pub(crate) fn done(&self) {
        self.fifo.take_until(self.end);
    }
}
