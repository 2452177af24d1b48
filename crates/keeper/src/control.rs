//! The one child that the keeper has on purpose.

use crate::error::KeeperError;
use crate::home::Home;
use crate::shelf::Shelf;
use gapless_sys::{PidFd, activation, notify, program};
use std::ffi::OsString;
use std::time::{Duration, Instant};

/// The variable in which control finds the keeper's process id.
pub const KEEPER_PID: &str = "GAPLESS_KEEPER_PID";

/// Control, running.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) pid: u32,
    handle: PidFd,
    since: Instant,
}

impl Control {
    /// Starts `command` (our own program, and arguments) with everything on the shelf in its hands.
    pub(crate) fn start(command: &[OsString], home: &Home, shelf: &Shelf) -> Result<Self, KeeperError> {
        let failed = |error| KeeperError::System { doing: "start control", error };
        let (named, arguments) =
            command.split_first().ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
        let log = home.log("control.log").map_err(failed)?;
        let output = (log.try_clone().map_err(failed)?.into(), log.into());
        let ours = [
            (KEEPER_PID.into(), std::process::id().to_string().into()),
            (notify::SOCKET.into(), home.inbox_file().into_os_string()),
        ];
        let inherited = std::env::vars_os().filter(|(name, _)| name != KEEPER_PID && name != notify::SOCKET);
        let environment = inherited.chain(ours);
        let child = activation::spawn(program::again(named), arguments, environment, &shelf.all(), output)
            .map_err(failed)?;
        // The child is not reaped by anybody before the loop comes round, so the pid is still its own.
        let handle = PidFd::open(child.id()).map_err(failed)?;
        Ok(Self { pid: child.id(), handle, since: Instant::now() })
    }

    /// The one that whoever was here before us in this process has started. As our child it is not reaped by
    /// anybody else, so the pid is still its own.
    pub(crate) fn adopt(pid: u32) -> Result<Self, KeeperError> {
        let failed = |error| KeeperError::System { doing: "take control over", error };
        Ok(Self { pid, handle: PidFd::open(pid).map_err(failed)?, since: Instant::now() })
    }

    /// How long it has run.
    pub(crate) fn ran(&self) -> Duration {
        self.since.elapsed()
    }

    /// Passes a signal on; one that ended meanwhile needs none.
    pub(crate) fn signal(&self, number: i32) {
        let _ = self.handle.signal(number);
    }
}
