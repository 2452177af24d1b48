//! The rights of the files on the way to the control socket: the kernel keeps everybody out who could be told
//! nothing but that he may not.
//!
//! Only the home and the socket are ever opened. What else is in the home stays 0600, its directories 0700, and
//! the home itself lets others through (`x`) and shows them nothing.

use super::{Looking, Rights, not_given};
use camino::Utf8Path;
use gapless_api::{ErrorBody, SOCKET};
use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};

/// How far the doors are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// For our own user.
    Not,
    /// For the members of one group.
    To(u32),
    /// For everybody who comes; most are turned away with a word.
    Wide,
}

impl Open {
    const fn home(self) -> u32 {
        match self {
            Self::Not => 0o700,
            Self::To(_) => 0o710,
            Self::Wide => 0o711,
        }
    }

    const fn socket(self) -> u32 {
        match self {
            Self::Not => 0o600,
            Self::To(_) => 0o660,
            Self::Wide => 0o666,
        }
    }
}

impl Rights {
    fn open(&self) -> Open {
        match (&self.commanders, &self.readers) {
            (None, Looking::Nobody) => Open::Not,
            (Some(group), Looking::Nobody) | (None, Looking::Members(group)) => Open::To(group.gid),
            (Some(one), Looking::Members(other)) if one.gid == other.gid => Open::To(one.gid),
            _ => Open::Wide,
        }
    }

    /// Opens the home so far.
    ///
    /// # Errors
    /// The group cannot be given it: nothing has changed but, at most, the home.
    pub(crate) fn open_home(&self, home: &Utf8Path) -> Result<(), ErrorBody> {
        let open = self.open();
        // Instances of other users go through as well, to what is theirs in `run`.
        let passed = std::fs::metadata(home.join("run")).map_or(0, |run| run.permissions().mode() & 0o011);
        give(home, open, open.home() | passed).map_err(|error| not_given(&error))
    }

    /// Opens the socket so far, at `path`: it may not be in its place yet.
    ///
    /// # Errors
    /// Those of `chown(2)` and `chmod(2)`.
    pub(crate) fn open_socket(&self, path: &Utf8Path) -> io::Result<()> {
        let open = self.open();
        give(path, open, open.socket())
    }

    /// Opens home and socket so far.
    ///
    /// # Errors
    /// The group cannot be given them.
    pub(crate) fn open_doors(&self, home: &Utf8Path) -> Result<(), ErrorBody> {
        self.open_home(home)?;
        self.open_socket(&home.join(SOCKET)).map_err(|error| not_given(&error))
    }
}

/// First the group, then the mode: never the mode for a group that it is not meant for.
fn give(path: &Utf8Path, open: Open, mode: u32) -> io::Result<()> {
    if let Open::To(gid) = open {
        chown(path, None, Some(gid))?;
    }
    set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::super::{Group, Looking};
    use super::*;

    #[test]
    fn they_open_as_far_as_somebody_may_come() {
        let group = |gid| Group { name: "g".to_owned(), gid };
        let rights = |commanders: Option<u32>, readers| Rights {
            commanders: commanders.map(group),
            readers,
            ..Rights::ours_only()
        };
        let modes = |rights: Rights| (rights.open().home(), rights.open().socket());
        assert_eq!(modes(rights(None, Looking::Nobody)), (0o700, 0o600));
        assert_eq!(modes(rights(Some(7), Looking::Nobody)), (0o710, 0o660));
        assert_eq!(modes(rights(Some(7), Looking::Members(group(7)))), (0o710, 0o660));
        assert_eq!(modes(rights(Some(7), Looking::Members(group(8)))), (0o711, 0o666));
        assert_eq!(modes(rights(None, Looking::Everybody)), (0o711, 0o666));
    }
}
