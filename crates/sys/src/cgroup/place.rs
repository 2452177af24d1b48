//! Where in the tree of cgroups a process is.

use super::Cgroup;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// There is no tree, or the process is nowhere in what is mounted of it.
    #[error("no cgroups of version 2 are mounted here")]
    None,
    /// `/proc` cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The cgroup of version 2 that process `pid` is in.
///
/// # Errors
/// There is no such process, no such tree, or it is not in what can be seen of it.
pub fn of_process(pid: u32) -> Result<Cgroup, PlaceError> {
    let read =
        |path: PathBuf| fs::read_to_string(&path).map_err(|error| PlaceError::Unreadable { path, error });
    let mounts = read("/proc/self/mountinfo".into())?;
    let membership = read(format!("/proc/{pid}/cgroup").into())?;
    let own = membership.lines().find_map(|line| line.strip_prefix("0::")).ok_or(PlaceError::None)?;
    within(&mounts, own).map(Cgroup::at).ok_or(PlaceError::None)
}

/// The directory of a cgroup, by what is mounted (`proc_pid_mountinfo(5)`). The last mount lies over those before.
fn within(mounts: &str, own: &str) -> Option<PathBuf> {
    mounts.lines().rev().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, at) = (fields.next()?, unescaped(fields.next()?));
        let inside = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(&at).join(inside).components().collect())
    })
}

/// Spaces, tabs, line ends and backslashes stand as `\` and three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_what_is_mounted() {
        let whole = "24 1 0:1 / /proc rw - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            within(whole, "/system.slice/a.service"),
            Some("/sys/fs/cgroup/system.slice/a.service".into())
        );
        assert_eq!(within(whole, "/"), Some("/sys/fs/cgroup".into()));
        let hybrid = "41 32 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n\
                      42 32 0:38 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        assert_eq!(within(hybrid, "/x"), Some("/sys/fs/cgroup/unified/x".into()));
        let part = "30 23 0:26 /pod/one /sys/fs/my\\040cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(within(part, "/pod/one/two"), Some("/sys/fs/my cgroup/two".into()));
        assert_eq!(within(part, "/pod/other"), None);
        assert_eq!(within("24 1 0:1 / /proc rw - proc proc rw\n", "/"), None);
    }

    #[test]
    fn nobody_has_the_highest_pid() {
        assert!(of_process(u32::MAX).is_err());
    }
}
