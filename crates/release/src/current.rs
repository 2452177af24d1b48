//! Which release is the current one.

use crate::error::{Error, Tried};
use crate::layout::Releases;
use crate::{aside, durable};
use gapless_model::{AppName, ReleaseId};
use std::io;
use std::os::unix::fs::symlink;

impl Releases {
    /// Makes a release the current one: `current` leads to it, in one step. Whoever looks meanwhile finds the
    /// old one or the new one, never none.
    ///
    /// # Errors
    /// [`Error::Missing`]; or the system refuses, and `current` is as it was.
    pub fn activate(&self, app: &AppName, id: ReleaseId) -> Result<(), Error> {
        let directory = self.directory(app, id);
        if !directory.is_dir() {
            return Err(Error::Missing { app: app.clone(), id, path: directory });
        }
        let current = self.app(app).join("current");
        let new = aside::partial(&current);
        aside::remove(new.as_std_path())?;
        // Relative, so that GAPLESS_HOME may be moved as a whole.
        symlink(format!("releases/{id}"), &new).tried("make the link", &new)?;
        durable::rename(&new, &current)
    }

    /// The current release; none before the first was activated.
    ///
    /// # Errors
    /// `current` is there and cannot be read.
    pub fn current(&self, app: &AppName) -> Result<Option<ReleaseId>, Error> {
        let current = self.app(app).join("current");
        match current.read_link_utf8() {
            Ok(target) => Ok(target.file_name().and_then(|name| name.parse().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).tried("read the link", &current),
        }
    }
}
