//! Names beside the real ones, for what is not whole yet or not any more. They begin with a dot, which no app
//! and no release does.

use crate::error::{Error, Tried};
use crate::layout::{Releases, names};
use camino::{Utf8Path, Utf8PathBuf};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PARTIAL: &str = ".partial";
const REMOVED: &str = ".removed";

/// Where `path` is made until it is whole.
pub(crate) fn partial(path: &Utf8Path) -> Utf8PathBuf {
    path.with_file_name(format!(".{}{PARTIAL}", path.file_name().unwrap_or_default()))
}

/// Where `path` goes before it is removed.
pub(crate) fn removed(path: &Utf8Path) -> Utf8PathBuf {
    path.with_file_name(format!(".{}{REMOVED}", path.file_name().unwrap_or_default()))
}

impl Releases {
    /// Removes what a crash left half made or half removed, of all apps. Only when nobody makes a release:
    /// control calls it when it begins.
    ///
    /// # Errors
    /// Something cannot be removed; the rest is removed all the same.
    pub fn sweep(&self) -> Result<(), Error> {
        let apps = self.apps();
        let mut outcome = clear(&apps);
        for app in names(&apps)?.iter().filter(|name| !name.starts_with('.')) {
            let app = apps.join(app);
            outcome = outcome.and(clear(&app)).and(clear(&app.join("releases")));
        }
        outcome
    }
}

fn clear(directory: &Utf8Path) -> Result<(), Error> {
    let mut outcome = Ok(());
    for name in names(directory)? {
        if name.starts_with('.') && (name.ends_with(PARTIAL) || name.ends_with(REMOVED)) {
            outcome = outcome.and(remove(directory.join(name).as_std_path()));
        }
    }
    outcome
}

/// Removes a file, a link or a whole directory, also one with directories that may not be written to.
/// Nothing there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let is_directory = match std::fs::symlink_metadata(path) {
        Ok(about) => about.is_dir(),
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error).tried("remove", path),
    };
    let removed = match is_directory {
        false => std::fs::remove_file(path),
        true => match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                make_writable(path);
                std::fs::remove_dir_all(path)
            }
            other => other,
        },
    };
    match removed {
        Err(error) if gone(&error) => Ok(()),
        other => other.tried("remove", path),
    }
}

/// Gives the owner all rights on every directory below. What fails here fails again when it is removed, and
/// is said then.
fn make_writable(directory: &Path) {
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let _ = std::fs::set_permissions(&directory, Permissions::from_mode(0o700));
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        let directories = entries.flatten().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(directories.map(|entry| entry.path()));
    }
}
