//! The FIFOs that instances write to.

use crate::error::LogError;
use camino::Utf8Path;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// What fits into a FIFO while nobody reads: the output of an app during a restart of control. All FIFOs of
/// an unprivileged user count against `pipe-user-pages-soft` (64 MiB, `pipe(7)`), so no more.
const CAPACITY: usize = 256 * 1024;

/// Opens the FIFO at `path`, made if it is missing. Never blocks.
pub(crate) fn open(path: &Utf8Path) -> Result<OwnedFd, LogError> {
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::mkfifoat(CWD, path.as_str(), mode) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(why) => return Err(LogError::path("make the FIFO", path, why)),
    }
    // Read-write, though only read: so the end is never seen while the app restarts. Linux allows it, see
    // fifo(7).
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fifo = rustix::fs::open(path.as_str(), flags, Mode::empty())
        .map_err(|why| LogError::path("open the FIFO", path, why))?;
    let stat = rustix::fs::fstat(&fifo).map_err(|why| LogError::path("look at the FIFO", path, why))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
        return Err(LogError::NoFifo { path: path.to_owned() });
    }
    // Beyond the user's limit it keeps the size that it has.
    let _ = rustix::pipe::fcntl_setpipe_size(&fifo, CAPACITY);
    Ok(fifo)
}
