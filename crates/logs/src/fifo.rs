//! The FIFOs that instances write to, at our end.

use crate::error::LogError;
use camino::Utf8Path;
use gapless_sys::fifo;
use rustix::fs::OFlags;
use std::os::fd::OwnedFd;

/// What fits into a FIFO while nobody reads: the output of an app during a restart of control. All FIFOs of
/// an unprivileged user count against `pipe-user-pages-soft` (64 MiB, `pipe(7)`), so no more.
const CAPACITY: usize = 256 * 1024;

/// Opens the FIFO at `path`, made if it is missing. Never blocks.
pub(crate) fn open(path: &Utf8Path) -> Result<OwnedFd, LogError> {
    fifo::make(path.as_std_path()).map_err(|why| LogError::path("make the FIFO", path, why))?;
    // Read-write, though only read: so the end is never seen while the app restarts.
    let fifo =
        fifo::open_both_ways(path.as_std_path()).map_err(|why| LogError::path("open the FIFO", path, why))?;
    rustix::fs::fcntl_setfl(&fifo, OFlags::NONBLOCK)
        .map_err(|why| LogError::path("read without waiting from", path, why))?;
    // Beyond the user's limit it keeps the size that it has.
    let _ = rustix::pipe::fcntl_setpipe_size(&fifo, CAPACITY);
    Ok(fifo.into())
}
