//! Copying a tree.

use crate::error::{Error, Tried};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, FileTimes, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Copies a directory with all that is in it to `to`, which must not exist.
///
/// Files keep content, mode and time of modification (which `ETag`s and Python's caches go by); where the
/// file system can share blocks it does (`copy_file_range(2)`). Links stay links, and lead where they led:
/// into the copy if they led into the source, else out to the same place. Left out are everything named
/// `.git`, and what is no code: sockets, FIFOs, devices.
pub(crate) fn tree(from: &Path, to: &Path) -> Result<(), Error> {
    // Links are compared with real paths.
    let root = from.canonicalize().tried("find", from)?;
    // A list and not recursion: the thread's stack may be small, and the tree as deep as a path may be long.
    let mut waiting = vec![(root.clone(), to.to_owned())];
    let mut filled = Vec::new();
    while let Some((from, to)) = waiting.pop() {
        let mode = std::fs::metadata(&from).tried("read", &from)?.permissions().mode() & 0o7777;
        // Writable for us until it is filled.
        DirBuilder::new().mode(mode | 0o700).create(&to).tried("make the directory", &to)?;
        waiting.extend(directory(&root, &from, &to)?);
        filled.push((to, mode));
    }
    filled.into_iter().rev().try_for_each(|(to, mode)| {
        std::fs::set_permissions(&to, Permissions::from_mode(mode)).tried("set the mode of", to)
    })
}

/// Copies the files and links of a directory, and says which directories are in it, each with its copy's
/// place.
fn directory(root: &Path, from: &Path, to: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let mut below = Vec::new();
    for entry in std::fs::read_dir(from).tried("read", from)? {
        let entry = entry.tried("read", from)?;
        if entry.file_name() == OsStr::new(".git") {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().tried("read", &source)?;
        if kind.is_dir() {
            below.push((source, copy));
        } else if kind.is_symlink() {
            link(root, &source, &copy)?;
        } else if kind.is_file() {
            file(&source, &copy)?;
        }
    }
    Ok(below)
}

fn file(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::copy(from, to).map_err(|source| Error::Io { tried: "copy", path: from.into(), source })?;
    let modified = std::fs::metadata(from).and_then(|about| about.modified()).tried("read", from)?;
    // A mode without the right to read would keep us out as well; times are not worth a failure.
    if let Ok(copy) = File::open(to) {
        let _ = copy.set_times(FileTimes::new().set_modified(modified));
    }
    Ok(())
}

fn link(root: &Path, from: &Path, to: &Path) -> Result<(), Error> {
    let target = std::fs::read_link(from).tried("read the link", from)?;
    let parent = from.parent().unwrap_or(root);
    symlink(led(root, parent, &target), to).tried("make the link", to)
}

/// Where a link in `parent` to `target` has to lead from the copy.
fn led(root: &Path, parent: &Path, target: &Path) -> PathBuf {
    let absolute = plain(&parent.join(target));
    match absolute.strip_prefix(root) {
        Ok(_) if target.is_relative() => target.to_owned(),
        Ok(inside) => {
            let up = parent.strip_prefix(root).map_or(0, |below| below.components().count());
            let path: PathBuf = std::iter::repeat_n(Component::ParentDir.as_os_str(), up).collect();
            let path = path.join(inside);
            if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
        }
        Err(_) => absolute,
    }
}

/// Takes `.` and `..` out by name. `parent` is real, so only links within the target itself could tell a
/// difference.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_led() {
        let led = |parent: &str, target: &str| led(Path::new("/src"), Path::new(parent), Path::new(target));
        assert_eq!(led("/src/bin", "../lib/x.js"), Path::new("../lib/x.js"));
        assert_eq!(led("/src/bin", "/src/lib/x.js"), Path::new("../lib/x.js"));
        assert_eq!(led("/src", "/src"), Path::new("."));
        assert_eq!(led("/src/a/b", "/src"), Path::new("../.."));
        assert_eq!(led("/src", "../shared/modules"), Path::new("/shared/modules"));
        assert_eq!(led("/src", "/etc/hosts"), Path::new("/etc/hosts"));
        assert_eq!(led("/src/a", "../../srcs"), Path::new("/srcs"));
    }
}
