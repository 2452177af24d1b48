//! Removing releases.

use crate::error::Error;
use crate::layout::Releases;
use crate::{aside, durable};
use camino::Utf8Path;
use gapless_model::{AppName, ReleaseId};
use std::io;

impl Releases {
    /// Removes one release. One that is not there is fine; so that the order may be repeated.
    ///
    /// # Errors
    /// [`Error::Current`]; or it cannot be removed, and is there whole or not at all.
    pub fn remove(&self, app: &AppName, id: ReleaseId) -> Result<(), Error> {
        let directory = self.directory(app, id);
        if self.current(app)? == Some(id) {
            return Err(Error::Current { app: app.clone(), id, path: directory });
        }
        discard(&directory)
    }

    /// Removes an app with all its releases. One that is not known is fine.
    ///
    /// # Errors
    /// It cannot be removed; it is there whole or not at all.
    pub fn remove_app(&self, app: &AppName) -> Result<(), Error> {
        discard(&self.app(app))
    }
}

/// Takes a directory away in one step, then removes what is in it. Nothing there is fine.
pub(crate) fn discard(directory: &Utf8Path) -> Result<(), Error> {
    let removed = aside::removed(directory);
    // One that an earlier removal left would be in the way.
    aside::remove(removed.as_std_path())?;
    match durable::rename(directory, &removed) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    aside::remove(removed.as_std_path())
}
