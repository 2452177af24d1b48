//! What the keeper has in `GAPLESS_HOME`.

use crate::error::KeeperError;
use gapless_sys::lock::{self, Attempt, Lock};
use gapless_sys::notify;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The directory, and our places in it.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

/// The process id of the keeper of `home`; none while none runs.
pub fn holder(home: &Path) -> Option<u32> {
    lock::holder(&Home(home.to_owned()).lock_file())
}

impl Home {
    /// Makes the directories that are missing, for the owner's eyes only.
    pub(crate) fn prepare(home: &Path) -> Result<Self, KeeperError> {
        let this = Self(home.to_owned());
        for path in [this.0.clone(), this.0.join("run"), this.0.join("logs")] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|error| KeeperError::Home { doing: "make the directory", path, error })?;
        }
        Ok(this)
    }

    /// Takes the place of keeper, which only one process can have.
    pub(crate) fn hold(&self) -> Result<Lock, KeeperError> {
        let path = self.lock_file();
        match lock::try_hold(&path) {
            Ok(Attempt::Held(lock)) => Ok(lock),
            Ok(Attempt::Taken { by }) => Err(KeeperError::Taken { home: self.0.clone(), by }),
            Err(error) => Err(KeeperError::Home { doing: "lock", path, error }),
        }
    }

    /// Opens the socket on which control hands descriptors over.
    pub(crate) fn inbox(&self) -> Result<OwnedFd, KeeperError> {
        let path = self.inbox_file();
        notify::bind_at(&path).map_err(|error| KeeperError::Home { doing: "listen on", path, error })
    }

    /// Where that socket is.
    pub(crate) fn inbox_file(&self) -> PathBuf {
        self.0.join("run/keeper.notify")
    }

    /// The log `name`, to be appended to; where it cannot be had (a full disk), nothing is kept of it, as what
    /// is logged matters less than what is done.
    pub(crate) fn log(&self, name: &str) -> io::Result<File> {
        let path = self.0.join("logs").join(name);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        log.or_else(|_| OpenOptions::new().write(true).open("/dev/null"))
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("keeper.lock")
    }
}
