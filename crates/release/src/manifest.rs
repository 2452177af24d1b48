//! What a release is, on disk.

use crate::aside;
use crate::durable;
use crate::error::{Error, Tried};
use crate::layout::Releases;
use camino::Utf8Path;
use gapless_model::release::Mark;
use gapless_model::{AppName, Release, ReleaseId};
use std::io;

const NAME: &str = "manifest.json";

/// Writes the manifest into a release's directory; not yet through to the disk.
pub(crate) fn write(directory: &Utf8Path, release: &Release) -> Result<(), Error> {
    let path = directory.join(NAME);
    let text = serde_json::to_vec_pretty(release)
        .map_err(|source| Error::Manifest { path: path.clone(), source })?;
    durable::write(&path, &text)
}

impl Releases {
    /// A release as it was made, with what is known of it since.
    ///
    /// # Errors
    /// [`Error::Missing`], or its manifest cannot be read.
    pub fn read(&self, app: &AppName, id: ReleaseId) -> Result<Release, Error> {
        let path = self.directory(app, id).join(NAME);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Missing { app: app.clone(), id, path });
            }
            other => other.tried("read", &path)?,
        };
        serde_json::from_slice(&text).map_err(|source| Error::Manifest { path, source })
    }

    /// All releases of an app, the oldest first, or why one cannot be read; none for an app that is not known.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self, app: &AppName) -> Result<Vec<Result<Release, Error>>, Error> {
        Ok(self.ids(app)?.into_iter().map(|id| self.read(app, id)).collect())
    }

    /// Notes what is known of a release.
    ///
    /// # Errors
    /// It cannot be read or written; then its mark is as it was.
    pub fn mark(&self, app: &AppName, id: ReleaseId, mark: Mark) -> Result<(), Error> {
        let release = self.read(app, id)?;
        if release.mark == mark {
            return Ok(());
        }
        let path = self.directory(app, id).join(NAME);
        let new = aside::partial(&path);
        let text = serde_json::to_vec_pretty(&Release { mark, ..release })
            .map_err(|source| Error::Manifest { path: path.clone(), source })?;
        durable::write(&new, &text)?;
        durable::sync(&new)?;
        durable::rename(&new, &path)
    }
}
