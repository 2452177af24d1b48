//! Becoming somebody else, for good: what a process does just before it becomes another program. All of it is for a
//! process with one thread.

use crate::account;
use rustix::fs::Mode;
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::io;

/// Somebody to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's number.
    pub uid: u32,
    /// The first group's.
    pub gid: u32,
    /// All groups', the first among them.
    pub groups: Vec<u32>,
    /// The user's name and home, if it has an entry of its own.
    pub user: Option<account::User>,
}

/// Why nobody is meant by some words.
#[derive(Debug, thiserror::Error)]
pub enum UnknownError {
    /// No such user.
    #[error("there is no user {0:?} on this machine")]
    User(String),
    /// No such group.
    #[error("there is no group {0:?} on this machine")]
    Group(String),
    /// A number without an entry: its group is not known.
    #[error("the user {0} has no entry on this machine, so that its group has to be named too")]
    NoGroup(u32),
    /// The name service does not answer.
    #[error("cannot look up {0:?}: {1}")]
    Lookup(String, #[source] io::Error),
}

impl Identity {
    /// Who is meant by a user and a group, each by name or number. Without a user it is ourselves in another group;
    /// without a group it is the user with all its groups.
    ///
    /// # Errors
    /// Nobody is.
    pub fn named(user: Option<&str>, group: Option<&str>) -> Result<Self, UnknownError> {
        let gid = group.map(group_named).transpose()?;
        let Some(name) = user else {
            let uid = rustix::process::geteuid().as_raw();
            let gid = gid.unwrap_or_else(|| rustix::process::getegid().as_raw());
            return Ok(Self { uid, gid, groups: vec![gid], user: None });
        };
        let lookup = |error| UnknownError::Lookup(name.to_owned(), error);
        let mut found = account::user(name).map_err(lookup)?;
        let number = name.parse::<u32>().ok();
        if let (None, Some(number)) = (&found, number) {
            found = account::user_of(number).map_err(lookup)?;
        }
        match (found, number) {
            (Some(user), _) => {
                let gid = gid.unwrap_or(user.gid);
                let groups = account::groups_of(&user.name, gid).map_err(lookup)?;
                Ok(Self { uid: user.uid, gid, groups, user: Some(user) })
            }
            (None, Some(uid)) => {
                let gid = gid.ok_or(UnknownError::NoGroup(uid))?;
                Ok(Self { uid, gid, groups: vec![gid], user: None })
            }
            (None, None) => Err(UnknownError::User(name.to_owned())),
        }
    }

    /// Becomes it. There is no way back.
    ///
    /// # Errors
    /// `EPERM` without the rights to; `EINVAL` for numbers that are none in this namespace.
    pub fn assume(&self) -> io::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        // The user last: only root may change the others.
        set_thread_groups(&groups)?;
        set_thread_res_gid(gid, gid, gid)?;
        Ok(set_thread_res_uid(uid, uid, uid)?)
    }
}

fn group_named(name: &str) -> Result<u32, UnknownError> {
    let found = account::group(name).map_err(|error| UnknownError::Lookup(name.to_owned(), error))?;
    found.or_else(|| name.parse().ok()).ok_or_else(|| UnknownError::Group(name.to_owned()))
}

/// What files made from here on are not for (`umask(2)`).
pub fn set_umask(mask: u32) {
    rustix::process::umask(Mode::from_bits_truncate(mask));
}

/// How many files may be open from here on, and may be asked for (`RLIMIT_NOFILE`, `getrlimit(2)`).
///
/// # Errors
/// `EPERM` for more than the hard limit without the rights to, or more than the machine has
/// (`/proc/sys/fs/nr_open`).
pub fn set_open_files(most: u64) -> io::Result<()> {
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// The most files that we may have open, and may give to others without the rights of root.
pub fn most_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_mean_somebody() {
        let root = Identity::named(Some("root"), None).unwrap();
        assert_eq!((root.uid, root.gid, &root.user.as_ref().unwrap().name[..]), (0, 0, "root"));
        assert_eq!(Identity::named(Some("0"), None).unwrap(), root);
        let other = Identity::named(Some("4000000000"), Some("77")).unwrap();
        assert_eq!((other.uid, other.gid, other.groups), (4_000_000_000, 77, vec![77]));
        let here = Identity::named(None, Some("root")).unwrap();
        assert_eq!((here.uid, here.gid), (rustix::process::geteuid().as_raw(), 0));
    }

    #[test]
    fn nobody_is_meant_by_others() {
        let said = |user, group| Identity::named(user, group).unwrap_err().to_string();
        assert!(said(Some("no such"), None).contains("no user \"no such\""));
        assert!(said(Some("root"), Some("no such")).contains("no group \"no such\""));
        assert!(said(Some("4000000000"), None).contains("its group has to be named"));
    }
}
