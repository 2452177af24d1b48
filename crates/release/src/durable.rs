//! Making sure that what was written stays written, whatever happens to the power.

use crate::error::{Error, Tried};
use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

/// Makes a directory and those above it that are missing, for nobody else to look into.
pub(crate) fn make_directory(path: &Utf8Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).tried("make the directory", path)
}

/// Writes a file for nobody else to read; not yet through to the disk.
pub(crate) fn write(path: &Utf8Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .tried("create", path)?;
    file.write_all(bytes).tried("write", path)
}

/// Writes a file through to the disk.
pub(crate) fn sync(path: &Utf8Path) -> Result<(), Error> {
    let open = File::open(path).tried("open", path)?;
    open.sync_all().tried("write through to the disk", path)
}

/// Writes the names in a directory through to the disk: after a rename, that it happened.
pub(crate) fn sync_names(directory: &Utf8Path) -> Result<(), Error> {
    sync(directory)
}

/// Writes everything below a directory through to the disk, by one call for its whole file system
/// (`syncfs(2)`): one `fsync` for each file would take minutes for a `node_modules`.
pub(crate) fn sync_tree(directory: &Utf8Path) -> Result<(), Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = rustix::fs::open(directory.as_str(), flags, Mode::empty()).tried("open", directory)?;
    rustix::fs::syncfs(open).tried("write through to the disk", directory)
}

/// Renames, and makes it last.
pub(crate) fn rename(from: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    std::fs::rename(from, to).tried("rename", from)?;
    match to.parent() {
        Some(parent) => sync_names(parent),
        None => Ok(()),
    }
}
