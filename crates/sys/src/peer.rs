//! Who is at the other end of a Unix socket, by the kernel's word.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// A process, as it was when it connected (`SO_PEERCRED` and `SO_PEERGROUPS`, `unix(7)` and `socket(7)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// Its process id; none if it has none here, being in another namespace.
    pub pid: Option<u32>,
}

impl Peer {
    /// Whoever connected `socket`.
    ///
    /// # Errors
    /// It is no connected Unix socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let socket = socket.as_fd();
        let credentials = credentials(socket.as_raw_fd())?;
        // 0 is said of a process that cannot be seen from here.
        let pid = u32::try_from(credentials.pid).ok().filter(|pid| *pid != 0);
        Ok(Self { uid: credentials.uid, gid: credentials.gid, groups: groups(socket.as_raw_fd())?, pid })
    }

    /// Whether it is in a group, first or supplementary.
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

fn credentials(socket: i32) -> io::Result<libc::ucred> {
    let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    #[expect(unsafe_code, reason = "to rustix no process has the number 0, and it stops there")]
    // SAFETY: the buffer has as many bytes as `length` says, and any bits make numbers.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(credentials) } else { Err(io::Error::last_os_error()) }
}

fn groups(socket: i32) -> io::Result<Vec<u32>> {
    let mut groups = vec![0_u32; 32];
    loop {
        let mut length = libc::socklen_t::try_from(size_of_val(groups.as_slice())).unwrap_or(0);
        #[expect(unsafe_code, reason = "neither the standard library nor rustix has it")]
        // SAFETY: the buffer has as many bytes as `length` says, and any bits make numbers.
        let result = unsafe {
            libc::getsockopt(
                socket,
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = length as usize / size_of::<u32>();
        if result == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        // It says how long the list is where it is longer.
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{getegid, geteuid, getgroups};
    use std::os::unix::net::UnixStream;

    #[test]
    fn it_is_ourselves_with_all_our_groups() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!((peer.uid, peer.gid), (geteuid().as_raw(), getegid().as_raw()));
        assert_eq!(peer.pid, Some(std::process::id()));
        let ours: Vec<u32> = getgroups().unwrap().into_iter().map(|group| group.as_raw()).collect();
        assert_eq!(peer.groups, ours);
        assert!(peer.is_in(peer.gid));
        assert!(!peer.is_in(u32::MAX - 7));
        assert!(Peer::of(std::fs::File::open("/dev/null").unwrap()).is_err());
    }
}
