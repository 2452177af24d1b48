//! Starting a keeper in the background.

use crate::error::KeeperError;
use crate::home::Home;
use gapless_sys::detach;
use std::ffi::OsString;
use std::path::Path;
use std::process::Child;

/// Starts `keeper` (program and arguments; it ends up in [`run`](crate::run)) for `home`, free of the terminal
/// and of us, with its output in `logs/keeper.log`.
///
/// It comes back at once: whether control answers is for the caller to see on its socket. A keeper that finds
/// another in its place ends with code 1, which [`Child::try_wait`] tells.
///
/// # Errors
/// The home cannot be written, or the program cannot be executed.
pub fn spawn(home: &Path, keeper: &[OsString]) -> Result<Child, KeeperError> {
    let failed = |error| KeeperError::System { doing: "start the keeper", error };
    let (program, arguments) =
        keeper.split_first().ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    let log = Home::prepare(home)?.log("keeper.log").map_err(failed)?;
    detach::spawn(program, arguments, log).map_err(failed)
}
