//! The code of a release whose instances run as another user is that user's: they may have to write where they are.

use gapless_model::Release;
use gapless_sys::identity::Identity;
use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

/// Gives a release's own copy of the code to the user that it runs as.
///
/// # Errors
/// A message for people.
pub(crate) fn give(release: &Release) -> Result<(), String> {
    let process = &release.spec.process;
    let (Some(code), true) = (&release.code, process.is_another()) else { return Ok(()) };
    let cannot =
        |error: &dyn std::fmt::Display| format!("cannot give {code} to the user of its app: {error}");
    let who = Identity::named(process.user.as_deref(), process.group.as_deref()).map_err(|e| cannot(&e))?;
    tree(code.as_std_path(), who.uid, who.gid).map_err(|e| cannot(&e))
}

/// What is in a directory before the directory itself: whoever owns one could put a link in place of what is in it.
fn tree(root: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let mut found: Vec<PathBuf> = vec![root.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        if fs::symlink_metadata(&path)?.is_dir() {
            for entry in fs::read_dir(&path)? {
                found.push(entry?.path());
            }
        }
        next += 1;
    }
    found.into_iter().rev().try_for_each(|path| lchown(path, Some(uid), Some(gid)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn links_are_given_and_not_followed() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("NOT SHOWN: files given away, as this test is not run as root");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let (code, outside) = (place.path().join("code"), place.path().join("outside"));
        fs::create_dir_all(code.join("a/b")).unwrap();
        fs::write(code.join("a/b/file"), "").unwrap();
        fs::write(&outside, "").unwrap();
        symlink(&outside, code.join("a/link")).unwrap();
        tree(&code, 7, 8).unwrap();
        for path in ["", "a", "a/b", "a/b/file", "a/link"] {
            let meta = fs::symlink_metadata(code.join(path)).unwrap();
            assert_eq!((meta.uid(), meta.gid()), (7, 8), "{path}");
        }
        assert_eq!(fs::metadata(&outside).unwrap().uid(), 0);
    }
}
