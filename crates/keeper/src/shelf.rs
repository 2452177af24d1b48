//! The descriptors that are kept for control.

use gapless_sys::notify::Notice;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// As many as are kept; more are closed again, as systemd does beyond `FileDescriptorStoreMax=`.
const MAX: usize = 512;

/// What systemd calls descriptors that came without a name.
const NAMELESS: &str = "stored";

/// Descriptors by name, in the order in which they came. Several may have one name.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Vec<(String, OwnedFd)>);

impl Shelf {
    /// Does what a message asks. A descriptor that is kept under the same name already is not kept twice.
    pub(crate) fn heed(&mut self, notice: Notice, descriptors: Vec<OwnedFd>) {
        let name = notice.name.unwrap_or_else(|| NAMELESS.to_owned());
        if notice.remove {
            self.0.retain(|(kept, _)| *kept != name);
        }
        if notice.store && gapless_sys::fdstore::is_name(&name) {
            for descriptor in descriptors {
                if self.0.len() < MAX && !self.holds(&name, &descriptor) {
                    self.0.push((name.clone(), descriptor));
                }
            }
        }
    }

    /// What is on it already.
    pub(crate) fn of(kept: Vec<(String, OwnedFd)>) -> Self {
        Self(kept)
    }

    /// All of them, to be handed over.
    pub(crate) fn all(&self) -> Vec<(&str, BorrowedFd<'_>)> {
        self.0.iter().map(|(name, descriptor)| (name.as_str(), descriptor.as_fd())).collect()
    }

    fn holds(&self, name: &str, descriptor: &OwnedFd) -> bool {
        let Ok(new) = identity(descriptor) else { return false };
        self.0.iter().any(|(kept, old)| kept == name && identity(old).is_ok_and(|old| old == new))
    }
}

/// Device and inode: one of its own for every socket and pipe.
fn identity(descriptor: &OwnedFd) -> io::Result<(u64, u64)> {
    let about = File::from(descriptor.try_clone()?).metadata()?;
    Ok((about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn store(name: &str) -> Notice {
        Notice { store: true, name: Some(name.to_owned()), ..Notice::default() }
    }

    fn names(shelf: &Shelf) -> Vec<&str> {
        shelf.all().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_handed_over_twice_is_kept_once() {
        let (a, b) = UnixStream::pair().unwrap();
        let mut shelf = Shelf::default();
        shelf.heed(store("x"), vec![a.as_fd().try_clone_to_owned().unwrap()]);
        shelf.heed(store("x"), vec![a.as_fd().try_clone_to_owned().unwrap()]);
        shelf.heed(store("x"), vec![b.as_fd().try_clone_to_owned().unwrap()]);
        shelf.heed(store("y"), vec![a.as_fd().try_clone_to_owned().unwrap()]);
        shelf.heed(Notice { store: true, ..Notice::default() }, vec![a.into()]);
        assert_eq!(names(&shelf), ["x", "x", "y", "stored"]);
        shelf.heed(Notice { remove: true, name: Some("x".into()), ..Notice::default() }, Vec::new());
        assert_eq!(names(&shelf), ["y", "stored"]);
    }

    #[test]
    fn other_messages_and_bad_names_keep_nothing() {
        let (a, b) = UnixStream::pair().unwrap();
        let mut shelf = Shelf::default();
        shelf.heed(Notice { ready: true, ..Notice::default() }, vec![a.into()]);
        shelf.heed(store("a:b"), vec![b.into()]);
        assert_eq!(names(&shelf), [""; 0]);
    }
}
