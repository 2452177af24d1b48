//! Connecting to the socket that somebody less trusted has made, and to nothing else.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A socket file, held where it is.
#[derive(Debug)]
pub struct Pinned {
    /// None where nobody else can have put anything there.
    held: Option<OwnedFd>,
    path: PathBuf,
}

impl Pinned {
    /// Holds the socket at `path`. In a directory of our own it is what it is. In that of somebody else it must be a
    /// socket of that user: a link there to a socket of root's would have us speak to that in root's name.
    ///
    /// # Errors
    /// There is no such file; `PermissionDenied` for anything but a socket of the directory's owner.
    pub fn at(path: &Path) -> io::Result<Self> {
        let here = |held| Ok(Self { held, path: path.to_owned() });
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return here(None) };
        let ours = rustix::process::geteuid().as_raw();
        let owner = statat(rustix::fs::CWD, directory, AtFlags::SYMLINK_NOFOLLOW)?.st_uid;
        if owner == ours {
            return here(None);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(directory, flags | OFlags::DIRECTORY, Mode::empty())?;
        let owner = fstat(&directory)?.st_uid;
        let socket = openat(&directory, name, flags, Mode::empty())?;
        let found = fstat(&socket)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Socket || found.st_uid != owner {
            let what = format!("{} is no socket of the user whose directory it is in", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        Ok(Self { path: format!("/proc/self/fd/{}", socket.as_raw_fd()).into(), held: Some(socket) })
    }

    /// Where to connect as long as this is held.
    pub fn path(&self) -> &Path {
        debug_assert!(self.held.is_none() || self.path.starts_with("/proc/self/fd"));
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};
    use std::os::unix::net::{UnixListener, UnixStream};

    const NOBODY: u32 = 65_534;

    #[test]
    fn in_a_directory_of_ours_it_is_what_it_is() {
        let directory = std::env::temp_dir().join(format!("gapless-pinned-ours-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let pinned = Pinned::at(&path).unwrap();
        assert_eq!(pinned.path(), path);
        UnixStream::connect(pinned.path()).unwrap();
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn in_that_of_somebody_else_it_is_theirs_or_nothing() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("NOT SHOWN: sockets of others, as this test is not run as root");
            return;
        }
        let directory = std::env::temp_dir().join(format!("gapless-pinned-theirs-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        chown(&directory, Some(NOBODY), None).unwrap();
        let path = |name: &str| directory.join(name);
        let _theirs = UnixListener::bind(path("theirs")).unwrap();
        chown(path("theirs"), Some(NOBODY), None).unwrap();
        let _ours = UnixListener::bind(path("ours")).unwrap();
        symlink(path("ours"), path("link")).unwrap();
        symlink(path("theirs"), path("link-to-theirs")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        chown(path("file"), Some(NOBODY), None).unwrap();

        let pinned = Pinned::at(&path("theirs")).unwrap();
        UnixStream::connect(pinned.path()).unwrap();
        for name in ["ours", "link", "link-to-theirs", "file"] {
            let refused = Pinned::at(&path(name)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{name}");
        }
        assert_eq!(Pinned::at(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
