//! Where things are.

use crate::error::{Error, Tried};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::{AppName, ReleaseId};
use std::io;

/// The releases of all apps of an installation.
#[derive(Debug, Clone)]
pub struct Releases {
    pub(crate) home: Utf8PathBuf,
}

impl Releases {
    /// Those below this `GAPLESS_HOME`, an absolute path. Nothing is touched yet.
    pub fn new(home: impl Into<Utf8PathBuf>) -> Self {
        Self { home: home.into() }
    }

    /// The directory of all apps.
    pub(crate) fn apps(&self) -> Utf8PathBuf {
        self.home.join("apps")
    }

    /// The directory of an app.
    pub(crate) fn app(&self, app: &AppName) -> Utf8PathBuf {
        self.apps().join(app.as_str())
    }

    /// The directory of an app's releases.
    pub(crate) fn releases(&self, app: &AppName) -> Utf8PathBuf {
        self.app(app).join("releases")
    }

    /// The directory of a release, whether it exists or not.
    pub fn directory(&self, app: &AppName, id: ReleaseId) -> Utf8PathBuf {
        self.releases(app).join(id.to_string())
    }

    /// The releases that an app has, the oldest first; their manifests are not read. Empty for an app that is
    /// not known.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn ids(&self, app: &AppName) -> Result<Vec<ReleaseId>, Error> {
        let mut ids: Vec<ReleaseId> =
            names(&self.releases(app))?.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }
}

/// The names in a directory; none if it does not exist. Names that are not UTF-8 are not ours.
pub(crate) fn names(directory: &Utf8Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).tried("read", directory),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.tried("read", directory)?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}
