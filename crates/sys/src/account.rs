//! Users and groups of this machine, by the name service that everybody else asks (`getpwnam_r(3)`,
//! `getgrnam_r(3)`): files, or a directory somewhere. May take as long as that takes.
#![expect(unsafe_code, reason = "neither the standard library nor rustix asks the name service")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::ptr::null_mut;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// Its home directory.
    pub home: String,
}

/// The most that an entry may take, in bytes: a group with thousands of members.
const LONGEST: usize = 1 << 20;

/// The user of that name; none if there is none.
///
/// # Errors
/// Those of the name service; a name with a zero byte.
pub fn user(name: &str) -> io::Result<Option<User>> {
    let name = CString::new(name)?;
    // SAFETY: all pointers are to what lives through the call, and the buffer has the length that is said.
    looked_up(|entry, buffer, length, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), entry, buffer, length, found)
    })
}

/// The user of that number; none if there is none.
///
/// # Errors
/// Those of the name service.
pub fn user_of(uid: u32) -> io::Result<Option<User>> {
    // SAFETY: as above.
    looked_up(|entry, buffer, length, found| unsafe { libc::getpwuid_r(uid, entry, buffer, length, found) })
}

/// The number of the group of that name; none if there is none.
///
/// # Errors
/// Those of the name service; a name with a zero byte.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    let name = CString::new(name)?;
    asked(|buffer, length| {
        // SAFETY: plain numbers and pointers, for which zeros are values.
        let mut entry: libc::group = unsafe { std::mem::zeroed() };
        let mut found = null_mut();
        // SAFETY: all pointers are to what lives through the call, and the buffer has the length that is said.
        let code = unsafe { libc::getgrnam_r(name.as_ptr(), &raw mut entry, buffer, length, &raw mut found) };
        (code, (!found.is_null()).then_some(entry.gr_gid))
    })
}

/// All groups that a user is in, `first` among them (`getgrouplist(3)`).
///
/// # Errors
/// Those of the name service; a name with a zero byte.
pub fn groups_of(user: &str, first: u32) -> io::Result<Vec<u32>> {
    let name = CString::new(user)?;
    let mut groups = vec![0_u32; 32];
    loop {
        let mut count = c_int::try_from(groups.len()).unwrap_or(c_int::MAX);
        // SAFETY: the list has as many places as `count` says.
        let code = unsafe { libc::getgrouplist(name.as_ptr(), first, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if code >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        if groups.len() >= LONGEST {
            return Err(io::Error::other(format!("{user} is in more groups than can be")));
        }
        groups.resize(count.max(groups.len() * 2), 0);
    }
}

fn looked_up(
    ask: impl Fn(*mut libc::passwd, *mut c_char, usize, *mut *mut libc::passwd) -> c_int,
) -> io::Result<Option<User>> {
    asked(|buffer, length| {
        // SAFETY: plain numbers and pointers, for which zeros are values.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = null_mut();
        let code = ask(&raw mut entry, buffer, length, &raw mut found);
        let user = (!found.is_null()).then(|| User {
            name: text(entry.pw_name),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            home: text(entry.pw_dir),
        });
        (code, user)
    })
}

/// Asks with a buffer, and again with a longer one while it is too short.
fn asked<T>(ask: impl Fn(*mut c_char, usize) -> (c_int, Option<T>)) -> io::Result<Option<T>> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        match ask(buffer.as_mut_ptr(), buffer.len()) {
            (0, found) => return Ok(found),
            (libc::ERANGE, _) if buffer.len() < LONGEST => buffer.resize(buffer.len() * 4, 0),
            // "Not found" has many names (`getpwnam(3)`, ERRORS).
            (libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM, _) => return Ok(None),
            (code, _) => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the entry's texts end with a zero and lie in the buffer, which is still there.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_by_name_and_number() {
        let root = user("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(user_of(0).unwrap().unwrap(), root);
        assert_eq!(group("root").unwrap(), Some(0));
        assert!(groups_of("root", 4711).unwrap().contains(&4711));
    }

    #[test]
    fn strangers_are_nobody() {
        assert_eq!(user("no such user here").unwrap(), None);
        assert_eq!(group("no such group here").unwrap(), None);
        assert_eq!(user_of(u32::MAX - 42).unwrap(), None);
        assert!(user("a\0b").is_err());
    }
}
